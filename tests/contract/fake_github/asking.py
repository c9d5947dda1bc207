"""Questions to the fake GitHub as they go over the wire, and keys for its Apps."""

import functools
import http.client
import json
import subprocess
import time
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt

from tests.fakes.github import FakeGitHub

APP = 4711


@dataclass(frozen=True)
class Reply:
    """An answer as it came."""

    status: int
    headers: Message
    content: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.content)

    @property
    def message(self) -> str:
        return str(self.document["message"])


def ask(
    hub: FakeGitHub,
    method: str,
    path: str,
    token: str | None = None,
    *,
    host: str = "api.github.com",
    body: object = None,
    **headers: str,
) -> Reply:
    """Ask over plain HTTP under a real name; a body is sent as JSON."""
    headers = {"Host": host, "User-Agent": "test"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    content = None if body is None else json.dumps(body).encode()
    return send(hub, method, path, content, headers)


def sign_in(hub: FakeGitHub, path: str, *, host: str = "github.com", **fields: str) -> Reply:
    """Send a form to the sign-in and want JSON back."""
    headers = {"Host": host, "User-Agent": "test", "Accept": "application/json",
               "Content-Type": "application/x-www-form-urlencoded"}  # fmt: skip
    return send(hub, "POST", path, urlencode(fields).encode(), headers)


def send(
    hub: FakeGitHub, method: str, path: str, content: bytes | None, headers: dict[str, str]
) -> Reply:
    """Send a request and return its answer."""
    connection = http.client.HTTPConnection(urlsplit(hub.url).netloc, timeout=120)
    try:
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


@functools.cache
def make_key(number: int = 0) -> tuple[str, str]:
    """Return a private and its public key as PEM; the same number gives the same pair."""
    private = run_openssl("genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt",
                          "rsa_keygen_bits:2048")  # fmt: skip
    return private, run_openssl("pkey", "-pubout", content=private)


def run_openssl(*words: str, content: str = "") -> str:
    return subprocess.run(
        ["openssl", *words], input=content, check=True, capture_output=True, text=True
    ).stdout


def sign(
    key: str = "", *, iss: object = APP, iat: float = -60, exp: float = 300, alg: str = "RS256"
) -> str:
    """Return an App's JWT; times are seconds from now."""
    now = int(time.time())
    claims = {"iss": str(iss), "iat": now + iat, "exp": now + exp}
    return jwt.encode(claims, key or make_key()[0], algorithm=alg)

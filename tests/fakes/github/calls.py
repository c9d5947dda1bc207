"""A request as the answers see it, and an answer as it goes over the wire."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import parse_qsl

from tests.fakes.github.hosts import Place


@dataclass(frozen=True)
class Call:
    """A request, as far as its answer depends on it."""

    method: str
    place: Place
    query: str
    headers: Mapping[str, str]
    """By names in lower case."""
    body: IO[bytes]
    """Read once; it may be a large file."""

    @property
    def token(self) -> str | None:
        """The token: as the API takes it, or as git sends it."""
        scheme, _, rest = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() in ("token", "bearer"):
            return rest.strip()
        if scheme.lower() == "basic":
            with suppress(ValueError):
                user, _, password = base64.b64decode(rest).decode().partition(":")
                return user if password in ("", "x-oauth-basic") else password
        return None

    def read_json(self) -> Any:
        """Return the body's document; an empty body is an empty object. Raises ValueError."""
        return json.loads(self.body.read() or b"{}")

    def read_form(self) -> dict[str, str]:
        """Return the fields of a form, which may come as JSON. Raises ValueError."""
        if self.headers.get("content-type", "").startswith("application/json"):
            return {str(name): str(value) for name, value in dict(self.read_json()).items()}
        return dict(parse_qsl(self.body.read().decode()))


@dataclass(frozen=True)
class Answer:
    """Status, headers and body."""

    status: int
    headers: Mapping[str, str]
    content: bytes | Iterator[bytes]


def answer_json(status: int, document: object, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer of the API."""
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return Answer(status, {**kind, **(headers or {})}, json.dumps(document).encode())


def refuse(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return the API's refusal with its reason."""
    document = {"message": message, "documentation_url": "https://docs.github.com/rest",
                "status": str(status)}  # fmt: skip
    return answer_json(status, document, headers)


def answer_text(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return what git shows to a person after "remote:"."""
    return Answer(
        status, {"Content-Type": "text/plain; charset=utf-8", **(headers or {})}, text.encode()
    )

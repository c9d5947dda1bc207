"""One signed request to S3, in version 4 of its signature.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from agent.machine.light.expressions import regex
from agent.machine.network import web
from agent.machine.values import frozen

USUAL_REGION = "us-east-1"
"""What servers of others take, and what AWS answers from where it names another region."""
AWS = "s3.amazonaws.com"
_REGION = regex(r"<Region>([a-z0-9-]+)</Region>")
_CODE = regex(r"<Code>([^<]{1,100})</Code>")
_MESSAGE = regex(r"<Message>([^<]{1,300})</Message>")
OK = (200, 204)


@frozen
class Login:
    """Who asks."""

    key: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    region: str = ""
    """Empty: the usual one, or the one that the server names."""


@frozen
class Answer:
    """What the server said."""

    body: bytes
    reason: str = ""
    """Why it refused; empty: it did not."""
    region: str = ""
    """The region that it wants in place of the one that it was asked with."""


def ask(
    method: str, url: str, login: Login, environ: Mapping[str, str], content: bytes = b""
) -> Answer:
    """Ask once, and once more in the bucket's own region if the server names it. Raises OSError."""
    answer = _ask(method, url, login, environ, content)
    if answer.reason and answer.region and answer.region != login.region:
        moved = url.replace(f"//{AWS}/", f"//s3.{answer.region}.amazonaws.com/")
        return _ask(method, moved, replace(login, region=answer.region), environ, content)
    return answer


def _ask(method: str, url: str, login: Login, environ: Mapping[str, str], content: bytes) -> Answer:
    headers = sign(method, url, login, content, datetime.now(UTC))
    status, names, body = web.ask(method, url, environ, headers, content)
    if status in OK:
        return Answer(body)
    text = body.decode(errors="replace")
    found = [match[1] for pattern in (_CODE, _MESSAGE) if (match := pattern.search(text))]
    region = _REGION.search(text)
    wanted = names.get("x-amz-bucket-region") or (region[1] if region else "")
    return Answer(b"", ": ".join(found) or f"the server answers with status {status}", wanted)


def sign(method: str, url: str, login: Login, content: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of a request without a query that this login signs."""
    parts = urlsplit(url)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    digest = hashlib.sha256(content).hexdigest()
    signed = {"host": parts.netloc, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    if login.token:
        signed["x-amz-security-token"] = login.token
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    request = "\n".join((method, parts.path, "", lines, names, digest))
    scope = f"{day}/{login.region or USUAL_REGION}/s3/aws4_request"
    hashed = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}"
    key = f"AWS4{login.secret}".encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={login.key}/{scope},SignedHeaders={names},"
        f"Signature={signature}"
    )
    del signed["host"]
    return {**signed, "Authorization": authorization}

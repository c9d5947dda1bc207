"""Why git failed, from what it said, and what that means for the next try.

The texts are those of git 2.39 to 2.51, curl and OpenSSH, under LC_ALL=C.
"""

from collections.abc import Iterable
from enum import StrEnum

from agent.machine.light.expressions import regex
from agent.machine.values import frozen


class Cause(StrEnum):
    """What kind of failure it was."""

    NETWORK = "network"
    """Try again, later and later."""
    NO_TOKEN = "no token"  # noqa: S105
    """The host wants one, and there is none."""
    REFUSED = "refused"
    """The host does not take the token."""
    HIDDEN = "hidden"
    """There is no such repository, or the token may not see it: a host says the same to both."""
    PAGE = "page"
    """Something answers with a web page."""
    CERTIFICATE = "certificate"
    HOST_KEY = "host key"
    KEY = "key"
    """The host does not take our ssh key."""
    MISSING = "missing"
    """What to check out is not there."""
    CONTENT = "content"
    """It holds what git refuses, such as a folder .GIT, which could replace git's own files."""
    DISK = "disk"
    PERMISSION = "permission"
    PROTOCOL = "protocol"
    OTHER = "other"

    @property
    def waits_for_token(self) -> bool:
        """Return whether a new token may change it."""
        return self in (Cause.NO_TOKEN, Cause.REFUSED, Cause.HIDDEN)


@frozen
class Failure:
    """Why git failed."""

    cause: Cause
    said: str
    """The line that says so."""
    code: int = 1


_PATTERNS = (
    (Cause.DISK, r"No space left|Disk quota exceeded|^error: unable to write file (?!.*: [A-Z])"),
    (Cause.CONTENT, r"invalid path '|^error: object [0-9a-f]+: \w+: "
                    r"|ntracked working tree file(s would be overwritten.*: .*| ')\.git/"),
    (Cause.CERTIFICATE, r"certificate verif|SSL certificate problem|unable to get local issuer"
                        r"|certificate subject name|no alternative certificate"),
    (Cause.HOST_KEY, r"Host key verification failed|host key is known|IDENTIFICATION HAS CHANGED"),
    (Cause.KEY, r"Permission denied \((publickey|password|keyboard)"),
    (Cause.PROTOCOL, r"transport '.*' not allowed|Protocol .* (not supported|disabled)"),
    (Cause.PAGE, r"unable to update url base from redirection|not valid: is this a git repository"
                 r"|invalid info/refs|bad line length|protocol error: bad line"),
    (Cause.NO_TOKEN, r"Git credentials for \S+ not found"),
    (Cause.NO_TOKEN, r"could not read (Username|Password)|terminal prompts disabled"
                     r"|refusing to work with credential missing"),
    (Cause.REFUSED, r"Authentication failed|returned error: 40[13]|HTTP 40[13]"
                    r"|credential helper .* told us to quit|SAML SSO|Write access to repository"),
    (Cause.HIDDEN, r"[Rr]epository .*not found|Repository not found|returned error: 404"
                   r"|does not appear to be a git repository|ERROR: .*access"),
    (Cause.MISSING, r"Remote branch .* not found|couldn't find remote ref|not our ref"
                    r"|unadvertised object|upload-pack: not our"),
    (Cause.PERMISSION, r"could not create (work tree dir|leading directories).*denied"
                       r"|cannot mkdir|Permission denied$|Read-only file system"),
    (Cause.NETWORK, r"returned error: (408|425|429|5\d\d)|Could not resolve|Failed to connect"
                    r"|Connection (refused|reset|timed out|closed)|timed? ?out|early EOF"
                    r"|gnutls_handshake|GnuTLS|SSL_ERROR|SSL_connect|unexpected disconnect"
                    r"|RPC failed|Operation too slow|hung up|Empty reply|Recv failure|Send failure"
                    r"|HTTP/2 stream|Network is unreachable|No route to host|transfer closed"
                    r"|Could not resolve hostname|Temporary failure|Couldn't connect"
                    r"|remote end closed|index-pack|invalid index-pack|bad pack header"),
)  # fmt: skip
"""In this order: a failure has several lines, and what decides comes first."""
_ALL = tuple((cause, regex(pattern)) for cause, pattern in _PATTERNS)
_LAST = regex(r"^(?:fatal|error|ERROR|remote|ssh): ?(.*)")


def find_failure(lines: Iterable[str], code: int) -> Failure:
    """Return why git failed with this exit code, from the lines that it printed last."""
    lines = _join_lists(lines)
    for cause, pattern in _ALL:
        for line in reversed(lines):
            if pattern.search(line):
                return Failure(cause, _shorten(line), code)
    told = [line for line in lines if _LAST.match(line)]
    return Failure(Cause.OTHER, _shorten((told or lines or [f"git ended with {code}"])[-1]), code)


def _join_lists(lines: Iterable[str]) -> list[str]:
    """Return the lines, a list of files, each behind a tab, as the end of the line before it."""
    joined: list[str] = []
    for line in lines:
        text = line.strip()
        if text and line.startswith("\t") and joined:
            joined[-1] += f" {text}"
        elif text:
            joined.append(text)
    return joined


def _shorten(line: str) -> str:
    found = _LAST.match(line)
    return (found[1] if found and found[1] else line)[:300]


def explain_access(cause: Cause, host: str, name: str) -> tuple[str, str]:
    """Return why a host does not give a repository, and what changes that."""
    if cause is Cause.NO_TOKEN:
        return f"{host} wants a token for {name}", "devcopilot login, or set GITHUB_TOKEN_FILE"
    if cause is Cause.REFUSED:
        return f"{host} refuses this token for {name}", "devcopilot login, or give another token"
    return (
        f"{host} shows no {name} to this token",
        "check the name; give the token, or the app, access to it",
    )


def explain(failure: Failure, host: str, command: str) -> tuple[str, str]:
    """Return why there is no clone, and what to do about it, if that is known.

    `command` tries again.
    """
    again = f"then: {command}"
    return {
        Cause.CONTENT: (
            f"git refuses what is in this repository: {failure.said}",
            f"nothing of it was kept; ask its owner to fix that, {again}",
        ),
        Cause.PAGE: (
            f"something between here and {host} answers with a web page",
            f"sign in to the network or the proxy, {again}",
        ),
        Cause.CERTIFICATE: (
            f"the certificate of {host} is not trusted: {failure.said}",
            "set DEV8_CA_FILE if a proxy inspects TLS",
        ),
        Cause.HOST_KEY: (
            f"the ssh key of {host} is not known",
            f"check it, add it to ~/.ssh/known_hosts (ssh-keyscan {host}), {again}",
        ),
        Cause.KEY: (f"{host} does not take the ssh key", f"set SSH_PRIVATE_KEY_FILE, {again}"),
        Cause.DISK: (failure.said, f"make room, {again}"),
    }.get(failure.cause, (failure.said, ""))

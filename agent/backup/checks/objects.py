"""One object on a destination: written, read and removed with the credentials of the backups.

restic has no command for a single object, so each kind of destination is asked in its own way: a
folder by its file system, S3 by a signed request, the others by rclone.
"""

import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from socket import gaierror
from typing import Protocol
from urllib.parse import quote

from agent.backup.checks import s3_request
from agent.backup.target import Target
from agent.machine.formats.lines import find_last_line
from agent.machine.network import web
from agent.machine.programs import external_commands, steering
from agent.machine.storage.volumes import find_top
from agent.machine.system import Facts
from agent.machine.values import frozen

RCLONE = "rclone"
TIMEOUT = 12.0
"""Seconds that rclone has for each step."""
LONGEST = 4096
"""Bytes of an object."""
NO_CONNECTION = "dial tcp"
"""What rclone says where none came about: https://pkg.go.dev/net#OpError."""
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


class StoreError(Exception):
    """A destination refused; the text is its reason."""


def is_unreached(error: Exception) -> bool:
    """Return whether no connection came about: then a destination has nothing to remove."""
    if isinstance(error, StoreError):
        return NO_CONNECTION in str(error)
    return isinstance(error, (gaierror, ConnectionRefusedError, web.ConnectTimeoutError))


def is_silent(error: Exception) -> bool:
    """Return whether a destination does not answer: then it is no use to ask more of it.

    That of `agent.machine.deadline` has a number: the time of the check is over, which says nothing
    of the destination.
    """
    return isinstance(error, TimeoutError) and error.errno is None


class UnmeasuredError(Exception):
    """It cannot be tried here; the text says why."""


class Object(Protocol):
    """An object that may be there. Each method raises StoreError or OSError."""

    @property
    def place(self) -> str:
        """Return where it is, for people."""

    def put(self, content: bytes) -> None:
        """Write it."""

    def get(self) -> bytes:
        """Read it."""

    def remove(self) -> None:
        """Remove it."""


def find_object(target: Target, facts: Facts, name: str) -> Object:
    """Return the object of this name on a destination. Raises UnmeasuredError, OSError."""
    if target.folder:
        return FolderObject(find_top(target.folder) / name)
    if not target.repository.startswith("s3:"):
        remote = target.repository.removeprefix("rclone:")
        return RcloneObject(f"{remote}/{name}", _make_environment(target.environment, facts))
    scheme, _, rest = target.repository.removeprefix("s3:").partition("://")
    server, _, path = rest.partition("/")
    endpoint = f"{scheme}://{server}"
    options = dict(option.split("=", 1) for option in target.options)
    region = options.get("s3.region", "")
    if all(target.environment.get(each) for each in _KEYS):
        key, secret = (target.environment[each] for each in _KEYS)
        token = target.environment.get("AWS_SESSION_TOKEN", "")
        login = s3_request.Login(key, secret, token, region)
        return S3Object(f"{endpoint}/{quote(path, safe='/~')}/{name}", login, facts.environ)
    given = {**target.environment, **_describe_s3(endpoint, region)}
    return RcloneObject(f"S3:{path}/{name}", _make_environment(given, facts))


def _describe_s3(endpoint: str, region: str) -> dict[str, str]:
    """Return rclone's variables for a login that only AWS's own files or roles know."""
    options = {"TYPE": "s3", "PROVIDER": "Other", "ENV_AUTH": "true", "ENDPOINT": endpoint,
               "NO_CHECK_BUCKET": "true", "REGION": region}  # fmt: skip
    given = {f"RCLONE_CONFIG_S3_{name}": value for name, value in options.items() if value}
    return {"RCLONE_CONFIG": "/dev/null", **given}


def _make_environment(given: Mapping[str, str], facts: Facts) -> dict[str, str]:
    if facts.which(RCLONE) is None:
        raise UnmeasuredError("this image has no rclone, which reads these credentials")
    return {
        **steering.clear(RCLONE, facts.environ),
        **given,
        "RCLONE_AZUREBLOB_NO_CHECK_CONTAINER": "true",  # else it makes one that is missing
    }


@frozen
class FolderObject:
    """A file in the folder of the repository, or in the nearest one above it that there is."""

    path: Path

    @property
    def place(self) -> str:  # noqa: D102
        return str(self.path)

    def put(self, content: bytes) -> None:  # noqa: D102
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o600)
        try:
            os.write(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def get(self) -> bytes:  # noqa: D102
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            return os.read(descriptor, LONGEST)
        finally:
            os.close(descriptor)

    def remove(self) -> None:  # noqa: D102
        self.path.unlink(missing_ok=True)


@frozen
class S3Object:
    """An object in a bucket."""

    place: str
    """Its URL."""
    login: s3_request.Login
    environ: Mapping[str, str] = field(repr=False)

    def put(self, content: bytes) -> None:  # noqa: D102
        self._ask("PUT", content)

    def get(self) -> bytes:  # noqa: D102
        return self._ask("GET")

    def remove(self) -> None:  # noqa: D102
        self._ask("DELETE")

    def _ask(self, method: str, content: bytes = b"") -> bytes:
        answer = s3_request.ask(method, self.place, self.login, self.environ, content)
        if answer.reason:
            raise StoreError(answer.reason)
        return answer.body


@frozen
class RcloneObject:
    """An object on whatever rclone knows."""

    place: str
    """REMOTE:PATH."""
    environ: Mapping[str, str] = field(repr=False)

    def put(self, content: bytes) -> None:  # noqa: D102
        self._run("rcat", content)

    def get(self) -> bytes:  # noqa: D102
        return self._run("cat")

    def remove(self) -> None:  # noqa: D102
        self._run("deletefile")

    def _run(self, verb: str, content: bytes = b"") -> bytes:
        once = ("--retries", "1", "--low-level-retries", "1")
        done = external_commands.run(
            [RCLONE, verb, *once, self.place], self.environ, content, TIMEOUT
        )
        if done.returncode == external_commands.TOO_LONG:
            raise TimeoutError("it did not answer in time")
        if done.returncode != 0:
            raise StoreError(find_last_line(done.stderr, "rclone gave no reason"))
        return done.stdout

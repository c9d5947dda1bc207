"""GitHub Apps, where they are installed, and the installation tokens that they mint.

https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
"""

import base64
import json
import secrets
import string
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from tests.fakes.github.rights import Rights
from tests.fakes.github.world import HOUR, Known, World

LEVELS = {"read": 1, "write": 2, "admin": 3}
GRANTED = {"contents": "write", "metadata": "read", "pull_requests": "write"}
"""What an installation may do unless a test says otherwise."""
_RS256_LENGTH = 342


@dataclass(frozen=True)
class App:
    """A GitHub App, or an OAuth App: one without a key."""

    app_id: int
    public_key_pem: str = ""
    client_id: str = ""
    client_secret: str = ""
    host: str | None = None
    """The GitHub that knows it; None: every one of this fake."""
    token_life: timedelta = HOUR
    """Of an installation token."""
    user_token_life: timedelta = 8 * HOUR
    refresh_life: timedelta = 24 * HOUR * 184
    long_tokens: bool = False
    """Whether ghs_ tokens are those of 520 characters instead of 40."""
    lag: int = 0
    """How many first uses of a fresh ghs_ token meet a server that does not know it yet."""

    @property
    def is_oauth_app(self) -> bool:
        """Whether its tokens are gho_ and live until they are revoked."""
        return not self.public_key_pem


@dataclass(frozen=True)
class Installation:
    """Where an App is installed, and what it may do there."""

    installation_id: int
    app_id: int
    owner: str
    permissions: Mapping[str, str]
    repositories: frozenset[str] | None = None
    """OWNER/NAME; None: all of the owner's."""
    is_organization: bool = False
    suspended: bool = False


class Apps(World):
    """What the world knows of Apps."""

    def __init__(self) -> None:
        super().__init__()
        self._apps: dict[int, App] = {}
        self._installations: dict[int, Installation] = {}
        self._repositories: set[str] = set()
        self.rights = Rights()

    def add_app(self, *, app_id: int, **fields: object) -> App:
        """Let an App exist, or change it; `fields` are those of App.

        Without `client_id` it has one of its own.
        """
        with self._lock:
            old = self._apps.get(app_id) or App(app_id, client_id=f"Iv23fake{app_id}")
            self._apps[app_id] = replace(old, **fields)  # type: ignore[arg-type]
            return self._apps[app_id]

    def add_installation(
        self,
        app_id: int,
        installation_id: int,
        owner: str,
        *,
        repositories: Iterable[str] | None = None,
        permissions: Mapping[str, str] | None = None,
        is_organization: bool = False,
    ) -> Installation:
        """Install an App; `repositories` are names without the owner, None: all of the owner's."""
        names = None
        if repositories is not None:
            names = frozenset(f"{owner}/{name.rpartition('/')[2]}" for name in repositories)
        granted = {"metadata": "read", **(GRANTED if permissions is None else permissions)}
        made = Installation(installation_id, app_id, owner, granted, names, is_organization)
        with self._lock:
            self._installations[installation_id] = made
            self._repositories |= names or set()
        return made

    def suspend(self, installation_id: int, suspended: bool = True) -> None:
        """Suspend an installation: its tokens are refused while that lasts."""
        with self._lock:
            old = self._installations[installation_id]
            self._installations[installation_id] = replace(old, suspended=suspended)

    def remove_installation(self, installation_id: int) -> None:
        """Uninstall an App: its tokens die at once."""
        with self._lock:
            del self._installations[installation_id]
            for known in list(self._tokens.values()):
                if known.installation_id == installation_id:
                    self.revoke(known.value)

    def name_repository(self, name: str) -> None:
        """Let OWNER/NAME exist, as far as the API is concerned."""
        with self._lock:
            self._repositories.add(name)

    def find_app(self, name: str, host: str) -> App | None:
        """Return the App with this id or client id at this host, or None."""
        with self._lock:
            for app in self._apps.values():
                if name in (str(app.app_id), app.client_id) and app.host in (None, host):
                    return app
        return None

    def find_installations(self, app_id: int) -> list[Installation]:
        """Return where an App is installed."""
        with self._lock:
            return [each for each in self._installations.values() if each.app_id == app_id]

    def find_installation(self, installation_id: int | None) -> Installation | None:
        """Return an installation, or None where there is none."""
        with self._lock:
            return self._installations.get(installation_id or 0)

    def is_suspended(self, known: Known) -> bool:
        """Whether a token's installation is suspended."""
        found = self.find_installation(known.installation_id)
        return found is not None and found.suspended

    def list_repositories(self, installation: Installation) -> list[str]:
        """Return OWNER/NAME of all that an installation reaches."""
        with self._lock:
            if installation.repositories is not None:
                return sorted(installation.repositories)
            owned = f"{installation.owner}/"
            return sorted(name for name in self._repositories if name.startswith(owned))

    def has_repository(self, name: str) -> bool:
        """Whether OWNER/NAME exists."""
        with self._lock:
            return name in self._repositories

    def mint(
        self,
        installation: Installation,
        *,
        host: str | None = None,
        repositories: frozenset[str] | None = None,
        permissions: Mapping[str, str] | None = None,
    ) -> Known:
        """Make an installation token, narrowed to what is given; who calls has checked that."""
        app = self._apps[installation.app_id]
        known = Known(
            make_long_token(app.app_id) if app.long_tokens else make_token("ghs_"),
            login=f"app-{app.app_id}[bot]",
            scopes=None,
            expires=self.now() + app.token_life,
            host=host,
            app_id=app.app_id,
            installation_id=installation.installation_id,
            repositories=installation.repositories if repositories is None else repositories,
            permissions=installation.permissions if permissions is None else permissions,
        )
        self.add(known, app.lag)
        return known

    def may(self, known: Known, repository: str, permission: str, level: str) -> bool:
        """Whether a token may do this in OWNER/NAME."""
        if level != "read" and not self.rights.may_push(known, repository):
            return False
        if known.permissions is not None:
            return self.reaches(known, repository) and _includes(
                known.permissions, permission, level
            )
        if known.app_id is None:
            return self.reaches(known, repository)
        # A user's token for an App may do what the App may where it is installed.
        return any(
            repository in self.list_repositories(each)
            and _includes(each.permissions, permission, level)
            for each in self.find_installations(known.app_id)
        )

    def reaches(self, known: Known, repository: str) -> bool:
        """Whether a token knows of OWNER/NAME at all."""
        if known.repositories is not None and repository not in known.repositories:
            return False
        if known.app_id is None:
            scopes = "repo" if known.scopes is None else known.scopes
            return "repo" in [scope.strip() for scope in scopes.split(",")]
        if known.installation_id is None:
            installations = self.find_installations(known.app_id)
        else:
            found = self.find_installation(known.installation_id)
            installations = [found] if found else []
        return any(repository in self.list_repositories(each) for each in installations)


def _includes(granted: Mapping[str, str], permission: str, level: str) -> bool:
    return LEVELS.get(granted.get(permission, ""), 0) >= LEVELS[level]


def make_token(prefix: str) -> str:
    """Return a token in the form that all kinds had until 2026: 40 characters."""
    letters = string.ascii_letters + string.digits
    return prefix + "".join(secrets.choice(letters) for _ in range(36))


def make_long_token(app_id: int) -> str:
    """Return an installation token of 520 characters: ghs_APPID_ and a JWT's three parts."""
    head = f"ghs_{app_id}_{_encode(json.dumps({'typ': 'JWT', 'alg': 'RS256'}).encode())}."
    length = 520 - len(head) - 1 - _RS256_LENGTH
    padding = secrets.token_urlsafe(length)
    claims = json.dumps({"iss": "github.com", "jti": padding})[: length * 3 // 4 - 2] + '"}'
    body = _encode(claims.encode()).ljust(length, "A")[:length]
    return f"{head}{body}.{secrets.token_urlsafe(_RS256_LENGTH)[:_RS256_LENGTH]}"


def make_id(repository: str) -> int:
    """Return a repository's number, which is the same in every run."""
    return zlib.crc32(repository.encode())


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")

"""Signing in for users: pairs of a token and a refresh token, and gh's device flow.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#device-flow
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tests.fakes.github.apps import App, Apps, make_token
from tests.fakes.github.world import Known

GH = App(0, client_id="178c6fc778ccc68e1d6a")
"""The OAuth App that gh is. https://github.com/cli/cli/blob/trunk/internal/authflow/flow.go"""
SLOWER = 5
"""Seconds that a client must wait longer after it asked too soon."""
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


@dataclass(frozen=True)
class Pair:
    """A token of a user for an App, and what gets the next one."""

    access: str
    refresh: str
    login: str
    client_id: str
    host: str | None
    expires: datetime
    """The end of the refresh token."""
    by_device: bool = False
    """Made without the App's secret, so refreshed without it."""


@dataclass(frozen=True)
class Device:
    """A sign-in that waits for a person with a browser."""

    user_code: str
    client_id: str
    scope: str
    host: str
    expires: datetime
    interval: int
    asked: datetime | None = None
    login: str | None = None
    denied: bool = False


class Grants(Apps):
    """What the world knows of users' sign-ins."""

    def __init__(self) -> None:
        super().__init__()
        self.device_interval = 5
        """Seconds that a device must wait between two questions."""
        self.device_life = timedelta(minutes=15)
        self._pairs: dict[str, Pair] = {}
        self._devices: dict[str, Device] = {}
        self._apps[GH.app_id] = GH

    def add_user_pair(
        self, login: str, *, client_id: str = "", host: str | None = None
    ) -> tuple[str, str]:
        """Return a user's token for an App, the first if none is named, and its refresh token.

        It reaches what the App's installations reach. Raises ValueError without any App.
        """
        apps = [app for app in self._apps.values() if not app.is_oauth_app]
        for app in apps:
            if client_id in ("", app.client_id):
                pair = self.make_pair(app, login, host)
                return pair.access, pair.refresh
        raise ValueError(f"no App with client id {client_id!r} was added")

    def make_pair(self, app: App, login: str, host: str | None, *, by_device: bool = False) -> Pair:
        """Make a user's token for an App and its refresh token."""
        now = self.now()
        pair = Pair(
            make_token("ghu_"),
            "ghr_" + secrets.token_hex(38),
            login,
            app.client_id,
            host,
            now + app.refresh_life,
            by_device,
        )
        self.add(
            Known(pair.access, login, "", now + app.user_token_life, host=host, app_id=app.app_id)
        )
        with self._lock:
            self._pairs[pair.refresh] = pair
        return pair

    def peek_pair(self, refresh: str, host: str) -> Pair | None:
        """Return the pair of a refresh token that is good now, or None."""
        with self._lock:
            pair = self._pairs.get(refresh)
        good = pair and pair.expires > self.now() and pair.host in (None, host)
        return pair if good else None

    def trade_pair(self, refresh: str, host: str, app: App) -> Pair | None:
        """Replace a pair by a new one; the old one dies at once. None: it had died already."""
        with self._lock:
            old = self.peek_pair(refresh, host)
            if old is None or old.client_id != app.client_id:
                return None
            del self._pairs[refresh]
            self.revoke(old.access)
            return self.make_pair(app, old.login, old.host, by_device=old.by_device)

    def revoke_pair(self, refresh: str) -> None:
        """Let a refresh token and its token die, as when the user revokes the App."""
        with self._lock:
            self.revoke(self._pairs.pop(refresh).access)

    # --- the device flow

    def start_device(self, client_id: str, scope: str, host: str) -> tuple[str, Device]:
        """Begin a sign-in; return the device's code and the rest."""
        half = "".join(secrets.choice(_LETTERS) for _ in range(4))
        other = "".join(secrets.choice(_LETTERS) for _ in range(4))
        end = self.now() + self.device_life
        device = Device(f"{half}-{other}", client_id, scope, host, end, self.device_interval)
        code = secrets.token_hex(20)
        with self._lock:
            self._devices[code] = device
        return code, device

    @property
    def user_codes(self) -> list[str]:
        """Return the codes that wait for a person."""
        with self._lock:
            return [each.user_code for each in self._devices.values()
                    if each.login is None and not each.denied]  # fmt: skip

    def approve(self, user_code: str, login: str = "octo") -> None:
        """Do what a person does in the browser. Raises KeyError for an unknown code."""
        self._decide(user_code, login=login)

    def deny(self, user_code: str) -> None:
        """Press Cancel in the browser. Raises KeyError for an unknown code."""
        self._decide(user_code, denied=True)

    def _decide(self, user_code: str, **changes: object) -> None:
        with self._lock:
            codes = {device.user_code: code for code, device in self._devices.items()}
            code = codes[user_code]
            self._devices[code] = replace(self._devices[code], **changes)  # type: ignore[arg-type]

    def ask_device(self, code: str, client_id: str, host: str) -> Device | str:
        """Return a device that a person has approved, once, or the code of the error."""
        with self._lock:
            device = self._devices.get(code)
            if device is None or (device.client_id, device.host) != (client_id, host):
                return "incorrect_device_code"
            now, last = self.now(), device.asked
            device = replace(device, asked=now)
            too_soon = last and (now - last).total_seconds() < device.interval * 0.9
            if too_soon:
                device = replace(device, interval=device.interval + SLOWER)
            self._devices[code] = device
            if device.denied:
                return "access_denied"
            if device.expires <= now:
                return "expired_token"
            if too_soon:
                return "slow_down"
            if device.login is None:
                return "authorization_pending"
            del self._devices[code]
            return device

    def find_interval(self, code: str) -> int:
        """Return the seconds that a device must wait now."""
        with self._lock:
            return self._devices[code].interval

"""The way into a fake GitHub that runs in another process, over a Unix socket.

    hub = connect(Path("/net/control"))
    hub.add_token("ghp_one")
    hub.skew = timedelta(hours=1)

Values go over as pickles: whatever a method takes or returns may be used, but no lambda.
"""

import threading
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import Any, cast

from tests.fakes.github.server import FakeGitHub

KEY = b"the socket lies in a folder of the test's own"


class _Manager(BaseManager):
    pass


class _Door:
    """What the other process may ask of a hub."""

    def __init__(self, hub: FakeGitHub) -> None:
        self.hub = hub

    def call(self, name: str, words: tuple[Any, ...], fields: dict[str, Any]) -> Any:
        return getattr(self.hub, name)(*words, **fields)

    def get(self, name: str) -> Any:
        return getattr(self.hub, name)

    def set(self, name: str, value: Any) -> None:
        setattr(self.hub, name, value)


class _Remote:
    """A hub seen from afar."""

    def __init__(self, door: Any) -> None:
        self.__dict__["door"] = door

    def __getattr__(self, name: str) -> Any:
        if callable(getattr(FakeGitHub, name, None)):
            return lambda *words, **fields: self.__dict__["door"].call(name, words, fields)
        return self.__dict__["door"].get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__["door"].set(name, value)


def listen(hub: FakeGitHub, path: Path) -> None:
    """Let other processes reach this hub, until this process ends."""
    door = _Door(hub)
    _Manager.register("door", callable=lambda: door)
    server = _Manager(address=str(path), authkey=KEY).get_server()
    path.chmod(0o666)  # its folder says who may
    threading.Thread(target=server.serve_forever, daemon=True).start()


def connect(path: Path) -> FakeGitHub:
    """Return the hub that listens there. Raises OSError where none does."""
    _Manager.register("door")
    manager = _Manager(address=str(path), authkey=KEY)
    manager.connect()
    return cast("FakeGitHub", _Remote(manager.door()))  # type: ignore[attr-defined]

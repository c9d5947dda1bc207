"""What tells those outside that the workspace is ready: a file, a datagram, a line of the log."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pid1.boxes import BLOCKED, EMPTY_BOOT, ENVIRONMENT, PYTHON, Box, booted, change
from tests.worlds.waiting import DEADLINE

Start = Callable[..., Box]


@pytest.fixture(params=["a file", "an abstract name"])
def manager(request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[socket.socket, str]]:
    """A manager that listens, and the value of NOTIFY_SOCKET that names it."""
    path = folder / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(DEADLINE)
        if request.param == "a file":
            listener.bind(str(path))
            path.chmod(0o777)
            yield listener, str(path)
        else:
            listener.bind(f"\0{path}")
            yield listener, f"@{path}"


def find_words(folder: Path, *command: str) -> tuple[str, ...]:
    copy = folder / "first_life.py"
    copy.write_bytes(Path(__file__).with_name("first_life.py").read_bytes())
    return (*BLOCKED, *PYTHON, str(copy), "sh", "-c", "true", "--", *command)


def test_a_manager_hears_once_each_that_it_is_ready_and_stops(
    start: Start, folder: Path, manager: tuple[socket.socket, str]
) -> None:
    listener, address = manager
    booted(folder, change(EMPTY_BOOT, log_level="info"))
    environ = {
        **ENVIRONMENT, "DEV8_RUNTIME_DIR": str(folder / "run"), "NOTIFY_SOCKET": address,
    }  # fmt: skip
    box = start(*find_words(folder, "sh", "-c", "env; exec sleep 1000"), environment=environ)
    assert listener.recv(100) == b"READY=1"
    seen = box.wait_for("PATH=")
    assert "NOTIFY_SOCKET" not in seen, "a child could speak for the container"
    assert (folder / "run/ready").exists()
    box.stop()
    assert listener.recv(100) == b"STOPPING=1"
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.recv(100)
    assert not (folder / "run/ready").exists()
    assert re.search(r'"message": "READY in \d+\.\d s"', box.out + box.err)


@pytest.mark.parametrize("address", ["/no/such/socket", "relative", "@", "vsock:1:2"])
def test_a_manager_that_is_not_there_changes_nothing(
    start: Start, folder: Path, address: str
) -> None:
    booted(folder, change(EMPTY_BOOT, log_level="info"))
    environ = {
        **ENVIRONMENT, "DEV8_RUNTIME_DIR": str(folder / "run"), "NOTIFY_SOCKET": address,
    }  # fmt: skip
    box = start(*find_words(folder, "sleep", "1000"), environment=environ)
    box.wait_for_phase("ready")
    assert box.stop() == 143
    assert "rror" not in box.err

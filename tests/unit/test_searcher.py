"""The search for secrets finds each that was planted: what it does not find proves nothing."""

import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds import secret_values
from tests.worlds.programs import Awaited
from tests.worlds.secret_values import Row, Trace, find_forms, find_stale, find_unlisted, find_wide
from tests.worlds.waiting import wait_until

TEXT = (Path(__file__).parents[1] / "worlds/searcher.py").read_text()
SECRET = f"planted {os.getpid()} 'and' \"quoted\" $1 <2>/+%"
"""Each worker's own: it sees the processes of the others."""
CORE = b"\x7fELF" + b"\x02\x01\x01" + bytes(9) + b"\x04\x00"


def start(way: str, *folders: Path, asks: object = ()) -> "subprocess.Popen[str]":
    """Start a search."""
    forms = {"PLANTED": [form.hex() for form in find_forms(SECRET)]}
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", TEXT, way], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdin
    order = {"forms": forms, "folders": [*map(str, folders)], "asks": asks}
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    return process


def look(*folders: Path, asks: object = ()) -> set[Trace]:
    said, _ = start("look", *folders, asks=asks).communicate(timeout=120)
    return {Trace(*row) for row in json.loads(said)[1]}


def test_a_file_is_found_in_every_form(tmp_path: Path) -> None:
    expected = set()
    for number, form in enumerate(find_forms(SECRET)):
        path = tmp_path / str(number)
        path.write_bytes(b"before " + form + b" after")
        path.chmod(0o640)
        expected.add(Trace(str(path), "PLANTED", "640"))
    assert look(tmp_path) == expected


def test_a_core_dump_is_found(tmp_path: Path) -> None:
    (tmp_path / "any name").write_bytes(CORE)
    assert {each.name for each in look(tmp_path)} == {"a core dump"}


class Door(socketserver.StreamRequestHandler):
    """Tells everybody."""

    def handle(self) -> None:
        self.rfile.readline()
        self.wfile.write(b"HTTP/1.0 403 no\r\nX-Secret: " + SECRET.encode() + b"\r\n\r\n")


@pytest.fixture
def web() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_answers_are_found(tmp_path: Path, web: str) -> None:
    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "s"), Door) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        found = look(tmp_path, asks=[["GET", web, {}, ""]])
        server.shutdown()
    assert {each.place for each in found} == {f"socket {tmp_path}/s", f"GET {web}"}


def test_a_process_is_found_while_it_lives() -> None:
    watcher = start("watch")
    assert watcher.stdout
    argv = ["sh", "-c", "echo; read line", SECRET]
    with Awaited[bytes](argv, env={"A": SECRET, "PATH": os.environ["PATH"]},
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # fmt: skip
        line = wait_until(watcher.stdout.readline, "the find")
        process.communicate(b"\n")
    watcher.communicate("\n", timeout=120)
    places = {place for place, _, _ in json.loads(line)[1]}
    assert {place.partition(" of ")[0] for place in places} == {"arguments", "environment"}
    assert all(place.endswith("/sh") for place in places)


def test_what_is_found_is_judged_by_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Row(("/a/*", "/c"), "KEY"), Row(("/b",), "*")]
    monkeypatch.setattr(secret_values, "read_list", lambda: rows)
    found = [Trace("/a/1", "KEY (made)", "600"), Trace("/a/2", "OTHER", "644")]
    assert find_unlisted(found) == [("/a/2", "OTHER")]
    assert find_wide(found) == [("/a/2", "644")]
    assert find_stale(found) == [Row(("/b",), "*")]

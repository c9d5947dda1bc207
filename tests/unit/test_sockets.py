"""The sockets of the machine, as the kernel's tables have them, and as they could not be."""

import os
import random
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.machine.light import netlink
from agent.machine.network import sockets
from agent.machine.network.sockets import TCP, UDP, Socket

ROOT = Path(__file__).parents[2]
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout"
LINE = (
    "   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
    "4711 1 0000000000000000 100 0 0 10 0"
)
LITTLE = pytest.mark.skipif(sys.byteorder != "little", reason="the tables are of this machine")
SEED = 20261129


def write_table(folder: Path, *lines: str, name: str = "tcp") -> Path:
    (folder / name).write_text("".join(f"{line}\n" for line in (HEAD, *lines)))
    return folder


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def listen(
    stack: ExitStack, address: str, port: int = 0, *, only_six: bool = True
) -> socket.socket:
    """Listen on an address; IPv6 alone, or IPv4 as well."""
    six = ":" in address
    server = stack.enter_context(socket.socket(socket.AF_INET6 if six else socket.AF_INET))
    if six:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only_six)
    server.bind((address, port))
    server.listen()
    return server


def find(server: socket.socket) -> Socket:
    """Return what the table says of a socket."""
    inode = os.fstat(server.fileno()).st_ino
    (found,) = [each for each in sockets.list_open() if each.inode == inode]
    return found


@pytest.fixture(params=["netlink", "tables"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the kernel is asked: tables where netlink is refused, as in a sandbox."""
    if request.param == "tables":

        def refuse(_: int) -> list[bytes]:
            raise PermissionError

        monkeypatch.setattr(netlink, "list_tcp", refuse)
    else:
        monkeypatch.setattr(sockets, "_read_rows", lambda _: pytest.fail("it reads the tables"))
    return str(request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "0.0.0.0", "::", "::1"])
def test_a_real_listener_is_found(stack: ExitStack, address: str) -> None:
    server = listen(stack, address)
    port = server.getsockname()[1]
    found = find(server)
    assert (found.address, found.port, found.uid) == (address, port, os.getuid())
    assert sockets.find_holders({found.inode}) == {found.inode: [os.getpid()]}
    assert port in sockets.find_listening()
    server.close()
    assert port not in sockets.find_listening()


@pytest.mark.usefixtures("way")
def test_what_is_connected_listens_no_more(stack: ExitStack) -> None:
    server = listen(stack, "127.0.0.1")
    caller = stack.enter_context(socket.create_connection(server.getsockname()))
    answer = stack.enter_context(server.accept()[0])
    assert caller.getsockname()[1] not in sockets.find_listening()
    other = sockets.find_other_end(answer)
    assert other
    assert (other.port, other.uid) == (caller.getsockname()[1], os.getuid())
    assert sockets.find_holders({other.inode}) == {other.inode: [os.getpid()]}


@pytest.mark.usefixtures("way")
def test_the_other_end_over_ipv6(stack: ExitStack) -> None:
    server = listen(stack, "::1")
    caller = stack.enter_context(socket.create_connection(server.getsockname()[:2]))
    other = sockets.find_other_end(stack.enter_context(server.accept()[0]))
    assert other
    assert other.port == caller.getsockname()[1]


def test_a_socket_of_udp_is_found_where_it_is_asked_for(stack: ExitStack) -> None:
    server = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    server.bind(("127.0.0.1", 0))
    port = server.getsockname()[1]
    assert port in {each.port for each in sockets.list_open(UDP)}
    assert port not in {each.port for each in sockets.list_open(TCP)}


@LITTLE
def test_a_line_of_the_kernel(tmp_path: Path) -> None:
    found = list(sockets.list_open(TCP, write_table(tmp_path, LINE)))
    assert found == [Socket("tcp", "127.0.0.1", 3000, 1000, 4711)]
    six = LINE.replace("0100007F", "00000000000000000000000001000000").replace("00000000:0000 ",
                       "00000000000000000000000000000000:0000 ")  # fmt: skip
    found = list(sockets.list_open(TCP, write_table(tmp_path, six, name="tcp6")))
    assert found[1] == Socket("tcp", "::1", 3000, 1000, 4711)


@pytest.mark.parametrize(
    "line",
    [
        "", " ", "0A", "a b c d e f g h i j k l", LINE[:60],
        LINE.replace("0100007F", "0100007"), LINE.replace("0100007F", "0100007G"),
        LINE.replace("0100007F", "0100007f"), LINE.replace("0BB8", "0BB80"),
        LINE.replace(":0BB8", ""), LINE.replace("0BB8", "-BB8"), LINE.replace(" 1000 ", " -1 "),
        LINE.replace("4711", "x"), LINE.replace("4711", "²"), LINE.replace("0100007F", "0" * 33),
        LINE.replace(" 0A ", " 0A0A "), LINE.replace(" 0A ", " 0a "), "\0" * 150, "é" * 90,
    ],
)  # fmt: skip
def test_what_no_kernel_writes_is_no_socket(tmp_path: Path, line: str) -> None:
    found = list(sockets.list_open(TCP, write_table(tmp_path, line, LINE)))
    assert [each.inode for each in found] == [4711]


def test_random_damage_ends_in_no_error(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    good = f"{HEAD}\n{LINE}\n{LINE}\n".encode()
    for _ in range(3000):
        table = bytearray(good)
        for _ in range(chance.randint(1, 12)):
            at = chance.randrange(len(table))
            match chance.randrange(3):
                case 0:
                    table[at] = chance.randrange(256)
                case 1:
                    del table[at : at + chance.randint(1, 40)]
                case _:
                    table[at:at] = chance.randbytes(chance.randint(1, 8))
        (tmp_path / "tcp").write_bytes(table)
        for found in sockets.list_open(TCP, tmp_path):
            assert 0 <= found.port < 65536
            assert found.uid >= 0


@pytest.mark.parametrize(
    "answer",
    [b"", b"\0" * 3, b"\0" * 16, struct.pack("=IHHII", 20, 2, 0, 1, 0) + b"\0" * 4,
     struct.pack("=IHHII", 20, 20, 0, 1, 0) + b"\0" * 4],
)  # fmt: skip
def test_an_answer_that_no_kernel_gives_leads_to_the_tables(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*_: int) -> list[bytes]:
        found: list[bytes] = []
        netlink.read_answer(answer or struct.pack("=IHHII", 0, 0, 0, 0, 0), found)
        return found

    monkeypatch.setattr(netlink, "_ask", ask)
    monkeypatch.setattr(sockets, "_read_rows", lambda _: iter([LINE.encode().split(None, 10)]))
    assert {each.inode for each in sockets.list_open()} == {4711}


@pytest.mark.parametrize("what", ["missing", "folder", "pipe", "empty"])
def test_no_table_is_no_socket(tmp_path: Path, what: str) -> None:
    path = tmp_path / "tcp"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "empty":
        path.touch()
    assert list(sockets.list_open(TCP, tmp_path)) == []


def test_thousands_of_sockets_are_no_hindrance(tmp_path: Path) -> None:
    """Processor time, which load on the machine does not change much; it takes about 10 ms."""
    busy = LINE.replace(" 0A ", " 01 ")
    write_table(tmp_path, *[busy] * 10_000, LINE)
    start = time.process_time()
    assert len(list(sockets.list_open(TCP, tmp_path))) == 1
    assert time.process_time() - start < 0.5


def test_another_user_sees_the_port_and_not_the_program(stack: ExitStack) -> None:
    if os.getuid():
        pytest.skip("only root can be another user")
    server = listen(stack, "127.0.0.1")
    inode = os.fstat(server.fileno()).st_ino
    script = (
        "from agent.machine.network import sockets\n"
        f"print([each.uid for each in sockets.list_open() if each.inode == {inode}],"
        f" sockets.find_holders({{{inode}}}))"
    )
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, user=65534, group=65534,
                          capture_output=True, text=True, check=True, timeout=120)  # fmt: skip
    assert said.stdout.strip() == "[0] {}"

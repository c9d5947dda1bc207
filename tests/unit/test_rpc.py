"""What supervisord answers is read without a library: rows as it sends them, and nothing else."""

import socket
import threading
import xmlrpc.client
from pathlib import Path

import pytest

from agent.services import rpc, supervisord
from agent.services.supervisord import ServiceState

ODD = "exit 1: <a> & ü\n 'x'"
ROWS = [
    {"name": "one", "group": "services", "statename": "RUNNING", "pid": 7, "start": 1764410400,
     "spawnerr": "", "description": "pid 7, uptime 0:00:01"},
    {"name": "two", "group": "services", "statename": "FATAL", "pid": 0, "start": -1,
     "spawnerr": ODD, "description": ""},
]  # fmt: skip
ANSWER = xmlrpc.client.dumps((ROWS,), methodresponse=True).encode()
OK = b"HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n\r\n"


def answer_once(folder: Path, answer: bytes) -> list[bytes]:
    """Answer one call on supervisord's socket; return what will have been asked."""
    heard: list[bytes] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "supervisord.sock"))
    listener.listen()

    def serve() -> None:
        with listener, listener.accept()[0] as connection:
            while not (heard and heard[-1].endswith(b"</methodCall>")):
                heard.append(connection.recv(65536))
            connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return heard


def test_rows_are_what_the_library_would_make_of_them() -> None:
    assert rpc.parse(ANSWER) == ROWS
    assert rpc.parse(xmlrpc.client.dumps(([],), methodresponse=True).encode()) == []


def test_the_services_and_nothing_else_are_returned(tmp_path: Path) -> None:
    other = [*ROWS, {**ROWS[0], "name": "listener", "group": "listener"}]
    body = xmlrpc.client.dumps((other,), methodresponse=True).encode()
    heard = answer_once(tmp_path, OK + body)
    assert supervisord.query_states(tmp_path, 5.0) == {
        "one": ServiceState("one", "RUNNING", 7, 1764410400.0, "pid 7, uptime 0:00:01"),
        "two": ServiceState("two", "FATAL", 0, None, ODD),
    }
    asked = xmlrpc.client.loads(b"".join(heard).partition(b"\r\n\r\n")[2])
    assert asked == ((), supervisord.QUESTION)


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"\r\n\r\n", b"HTTP/1.0 401 Unauthorized\r\n\r\n", b"HTTP/1.0 500\r\n\r\n" + ANSWER,
        OK, OK + b"<", OK + ANSWER[:-9], OK + ANSWER.replace(b"<int>7<", b"<int>x<"),
        OK + ANSWER.replace(b"statename", b"state"), OK + ANSWER.replace(b"<int>7</int>", b""),
        OK + xmlrpc.client.dumps(xmlrpc.client.Fault(1, "UNKNOWN_METHOD")).encode(),
        b"\xff" * 5000, OK + b"<?xml version='1.0' encoding='foo'?><a/>",
        OK + ANSWER.replace(b"<int>1764410400<", b"<int>99<").replace(
            b"<int>99</int>", b"<string>soon</string>"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_error(tmp_path: Path, answer: bytes) -> None:
    answer_once(tmp_path, answer)
    with pytest.raises(OSError, match="supervisord"):
        supervisord.query_states(tmp_path, 5.0)


def test_one_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "supervisord.sock"))
        listener.listen()
        with pytest.raises(OSError, match="timed out"):
            supervisord.query_states(tmp_path, 0.05)

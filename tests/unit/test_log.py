import json
import os
import re

import pytest

from agent import log


def read_all(descriptor: int) -> bytes:
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "1970-01-01T00:00:00.000Z"), (1700000000.9996, "2023-11-14T22:13:20.999Z")],
)
def test_time_is_rfc_3339_in_utc(seconds: float, text: str) -> None:
    assert log.timestamp(seconds) == text


def test_an_event_is_one_line_of_json() -> None:
    event = log.make_event("init", "info", "two\nlines ü \udcff", pid=7)
    line = log.encode(event)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    again = json.loads(line)
    assert list(again) == ["time", "level", "source", "message", "pid"]
    assert again["message"].startswith("two\nlines ü")


def test_rendered_for_a_person() -> None:
    event = {"time": "2026-01-02T03:04:05.678Z", "level": "info", "source": "sshd", "message": "hi"}
    assert log.render({**event, "pid": 7}) == b"03:04:05 sshd: hi pid=7\n"
    assert log.render({**event, "level": "error"}) == b"03:04:05 sshd: error: hi\n"
    coloured = log.render({**event, "level": "warning"}, colour=True)
    assert re.fullmatch(rb"\x1b\[33m03:04:05 sshd: warning: hi\x1b\[0m\n", coloured)


def test_the_threshold_holds() -> None:
    reader, writer = os.pipe()
    logger = log.Logger("x", "warning", descriptor=writer)
    logger.debug("no")
    logger.info("no")
    logger.warning("yes")
    logger.error("yes")
    lines = [json.loads(line) for line in read_all(reader).splitlines()]
    assert [line["level"] for line in lines] == ["warning", "error"]


def test_a_reader_that_is_gone_or_stalls_is_no_error() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    logger = log.Logger("x", descriptor=writer)
    for _ in range(40):
        logger.info("y" * 4000)  # more than a pipe holds
    os.close(reader)
    logger.info("nobody")

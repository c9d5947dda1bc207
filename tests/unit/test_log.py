import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from agent.machine.light import log
from agent.machine.structured import StructuredLogger


def read_all(descriptor: int) -> bytes:
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b""


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


@pytest.mark.parametrize("form", [log.encode, log.render])
@pytest.mark.parametrize(
    "fields",
    [
        {"path": "x" * 20_000},
        {f"field{number}": "y" * 100 for number in range(400)},
        {"rows": [{"a": "z" * 30_000}], "pid": 7},
    ],
)
@pytest.mark.parametrize("message", ["short", "\u2028" * 10_000, ""])
def test_no_field_makes_a_record_too_long(
    form: Callable[[log.Event], bytes], fields: dict[str, object], message: str
) -> None:
    """Docker's and Kubernetes' log drivers would split it."""
    records = list(log.make_records(log.make_event("x", "info", message, **fields), form))
    assert records
    assert max(map(len, records)) <= log.LONGEST
    if form is log.encode:
        assert all(json.loads(record)["shortened"] for record in records)
        assert "".join(json.loads(record)["message"] for record in records) == message


def test_a_logger_splits_what_is_too_long() -> None:
    reader, writer = os.pipe()
    log.Logger("x", descriptor=writer).warning("y" * 40_000)
    events = list(map(json.loads, read_all(reader).splitlines()))
    assert [event.get("cut") for event in events] == [True, True, None]
    assert "".join(event["message"] for event in events) == "y" * 40_000


@pytest.mark.parametrize("text", ["short", "two\nlines ü \udcff", "x" * 40_000])
@pytest.mark.parametrize("level", log.LEVELS)
def test_structlog_writes_what_the_logger_writes(
    level: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "time", SimpleNamespace(time=lambda: 5.0))
    written = []
    for kind in (log.Logger, StructuredLogger):
        reader, writer = os.pipe()
        kind("refresh", "info", writer).log(level, text, host="github.com", count=3)
        written.append(read_all(reader))
    assert written[0] == written[1]
    assert bool(written[0]) == (level != "debug")


def test_a_job_loads_structlog_only_to_log_and_without_rich() -> None:
    script = """
import sys
from agent.machine.structured import StructuredLogger
log = StructuredLogger("refresh")
log.debug("unheard")
print("structlog" in sys.modules)
log.info("heard")
print("structlog" in sys.modules)
print({"rich.console", "asyncio.events"} & sys.modules.keys() or "lean")
import asyncio, rich.console  # they are there for others
print(asyncio.Queue.__module__, rich.console.Console.__module__)
"""
    argv = (sys.executable, "-c", script)
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["False", "True", "lean", "asyncio.queues", "rich.console"]
    assert json.loads(done.stderr)["message"] == "heard"

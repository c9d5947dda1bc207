"""Lines of a stream become events, bounded and masked."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.init.logger.streams import LONGEST_LINE, RING, Event, Stream, parse_line
from agent.machine.light.log import LONGEST, encode, make_event, make_records
from agent.machine.light.masking import Masker

SECRET = "sk-0123456789-abcdefghij"


def parse(name: str, line: bytes, masker: Masker) -> Event:
    """Return the event of a line that says something."""
    event = parse_line(name, line, masker)
    assert event is not None
    return event


@pytest.fixture
def masker(tmp_path: Path) -> Masker:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/API_KEY").write_text(SECRET)
    masker = Masker(str(tmp_path))
    masker.refresh()
    return masker


class Feed:
    """A stream and the writing end of its pipe."""

    def __init__(self, masker: Masker, name: str = "web") -> None:
        reader, self.writer = os.pipe2(os.O_NONBLOCK)
        self.stream = Stream(name, reader, masker, make_records)

    def send(self, data: bytes) -> None:
        """Write, and let the stream read it."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.writer, view[:4096]) :]
            self.stream.read()

    def messages(self) -> list[str]:
        """Take everything; return the messages."""
        return [event["message"] for event in self.events()]

    def events(self) -> list[dict[str, str]]:
        return list(map(json.loads, iter(self.stream.take, None)))


@pytest.fixture
def feed(masker: Masker) -> Iterator[Feed]:
    made = Feed(masker)
    yield made
    os.close(made.stream.descriptor)


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ("received SIGTERM indicating exit request", "info"),
        ("stopped: sshd (terminated by SIGTERM)", "info"),
        ("received SIGHUP indicating restart request", "warning"),
        ("killing 'sshd' (12) with SIGKILL", "warning"),
        ("exited: sshd (exit status 1; not expected)", "warning"),
    ],
)
def test_supervisord_does_not_warn_of_an_orderly_end(
    masker: Masker, words: str, level: str
) -> None:
    line = f"2026-01-31 12:00:00,000 WARN {words}".encode()
    assert parse("supervisord", line, masker)["level"] == level


def test_a_line_becomes_an_event(masker: Masker) -> None:
    event = parse("web", b"listening\r", masker)
    assert (event["source"], event["level"], event["message"]) == ("web", "info", "listening")


def test_an_event_of_the_agent_passes(masker: Masker) -> None:
    given = make_event("init", "warning", f"key {SECRET}", code=3)
    assert parse_line("agent", encode(given).strip(), masker) == {**given, "message": "key ***"}


@pytest.mark.parametrize("line", [b"{broken", b"[1]", b'{"a": 1}', b"{" * 100_000])
def test_what_is_no_event_is_wrapped(masker: Masker, line: bytes) -> None:
    event = parse("agent", line, masker)
    assert (event["source"], event["message"]) == ("agent", line.decode())


def test_an_event_with_an_unknown_level_is_still_shown(masker: Masker) -> None:
    assert parse("agent", b'{"level": "loud", "message": "x"}', masker)["level"] == "info"


def test_other_streams_cannot_speak_as_the_agent(masker: Masker) -> None:
    line = b'{"source": "init", "level": "error", "message": "x"}'
    event = parse("web", line, masker)
    assert (event["source"], event["level"], event["message"]) == ("web", "info", line.decode())


@pytest.mark.parametrize(("word", "level"), [("INFO", "info"), ("WARN", "warning"),
                                             ("CRIT", "error"), ("DEBG", "debug")])  # fmt: skip
def test_level_of_supervisord(masker: Masker, word: str, level: str) -> None:
    event = parse("supervisord", f"2026-01-31 12:00:00,123 {word} it is so".encode(), masker)
    assert (event["level"], event["message"]) == (level, "it is so")


def test_lines_are_put_together_from_pieces(feed: Feed) -> None:
    for piece in (b"on", b"e\ntw", b"o\nthr"):
        feed.send(piece)
    assert feed.messages() == ["one", "two"]
    os.close(feed.writer)
    assert feed.stream.read() == 0
    assert feed.messages() == ["thr"]


@pytest.mark.parametrize("split", range(1, len(SECRET)))
def test_a_secret_in_two_reads_is_hidden(feed: Feed, split: int) -> None:
    feed.send(b"key " + SECRET[:split].encode())
    feed.send(SECRET[split:].encode() + b" end\n")
    assert feed.messages() == ["key *** end"]


@pytest.mark.parametrize("before", range(LONGEST_LINE - len(SECRET) - 2, LONGEST_LINE + 3))
@pytest.mark.parametrize("ended", [True, False])
def test_a_secret_across_a_forced_cut_is_hidden(feed: Feed, before: int, ended: bool) -> None:
    feed.send(b"x" * before + SECRET.encode() + b"y" * LONGEST_LINE + b"\n" * ended)
    feed.stream.finish()
    pieces = feed.messages()
    assert "".join(pieces) == "x" * before + "***" + "y" * LONGEST_LINE
    assert len(pieces) > 1


def test_a_secret_that_ends_after_the_cut_was_made_is_hidden(feed: Feed) -> None:
    feed.send(b"x" * (LONGEST_LINE * 2))
    for byte in SECRET.encode():
        feed.send(bytes([byte]))
    feed.send(b"\n")
    assert "".join(feed.messages()) == "x" * (LONGEST_LINE * 2) + "***"


def test_the_newest_lines_stay_and_the_loss_is_told_once(feed: Feed) -> None:
    count = 20_000
    feed.send(b"".join(b"%06d %s\n" % (number, b"z" * 90) for number in range(count)))
    first, *rest = feed.events()
    words = first["message"].split()
    assert first["source"] == "log"
    assert first["message"].endswith("of web were lost: the reader of the log was too slow")
    assert int(words[0]) + len(rest) == count
    assert [int(event["message"][:6]) for event in rest] == list(range(int(words[0]), count))
    assert RING * 0.9 < sum(len(encode(event)) for event in rest) <= RING


@pytest.mark.parametrize(
    "text",
    ['"' * 20_000, "\u00e9" * 16_000, "x" * 50_000, "\x01\u2028" * 9000, "\U0001f600" * 9000],
)
@pytest.mark.parametrize("ended", [True, False])
def test_no_record_is_too_long_for_the_engines(feed: Feed, text: str, ended: bool) -> None:
    """Also what grows when it is written as JSON; and nothing is lost or cut in a character."""
    feed.send(text.encode() + b"\n" * ended)
    feed.stream.finish()
    records = list(iter(feed.stream.take, None))
    assert max(map(len, records)) <= LONGEST
    events = list(map(json.loads, records))
    assert "".join(event["message"] for event in events) == text
    assert [event.get("cut", False) for event in events] == [True] * (len(events) - 1) + [False]


@pytest.mark.parametrize("before", range(15_860, 15_880))
def test_no_escape_sequence_is_cut(feed: Feed, before: int) -> None:
    feed.send(b"x" * before + b"\x1b[38;5;11m" + b"y" * 16_000 + b"\n")
    assert any("\x1b[38;5;11m" in message for message in feed.messages())


def test_a_line_of_exactly_the_limit_is_one_record(feed: Feed) -> None:
    room = LONGEST - len(encode(make_event("web", "info", "")))
    for size, count in ((room, 1), (room + 1, 2)):
        feed.send(b"x" * size + b"\n")
        assert len(feed.messages()) == count


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (b"devcopilot: cannot write /x: No space left on device", "error"),
        (b"devcopilot: internal error in `refresh`: KeyError at x.py:1", "error"),
        (b"Traceback (most recent call last):", "warning"),
        (b"sshd: nothing listens on port 2222", "warning"),
    ],
)
def test_what_a_job_prints_beside_its_events_is_worth_a_look(
    masker: Masker, line: bytes, level: str
) -> None:
    """Its fatal error is visible at DEV8_LOG_LEVEL=warning."""
    assert parse("agent", line, masker)["level"] == level
    assert parse("web", line, masker)["level"] == "info", "nothing is known of it"


@pytest.mark.parametrize(
    ("line", "level", "message"),
    [
        ("[2026-11-29T03:47:14.865Z] info  code-server 4.1 53c2", "info", "code-server 4.1 53c2"),
        ("[2026-11-29T03:47:15.180Z] info    - Not serving HTTPS", "info", "- Not serving HTTPS"),
        ("[2026-11-29T03:47:15.180Z] error EADDRINUSE: in use", "error", "EADDRINUSE: in use"),
        ("[2026-11-29T03:47:15.180Z] warn  old", "warning", "old"),
        ("[03:47:18] Extension host agent started.", "info", "Extension host agent started."),
        ("[03:47:18] information", "info", "information"),
        ("    at qN (file:///server-main.js:83)", "info", "    at qN (file:///server-main.js:83)"),
        ("[reconnection-grace-time] default", "info", "[reconnection-grace-time] default"),
    ],
)
def test_a_line_of_code_server_has_one_time_and_its_level(
    masker: Masker, line: str, level: str, message: str
) -> None:
    found = parse("code-server", line.encode(), masker)
    assert (found["level"], found["message"]) == (level, message)
    assert parse("web", line.encode(), masker)["message"] == line, "others' stay"


@pytest.mark.parametrize("line", [b"", b"\r", b"[03:47:17] ", b"[03:47:17]", b"  "])
def test_a_line_of_code_server_that_says_nothing_is_left_out(masker: Masker, line: bytes) -> None:
    assert parse_line("code-server", line, masker) is None
    assert parse_line("web", line, masker) is not None


def test_a_stream_without_end_of_line_is_bounded(feed: Feed) -> None:
    feed.send(b"x" * (RING * 2))
    assert sum(len(message) for message in feed.messages()) <= RING

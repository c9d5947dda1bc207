"""What strangers say reaches terminals and logs as plain text."""

import ast
import json
import os

import pytest

from agent.__main__ import main
from agent.commands import status
from agent.machine.errors import AgentError, Problem
from agent.machine.light import log
from agent.machine.light.escaping import encode_json, escape_line, make_lines
from agent.machine.records.unit_record import State
from tests.unit.test_architecture import MODULES
from tests.worlds.statuses import make_backup, make_status, make_token, make_unit

DANGEROUS = {
    "line feed": "\n",
    "carriage return": "\r",
    "ESC": "\x1b",
    "NUL": "\0",
    "backspace": "\b",
    "DEL": "\x7f",
    "NEL": "\x85",
    "CSI": "\x9b",
    "OSC": "\x9d",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "right-to-left override": "\u202e",
    "isolate": "\u2066",
    "Arabic letter mark": "\u061c",
    "half of a pair": "\ud800",
    "byte that is no UTF-8": os.fsdecode(b"\xff"),
}


@pytest.fixture(params=list(DANGEROUS.values()), ids=list(DANGEROUS))
def bad(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_table_covers_c0_del_and_c1() -> None:
    for code in (*range(0x20), *range(0x7F, 0xA0)):
        if chr(code) != "\t":
            assert escape_line(chr(code)).isprintable()
            assert json.loads(encode_json(chr(code))) == chr(code)


def test_a_line_shows_what_was_there(bad: str) -> None:
    line = escape_line(f"a{bad}b")
    assert line.isprintable()
    assert line.startswith("a\\")
    assert line.endswith("b")
    assert escape_line(line) == line


@pytest.mark.parametrize("text", ["", "plain", "tab\there", "Grüße, 世界 🎉", r"C:\n"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert escape_line(text) == text
    assert json.loads(encode_json(text)) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\ntwo", r"one\ntwo"),
        ("\x1b]0;t\x07", r"\x1b]0;t\x07"),
        ("\u202ecod.exe", r"\u202ecod.exe"),
        (os.fsdecode(b"caf\xe9"), r"caf\xe9"),
    ],
)
def test_how_it_is_written(text: str, line: str) -> None:
    assert escape_line(text) == line


def test_each_line_ends_once(bad: str) -> None:
    assert make_lines(f"x{bad}", "y").count("\n") == 2


def test_json_is_plain_utf_8_on_one_line(bad: str) -> None:
    text = encode_json({f"k{bad}": [f"v{bad}"]})
    assert text.isprintable()
    ((key, (value,)),) = json.loads(text.encode()).items()
    if not "\ud800" <= bad <= "\udfff":
        assert (key, value) == (f"k{bad}", f"v{bad}")


def test_pretty_json_keeps_its_own_line_feeds() -> None:
    assert encode_json({"a": "\x9b"}, indent=1) == '{\n "a": "\\u009b"\n}'


def test_a_problem_is_one_line_in_every_place(
    bad: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = Problem(f"cannot read a{bad}b: x", f"remove a{bad}b")
    assert problem.message.isprintable()
    assert problem.hint.isprintable()

    def fail(*_: object) -> int:
        raise AgentError(problem)

    monkeypatch.setattr("agent.commands.version.run", fail)
    main(["version"])
    said = capsys.readouterr().err
    assert said == f"devcopilot: {problem}\n"


def test_the_log_in_both_forms(bad: str) -> None:
    event = log.make_event("service", "info", f"a{bad}b", path=f"c{bad}d")
    for line in (log.encode(event), log.render(event)):
        text = line.decode()
        assert text.endswith("\n")
        assert text[:-1].isprintable()


def test_colours_of_a_service_are_left_out_of_the_text_log() -> None:
    event = log.make_event("service", "info", "\x1b[1;32mINFO\x1b[0m up")
    assert log.render(event).endswith(b" service: INFO up\n")


def test_the_status_is_a_line_for_each_thing(bad: str) -> None:
    shown = make_status(
        services=[], tools=[], problems=[],
        tokens=[make_token(published=False, problem=f"GitHub says {bad}x")],
        units=[make_unit(state=State.FAILED, reason=f"no such branch: {bad}x")],
        backups=[make_backup(seen="", missing=(f"notes{bad}service   sshd: RUNNING",))],
    )  # fmt: skip
    text = make_lines(*status.format_lines(shown))
    assert [line.split()[0] for line in text.split("\n")[:-1]] == [
        "workspace", "page", "unit", "token", "backup", "report"
    ]  # fmt: skip
    assert text.replace("\n", "").isprintable()


def test_tokens_have_one_maker() -> None:
    makers = {
        name
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Token"
    }
    assert makers == {"github.token", "github.store"}, "the store takes what was published again"

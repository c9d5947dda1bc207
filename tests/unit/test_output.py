"""One printer, chosen once: plain lines, a terminal, JSON, events of the log."""

import ast
import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.__main__ import VERBS, main
from agent.commands import output
from agent.commands.output import JsonPrinter, Printer, TerminalPrinter
from tests.unit.test_architecture import MODULES, find_imports
from tests.worlds.speeches import PROBLEM, show_all
from tests.worlds.terminals import Terminal

ROOT = Path(__file__).parents[2]


def test_plain_lines_go_into_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show_all(Printer())
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "one line", r"evil\x1b[2J\nline", "ID    SIZE", "x     1 kB", "yyyy  20 kB", "as it goes",
    ]  # fmt: skip
    assert said.err.splitlines() == [
        "devcopilot: by the way", "devcopilot: cannot do it: because (try again)",
    ]  # fmt: skip


@pytest.mark.parametrize("printer", [Printer, TerminalPrinter])
def test_a_table_without_rows_is_one_sentence(
    printer: type[Printer], capsys: pytest.CaptureFixture[str]
) -> None:
    printer().show_table([], ("ID", "SIZE"), [], "there is nothing")
    assert capsys.readouterr().out == "there is nothing\n"
    JsonPrinter().show_table([], ("ID", "SIZE"), [], "there is nothing")
    assert json.loads(capsys.readouterr().out) == []


def test_json_has_the_schema_in_each_object_or_row(capsys: pytest.CaptureFixture[str]) -> None:
    show_all(JsonPrinter())
    said = capsys.readouterr()
    assert re.sub(r"\s+", "", said.out) == '{"schema":1,"a":1}[{"schema":1,"b":2}]'
    assert said.err.splitlines()[1] == "devcopilot: cannot do it: because (try again)"


def test_a_value_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    Printer().give("password", "a\tb\x85ü")
    assert capsys.readouterr().out == "a\tb\x85ü\n"
    JsonPrinter().give("password", "a\tb\x85ü")
    assert json.loads(capsys.readouterr().out) == {"schema": 1, "password": "a\tb\x85ü"}


def test_a_job_speaks_in_events(capfd: pytest.CaptureFixture[str]) -> None:
    printer = output.choose("refresh", as_json=False, as_log=True)
    printer.fail(PROBLEM)
    printer.note("by the way")
    printer.show({}, ["one line"])
    said = capfd.readouterr()
    assert said.out == ""
    events = [json.loads(line) for line in said.err.splitlines()]
    assert [(event["source"], event["level"], event["message"]) for event in events] == [
        ("refresh", "error", "cannot do it: because (try again)"),
        ("refresh", "warning", "by the way"),
        ("refresh", "warning", "one line"),
    ]


@pytest.mark.parametrize(
    ("words", "code"),
    [(["refresh"], 1), (["refresh", "--nope"], 2), (["backup", "scheduled"], 1), (["nope"], 2)],
)
def test_what_ends_a_job_is_an_error_of_the_log(
    words: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("DEV8_RUNTIME_DIR", str(tmp_path / "none"))
    assert main(["--log", *words]) == code
    events = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(event["source"], event["level"]) for event in events] == [(words[0], "error")]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/srv/there/a"),
            "cannot run `version`: /srv/there/a: No space left on device "
            "(free some space on the volume of /srv/there)",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "cannot run `version`: No space left on device "
            "(free some space: `df -h` shows the full volume)",
        ),
        (OSError("ssh-keygen failed: no"), "cannot run `version`: ssh-keygen failed: no"),
        (TimeoutError(), "cannot run `version`: TimeoutError"),
    ],
)
def test_what_the_machine_refuses_is_no_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], error: OSError, line: str
) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr("agent.commands.version.run", fail)
    assert main(["version"]) == 1
    assert capfd.readouterr().err == f"devcopilot: {line}\n"


def test_a_fault_of_ours_is_an_error_of_the_log(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("agent.commands.version.run", lambda *_: os.environ["NO_SUCH"])
    assert main(["--log", "version"]) == 72
    (line,) = capfd.readouterr().err.splitlines()
    assert json.loads(line)["level"] == "error"
    assert json.loads(line)["message"].startswith("internal error in `version`: KeyError at ")


# --- on a terminal -------------------------------------------------------------------------------

SCRIPT = """
import sys
sys.path.insert(0, {root!r})
from tests.worlds.speeches import show_all
from agent.commands import output
show_all(output.choose("x", as_json={as_json}, as_log=False))
print("rich" in sys.modules, file=sys.stderr)
"""
Show = Callable[..., str]


@pytest.fixture
def show() -> Iterator[Show]:
    terminals = []

    def run(*, as_json: bool = False, columns: int = 80, **environment: str) -> str:
        terminal = Terminal()
        terminals.append(terminal)
        terminal.resize(24, columns)
        stream = terminal.theirs
        child = subprocess.Popen(
            [sys.executable, "-c", SCRIPT.format(root=str(ROOT), as_json=as_json)],
            stdin=stream, stdout=stream, stderr=stream, start_new_session=True,
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8", **environment},
        )  # fmt: skip
        os.close(stream)
        seen = terminal.read_rest().decode()
        assert child.wait(timeout=120) == 0, seen
        return seen

    yield run
    for terminal in terminals:
        terminal.close()


def strip(text: str) -> str:
    """Return what a person sees who does not look at colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_a_terminal_gets_the_page_and_the_table_in_colour(show: Show) -> None:
    seen = show()
    assert "\x1b[32m●" in seen
    assert "\x1b[1;31mdevcopilot: \x1b[0mcannot do it" in seen
    text = strip(seen)
    assert "the workspace is ready" in text
    assert re.search(r"✖ editor\\x1b\[2J\s+gone\\nfor ever", text)
    assert re.search(r"ID +SIZE", text)
    assert "one line" not in text
    assert "devcopilot: cannot do it: because\r\n  try again" in text
    assert "half" in text
    assert "True" in text


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(show: Show, columns: int) -> None:
    lines = re.split(r"\r\n|\r", strip(show(columns=columns)))
    assert max(map(len, lines)) <= columns


def test_no_color_takes_the_colours_and_leaves_the_page(show: Show) -> None:
    seen = show(NO_COLOR="1")
    assert "● sshd" in strip(seen)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", seen)
    assert "\x1b[32m●" in show(NO_COLOR=""), "an empty one says nothing: no-color.org"


def test_a_dumb_terminal_gets_plain_lines(show: Show) -> None:
    seen = show(TERM="dumb")
    assert "\x1b" not in seen.replace(r"\x1b", "")
    assert seen.splitlines()[0] == "one line"
    assert "half" not in seen
    assert seen.splitlines()[-1] == "False"


def test_json_on_a_terminal_is_json(show: Show) -> None:
    seen = show(as_json=True, NO_COLOR="1")
    assert '{\r\n  "schema": 1,\r\n  "a": 1\r\n}' in seen


def test_a_terminal_that_knows_no_utf_8_gets_letters(show: Show) -> None:
    seen = strip(show(LANG="C", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"))
    assert "* sshd" in seen
    assert seen.isascii()


# --- what holds for all verbs --------------------------------------------------------------------


def test_only_one_module_imports_rich() -> None:
    found = {
        name
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rich")
        or (isinstance(node, ast.Import) and any(a.name.startswith("rich") for a in node.names))
    }
    assert found == {"commands.terminal"}
    users = {name for name in MODULES if "commands.terminal" in find_imports(name)}
    assert users == {"commands.output"}


ENDS = {"wait": ("--timeout", "0")}
"""Verbs that would not end by themselves where no agent runs."""


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"run", "init"}))
def test_a_verb_in_a_pipe_loads_no_rich(verb: str, tmp_path: Path) -> None:
    """It costs 60 ms, which `health` would pay every 30 s."""
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from agent.__main__ import main\n"
        f"main({[verb, *ENDS.get(verb, ())]}); main([{verb!r}, '--help'])\n"
        "assert not {'rich', 'pygments'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], check=False, capture_output=True, text=True,
        timeout=60, env={"PATH": os.environ["PATH"], "DEV8_RUNTIME_DIR": str(tmp_path / "none")},
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_what_prints_one_line_loads_hardly_anything() -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from agent.__main__ import main\n"
        "main(['version'])\n"
        "print({'pathlib', 'datetime', 'urllib', 'agent.settings'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], check=True, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.stdout.splitlines()[1] == "set()"


SPEAKERS = {"commands.dispatch", "commands.output", "commands.terminal"}
"""The modules of the commands' room that may write to a stream themselves."""


@pytest.mark.parametrize(
    "module", sorted(name for name in MODULES if name.startswith("commands.")), ids=str
)
def test_verbs_speak_through_their_printer(module: str) -> None:
    text = MODULES[module].read_text()
    if module not in SPEAKERS:
        assert not re.search(r"sys\.(stdout|stderr)|\bprint\(|json\.dumps|encode_json", text)

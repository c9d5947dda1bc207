"""The engine of `doctor`: checks in processes of their own, and what becomes of their findings."""

import argparse
import faulthandler
import io
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from agent.commands import doctor as verb
from agent.commands.output import Printer
from agent.commands.terminal import print_page
from agent.machine.errors import AgentError, Problem
from agent.machine.records.documents import make_plain
from agent.observe import doctor, examination
from agent.observe.findings import FILE, Row
from agent.settings import context
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts
from tests.worlds.programs import has_ended
from tests.worlds.waiting import wait_until

Look = Callable[[Context], Iterable[Finding]]
LIMIT = 0.3
FINE = Finding(Result.OK, "it is fine", facts={"left": 7})


@pytest.fixture
def current(tmp_path: Path) -> Context:
    return Context({}, Settings.from_environ({}), make_facts(tmp_path))


def make(look: Look, name: str = "one", *, network: bool = False) -> Check:
    return Check(name, "GitHub", "whether it is fine", look, network, "docs/doctor.md", 20.0)


def find(look: Look, current: Context, limit: float | None = None) -> list[Finding]:
    (done,) = examination.run([make(look)], current, limit)
    return list(done.findings)


def test_findings_come_back_as_they_were_made(current: Context) -> None:
    odd = Finding(Result.WARN, "an odd one", "fix it", {"a": [1, None]}, "github.com")
    assert find(lambda _: [FINE, odd], current) == [FINE, odd]


def test_nothing_found_means_that_there_was_nothing_to_check(current: Context) -> None:
    assert find(lambda _: [], current) == [Finding(Result.SKIPPED, "there is nothing to check")]


def fail_with(error: Exception) -> Look:
    def look(_: Context) -> Iterator[Finding]:
        yield FINE
        raise error

    return look


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("sesame"), "cannot check it: internal error: KeyError at "),
        (AgentError(Problem("cannot read x: it is damaged", "remove x")),
         "cannot check it: cannot read x: it is damaged"),
        (PermissionError(13, "Permission denied", "/x"), "cannot check it: /x: Permission denied"),
        (TimeoutError(110, "Connection timed out"), "cannot check it: Connection timed out"),
        (TimeoutError("sesame"), "cannot check it: TimeoutError"),
        (ValueError("sesame"), "cannot check it: internal error: ValueError at "),
    ],
)  # fmt: skip
def test_a_crash_says_nothing_about_how_it_stands(
    error: Exception, words: str, current: Context
) -> None:
    first, last = find(fail_with(error), current)
    assert first == FINE, "what it had found before counts"
    assert last.result is Result.UNKNOWN
    assert last.summary.startswith(words)
    assert "sesame" not in last.summary, "the text of an error may hold a secret"


def test_a_finding_without_a_fix_is_a_fault_of_the_check(current: Context) -> None:
    (found,) = find(lambda _: [Finding(Result.FAIL, "it is broken")], current)
    assert found.result is Result.UNKNOWN


def test_one_that_takes_too_long_may_clean_up(current: Context, tmp_path: Path) -> None:
    def look(_: Context) -> Iterator[Finding]:
        try:
            (tmp_path / "probe").touch()
            signal.pause()
            yield FINE
        finally:
            (tmp_path / "probe").unlink(missing_ok=True)  # the time may be over at once

    (found,) = find(look, current, LIMIT)
    assert (found.result, found.summary) == (
        Result.UNKNOWN, f"cannot check it: it took longer than {LIMIT} s",
    )  # fmt: skip
    assert not (tmp_path / "probe").exists()


def test_who_breaks_off_lets_each_check_clean_up(current: Context, tmp_path: Path) -> None:
    def wait(_: Context) -> Iterator[Finding]:
        (tmp_path / "probe").touch()
        try:
            signal.pause()
            yield FINE
        finally:
            (tmp_path / "probe").unlink()

    def end(_: Context) -> Iterator[Finding]:
        wait_until((tmp_path / "probe").exists, "the other one is at work")
        yield FINE

    done = examination.run([make(wait), make(end, "two")], current)
    assert next(done).check.name == "two"
    assert isinstance(done, Generator)
    done.close()  # as Ctrl-C does
    assert not (tmp_path / "probe").exists()


def test_one_that_does_not_listen_ends_with_all_that_it_started(
    current: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(_: Context) -> Iterator[Finding]:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGTERM])
        program = subprocess.Popen(["sleep", "60"])
        (tmp_path / "pids").write_text(f"{os.getpid()} {program.pid}")
        yield FINE
        program.wait()

    monkeypatch.setattr(examination, "PATIENCE", 0.1)
    assert [found.result for found in find(look, current, 5.0)] == [Result.OK, Result.UNKNOWN]
    wait_until_gone(tmp_path / "pids")


def test_what_a_check_leaves_running_ends_with_it(current: Context, tmp_path: Path) -> None:
    def look(_: Context) -> Iterator[Finding]:
        program = subprocess.Popen(["sleep", "60"])
        (tmp_path / "pids").write_text(str(program.pid))
        yield FINE

    assert find(look, current) == [FINE]
    wait_until_gone(tmp_path / "pids")


def wait_until_gone(file: Path) -> None:
    for pid in map(int, file.read_text().split()):
        wait_until(partial(has_ended, pid), f"the end of {pid}")


def test_one_that_is_killed_is_unknown(current: Context) -> None:
    def look(_: Context) -> Iterator[Finding]:
        yield FINE
        faulthandler.disable()  # pytest's would print a page into the report of the whole run
        os.kill(os.getpid(), signal.SIGSEGV)

    first, last = find(look, current)
    assert first == FINE
    assert last.summary == f"cannot check it: signal {int(signal.SIGSEGV)} ended it"


def test_one_that_says_too_much_is_ended(current: Context) -> None:
    def look(_: Context) -> Iterator[Finding]:
        while True:
            yield Finding(Result.OK, "x" * 100_000)

    assert find(look, current)[-1].summary == "cannot check it: it printed more than 1024 KiB"


def test_it_has_no_terminal_and_no_output(
    current: Context, capfd: pytest.CaptureFixture[str]
) -> None:
    def look(_: Context) -> Iterator[Finding]:
        os.write(1, b"stray")
        os.write(2, b"stray")
        assert os.getsid(0) == os.getpid(), "a session of its own has no terminal"
        with pytest.raises(OSError, match="/dev/tty"):
            os.open("/dev/tty", os.O_RDWR)
        yield Finding(Result.OK, f"read {len(os.read(0, 1))} bytes")

    assert find(look, current) == [Finding(Result.OK, "read 0 bytes")]
    assert capfd.readouterr() == ("", "")


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_no_thread_draws_the_terminal_while_the_checks_are_forked(
    current: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of a process with threads may wait for ever for what one of them holds."""
    checks = tuple(make(lambda _: [FINE], f"check-{number}") for number in range(9))
    before, fork = set(threading.enumerate()), os.fork
    found: list[set[threading.Thread]] = []

    def note_and_fork() -> int:
        found.append(set(threading.enumerate()) - before)
        return fork()

    monkeypatch.setattr(os, "fork", note_and_fork)
    monkeypatch.setattr(verb, "CHECKS", checks)
    monkeypatch.setattr(context, "load", lambda: current)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")  # all names have room
    screen = Terminal()
    words = argparse.Namespace(
        names=[], url=None, list=False, offline=True, timeout=None, all=False, strict=False
    )
    assert verb.run(words, Printer(out=io.StringIO(), err=screen)) == 0
    assert found == [set()] * 9
    assert "checking" in screen.getvalue()
    assert "check-8" in screen.getvalue()


def test_four_run_at_a_time(current: Context) -> None:
    seen = []
    checks = [make(lambda _: [FINE], f"check-{number}") for number in range(9)]
    told = lambda done, names: seen.append((done, len(names)))  # noqa: E731
    assert len(list(examination.run(checks, current, None, told))) == 9
    assert max(count for _, count in seen) == examination.MOST
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


# --- rows ---------------------------------------------------------------------------------------


def test_rows_come_in_the_order_of_the_checks_and_hold_no_secret(current: Context) -> None:
    (current.facts.runtime / "tokens").mkdir(exist_ok=True)
    (current.facts.runtime / "tokens/github.com").write_text("ghp_0123456789abcdef\n")
    word = "ghp_0123456789abcdef"
    leaky = Finding(Result.FAIL, f"a {word}", f"b {word}", {word: [word]}, word)
    rows = doctor.examine([make(lambda _: [leaky], "b"), make(lambda _: [FINE], "a")], current)
    assert [row.name for row in rows] == ["b", "a"]
    assert "0123456789abcdef" not in json.dumps([make_plain(row) for row in rows])
    assert rows[1].facts == {"left": 7}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://x:sesame@example.com/a", "https://***@example.com/a"),
        ("https://ghp_0123456789@github.com/a", "https://***@github.com/a"),
        ("ssh://git@github.com/a", "ssh://git@github.com/a"),
        ("https://example.com:8080/a@b:c@d", "https://example.com:8080/a@b:c@d"),
    ],
)
def test_no_address_shows_a_password(url: str, shown: str, current: Context) -> None:
    found = Finding(Result.FAIL, f"cannot read '{url}': no", f"git ls-remote {url}")
    (row,) = doctor.examine([make(lambda _: [found])], current)
    assert (row.summary, row.fix) == (f"cannot read '{shown}': no", f"git ls-remote {shown}")


def test_offline_skips_what_needs_the_network(current: Context) -> None:
    checks = [make(fail_with(KeyError()), "far", network=True), make(lambda _: [FINE], "near")]
    rows = doctor.examine(checks, current, offline=True)
    assert [(row.name, row.result) for row in rows] == [
        ("far", Result.SKIPPED), ("near", Result.OK),
    ]  # fmt: skip


def test_what_was_not_looked_at_stays_as_it_was(current: Context) -> None:
    checks = tuple(make(lambda _: [FINE], name, network=name == "far") for name in ("far", "near"))
    broken = Row("far", "GitHub", Result.FAIL, "it is broken", "fix it", {"n": 1})
    fine = Row("near", "GitHub", Result.OK, "was fine")
    doctor.keep([broken, fine], checks, current, offline=False)
    doctor.keep(doctor.examine(checks, current, offline=True), checks, current, offline=True)
    assert [(row.name, row.summary) for row in FILE.read(current.facts)] == [
        ("far", "it is broken"), ("near", "it is fine"),
    ]  # fmt: skip
    assert FILE.read(current.facts)[0] == broken
    doctor.keep([Row("near", "GitHub", Result.OK, "still")], checks, current, offline=False)
    assert [row.summary for row in FILE.read(current.facts)] == ["it is broken", "still"]


@pytest.mark.parametrize("content", ["", "[{}]", '[{"name": "x", "result": "odd"}]', "[7]", "{}"])
def test_a_damaged_result_counts_as_none(content: str, current: Context) -> None:
    FILE.write(current.facts, ())
    FILE.path(current.facts).write_text(content)
    assert FILE.read(current.facts) == ()


CHECKS = (make(lambda _: [FINE], "token"), make(lambda _: [FINE], "scopes"))


def test_names_and_groups_choose() -> None:
    assert doctor.choose([], CHECKS) == CHECKS
    assert doctor.choose(["scopes"], CHECKS) == CHECKS[1:]
    assert doctor.choose(["GitHub"], CHECKS) == CHECKS
    with pytest.raises(
        AgentError, match=r"there is no check tokn \(did you mean token\?\)"
    ) as told:
        doctor.choose(["tokn"], CHECKS)
    assert told.value.exit_code == 2
    with pytest.raises(AgentError, match="doctor --list` shows all checks"):
        doctor.choose(["xyzzy"], CHECKS)


def rows(*results: Result) -> list[Row]:
    return [Row("token", "GitHub", each, "it is so", f"fix {each}" if each in "warnfail" else "",
                part="github.com") for each in results]  # fmt: skip


OK, WARN, FAIL, SKIPPED, UNKNOWN = Result


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ((OK, SKIPPED), "All well"),
        ((OK, UNKNOWN), "No problem found; 1 thing could not be checked"),
        ((OK, FAIL, WARN, WARN), "1 problem and 2 warnings found; everything else is fine"),
        ((FAIL, UNKNOWN, UNKNOWN), "1 problem found; 2 things could not be checked"),
        ((), "All well"),
    ],
)
def test_the_first_line_is_calm(results: tuple[Result, ...], words: str) -> None:
    assert doctor.summarize(rows(*results)) == words


def test_lines_end_with_what_fixes_it() -> None:
    assert list(verb.format_lines(rows(OK, WARN, FAIL, FAIL))) == [
        "2 problems and 1 warning found; everything else is fine",
        "ok        token: github.com: it is so",
        "warn      token: github.com: it is so (fix warn)",
        "fail      token: github.com: it is so (fix fail)",
        "fail      token: github.com: it is so (fix fail)",
        "fix       fix fail",
        "fix       fix warn",
    ]


def test_a_terminal_shows_marks() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8")
    print_page(verb.make_page(rows(*Result), ["sso", "ssh"]), stream)
    stream.flush()
    text = stream.buffer.getvalue().decode()
    assert all(mark in text for mark in "✓!✗\u2013?")
    assert "What to do" in text
    assert "sso, ssh (--all shows why)" in text


def test_a_part_is_not_named_twice() -> None:
    row = Row("token", "GitHub", OK, "GitHub.com accepts the token", part="github.com")
    assert row.sentence == "GitHub.com accepts the token"
    assert replace(row, part="ghe").sentence == "ghe: GitHub.com accepts the token"


def test_checks_without_anything_to_look_at_are_only_named() -> None:
    skipped = replace(rows(SKIPPED)[0], name="sso")
    assert doctor.find_skipped([*rows(OK, SKIPPED), skipped, skipped]) == ["sso"]
    assert list(verb.format_lines(rows(OK), ["sso", "ssh"]))[-1] == "skipped   sso, ssh"


@pytest.mark.parametrize(
    ("result", "strict", "code"),
    [(OK, True, 0), (UNKNOWN, True, 0), (WARN, False, 0), (WARN, True, 1), (FAIL, False, 1)],
)
def test_the_exit_code(
    result: Result, strict: bool, code: int, current: Context, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    check = make(lambda _: [Finding(result, "it is so", "fix it")])
    monkeypatch.setattr(verb, "CHECKS", (check,))
    monkeypatch.setattr(context, "load", lambda: current)
    arguments = argparse.Namespace(
        names=[],
        url=None,
        list=False,
        offline=False,
        timeout=None,
        strict=strict,
        json=False,
        all=False,
    )
    assert verb.run(arguments, Printer()) == code
    assert capsys.readouterr().out.count("it is so") == 1
    assert FILE.read(current.facts)[0].result is result

"""Running a command for its words."""

import os
import sys
import time
from pathlib import Path

import pytest

from agent.machine.programs import external_commands
from tests.worlds.waiting import wait_until

SAY = "import sys; sys.std{0}.write('x' * {1})"


def run(code: str, **options: object) -> tuple[int, bytes, bytes]:
    done = external_commands.run([sys.executable, "-c", code], os.environ, **options)  # type: ignore[arg-type]
    return done.returncode, done.stdout, done.stderr


def test_it_gets_its_input_and_both_outputs_come_back() -> None:
    code = "import sys; d = sys.stdin.read(); print(len(d)); print('no', file=sys.stderr); exit(3)"
    assert run(code, stdin=b"x" * 300_000) == (3, b"300000\n", b"no\n")


def test_one_that_reads_nothing_is_no_fault() -> None:
    assert run("pass", stdin=b"x" * 300_000) == (0, b"", b"")


@pytest.mark.parametrize("stream", ["out", "err"])
def test_what_says_too_much_is_ended(stream: str) -> None:
    code, said, why = run(SAY.format(stream, 5000), limit=4096)
    assert (code, said, why) == (125, b"", b"it printed more than 4 KiB")
    assert run(SAY.format(stream, 4096), limit=4096)[0] == 0


def test_what_never_ends_is_ended_and_costs_no_memory(tmp_path: Path) -> None:
    code = f"import os; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    assert run(code + "while True: print('y' * 9999)") == (
        125,
        b"",
        b"it printed more than 1024 KiB",
    )
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    "code",
    ["import time; time.sleep(60)", "import os, time; os.close(1); os.close(2); time.sleep(60)"],
)
def test_what_takes_too_long_is_ended(code: str) -> None:
    assert run(code, timeout=0.2) == (124, b"", b"it took too long")


def test_a_program_that_is_missing_has_a_code_as_well() -> None:
    done = external_commands.run(["/no/such/program"], {})
    assert (done.returncode, done.stderr) == (127, b"No such file or directory")


def test_what_was_started_goes_on_while_something_else_is_done(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    environ = {**os.environ, "PIPE": str(tmp_path / "pipe")}
    first = external_commands.start(["sh", "-c", 'read -r word <"$PIPE"; echo "$word"'], environ)
    second = external_commands.start(["sh", "-c", 'echo come >"$PIPE"'], environ)
    assert first().stdout == b"come\n", "each waits for the other"
    assert second().returncode == 0
    assert first() is first()


def test_who_starts_a_command_may_be_busy_for_longer_than_it_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    finish = external_commands.start(["echo", "hello"], os.environ)
    now[0] = 3600.0
    done = finish()
    assert (done.returncode, done.stdout) == (0, b"hello\n")


def test_what_was_started_has_its_input_before_somebody_waits(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    finish = external_commands.start(["tee", str(copy)], os.environ, stdin=b"words")
    wait_until(lambda: copy.exists() and copy.read_bytes() == b"words", "it has its input")
    assert finish().stdout == b"words"

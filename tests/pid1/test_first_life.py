"""The first life: `configure` runs with the original environment, the second life without it."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.machine.light.exits import Exit
from tests.pid1.boxes import BLOCKED, EMPTY_BOOT, ENVIRONMENT, PYTHON, Box, booted, change, give

Start = Callable[..., Box]

SECRET = "a-secret-that-nobody-may-see"


@pytest.fixture
def first(folder: Path) -> Callable[..., tuple[str, ...]]:
    """Return the words that start the first life with a script as `configure`."""

    def make_words(script: str, *command: str) -> tuple[str, ...]:
        copy = folder / "first_life.py"
        copy.write_bytes(Path(__file__).with_name("first_life.py").read_bytes())
        return (*BLOCKED, *PYTHON, str(copy), "sh", "-c", script, "--", *command)

    return make_words


First = Callable[..., tuple[str, ...]]


def environment(folder: Path) -> dict[str, str]:
    return {**ENVIRONMENT, "DEV8_RUNTIME_DIR": str(folder / "run"), "GITHUB_TOKEN": SECRET}


def test_the_second_life_has_the_clean_environment(
    start: Start, folder: Path, first: First
) -> None:
    booted(folder, change(EMPTY_BOOT, environment={**ENVIRONMENT, "KEPT": "yes"}))
    script = f'test "$GITHUB_TOKEN" = {SECRET} && test "$DEV8_RUNTIME_DIR" = {folder}/run'
    look = "tr '\\0' '\\n' < /proc/1/environ; env; tr '\\0' '\\n' < /proc/1/cmdline"
    box = start(*first(script, "sh", "-c", look), environment=environment(folder))
    assert box.wait() == 0, box.err
    assert box.out.count("KEPT=yes") == 2
    assert SECRET not in box.out


def test_only_cmd_may_dump_core(start: Start, folder: Path, first: First) -> None:
    """What has secrets in its memory leaves no file of it; CMD is as it would be without us."""
    booted(folder, EMPTY_BOOT)
    look = f"grep core /proc/self/limits >>{folder}/run/limits"
    script = f"grep core /proc/1/limits >{folder}/run/limits; {look}"
    last = f"grep -h core /proc/1/limits {folder}/run/limits /proc/self/limits"
    unlimited = ("prlimit", "--core=unlimited:unlimited")
    box = start(*unlimited, *first(script, "sh", "-c", last), environment=environment(folder))
    assert box.wait() == 0, box.err
    soft = [line.split()[-3:-1] for line in box.out.splitlines()]
    assert soft == [["1", "unlimited"]] * 3 + [["unlimited", "unlimited"]]


def test_the_real_configure(start: Start, folder: Path) -> None:
    """All of `devcopilot run` but the services."""
    (folder / "home").mkdir()
    (folder / "work").mkdir()
    give(folder)
    variables = {
        **environment(folder), "HOME": str(folder / "home"), "WORKSPACE_DIR": str(folder / "work"),
        "DEV8_SSH": "false", "DEV8_CODE_SERVER": "false", "KEPT": "yes",
    }  # fmt: skip
    secret = folder / "run/secrets/GITHUB_TOKEN"
    look = f"tr '\\0' '\\n' < /proc/1/environ; env; cp {secret} {folder}/home/seen; exit 5"
    words = (*BLOCKED, *PYTHON, "-m", "agent", "run", "--", "sh", "-c", look)
    box = start(*words, environment=variables)
    assert box.wait() == 5, box.err
    assert box.out.count("KEPT=yes") == 2
    assert SECRET not in box.out + box.err
    assert (folder / "home/seen").read_text() == SECRET
    assert not secret.exists(), "the folder may outlive the container"


@pytest.mark.parametrize("streams", ["2>&1 >/dev/null", "<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_the_real_configure_whatever_the_streams_are(
    start: Start, folder: Path, streams: str
) -> None:
    """A copy of init becomes it, and its standard output is what init has as standard error."""
    (folder / "home").mkdir()
    (folder / "work").mkdir()
    give(folder)
    variables = {
        **environment(folder), "HOME": str(folder / "home"), "WORKSPACE_DIR": str(folder / "work"),
        "DEV8_SSH": "false", "DEV8_CODE_SERVER": "false",
    }  # fmt: skip
    words = (*PYTHON, "-m", "agent", "run", "--", "sh", "-c", "exit 5")
    script = f'exec "$@" {streams}'
    box = start("sh", "-c", script, "sh", *words, environment=variables, piped=True)
    assert box.wait() == 5, box.err


def test_a_wrong_setting_ends_with_2(start: Start, folder: Path) -> None:
    variables = {**environment(folder), "DEV8_SSH_PORT": "many", "DEV8_SSH": "maybe"}
    box = start(*PYTHON, "-m", "agent", "run", "--", "echo", "never", environment=variables)
    assert box.wait() == Exit.USAGE
    assert "DEV8_SSH_PORT" in box.err
    assert "DEV8_SSH=" in box.err
    assert box.out == ""


@pytest.mark.parametrize("place", ["run", "locked/run"])
def test_wrong_settings_are_all_told_before_any_folder_is_made(
    start: Start, folder: Path, place: str
) -> None:
    """Also where the runtime folder is no use: that is trouble of another kind."""
    (folder / "locked").mkdir(mode=0o500)
    give(folder)
    variables = {**environment(folder), "DEV8_SSH_PORT": "many", "DEV8_SSH": "maybe"}
    variables["DEV8_RUNTIME_DIR"] = str(folder / place)
    box = start(*PYTHON, "-m", "agent", "run", environment=variables)
    assert box.wait() == Exit.USAGE
    assert [line.split("=")[0] for line in box.err.splitlines()] == [
        "devcopilot: DEV8_SSH",
        "devcopilot: DEV8_SSH_PORT",
    ]
    assert not (folder / place).exists()


def test_a_folder_that_cannot_be_made_is_one_line(start: Start, folder: Path) -> None:
    (folder / "file").touch()
    variables = {**environment(folder), "DEV8_RUNTIME_DIR": str(folder / "file/run")}
    box = start(*PYTHON, "-m", "agent", "run", environment=variables)
    assert box.wait() == Exit.USAGE
    (line,) = box.err.splitlines()
    assert f"cannot use the runtime folder {folder}/file/run" in line
    assert "DEV8_RUNTIME_DIR" in line


def test_configure_leaves_the_folder_of_a_living_agent_alone(
    start: Start, folder: Path, first: First
) -> None:
    booted(folder, EMPTY_BOOT)
    one = start(*first(":"), environment=environment(folder))
    one.wait_for_phase("ready")
    other = start(*PYTHON, "-m", "agent", "run", environment=environment(folder))
    assert other.wait() == Exit.USAGE
    assert "another agent" in other.err
    assert (folder / "run/state.json").exists()
    assert not (folder / "run/secrets/GITHUB_TOKEN").exists()
    assert one.stop() == 0


def test_the_code_of_configure_is_the_containers(start: Start, folder: Path, first: First) -> None:
    box = start(*first("echo wrong >&2; exit 2", "echo", "never"), environment=environment(folder))
    assert (box.wait(), box.out, box.err) == (2, "", "wrong\n")


def test_configure_cannot_take_the_input_or_the_output(
    start: Start, folder: Path, first: First
) -> None:
    booted(folder, EMPTY_BOOT)
    script = "readlink /proc/self/fd/0; echo said"
    box = start(*first(script, "echo", "result"), environment=environment(folder))
    assert box.wait() == 0
    assert box.out == "result\n"
    assert box.err.startswith("/dev/null\nsaid\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("ignore", ["", "trap '' TERM INT;"])
@pytest.mark.parametrize("command", [(), ("echo", "never")])
def test_a_stop_during_configure(
    start: Start, folder: Path, first: First, ignore: str, number: int, command: tuple[str, ...]
) -> None:
    """Without CMD the container was asked to stop and did; a CMD never got its chance."""
    booted(folder, EMPTY_BOOT)
    script = f"{ignore} echo begun >&2; while :; do sleep 0.05; done"
    box = start(*first(script, *command), environment=environment(folder))
    box.wait_for("begun")
    assert box.stop(number) == (128 + number if command else Exit.OK)
    assert box.out == ""


def test_a_configure_that_hangs_is_ended(start: Start, folder: Path, first: First) -> None:
    variables = {**environment(folder), "TIME_LIMIT": "0.3"}
    box = start(*first("trap '' TERM; sleep 60 & wait; wait"), environment=variables)
    assert box.wait() == Exit.FAILED
    assert "configure took longer than 0.3 s" in box.err
    assert len(box.err.splitlines()) == 1


@pytest.mark.parametrize("script", ["while :; do :; done", "sh -c 'while :; do :; done'; exit 1"])
def test_a_configure_that_loops_for_ever_is_ended(
    start: Start, folder: Path, first: First, script: str
) -> None:
    variables = {**environment(folder), "TIME_LIMIT": "0.1", "PROCESSOR_LIMIT": "0.5"}
    box = start(*first(script), environment=variables)
    assert box.wait() == Exit.FAILED
    said = "devcopilot: configure used a processor for 0.5 s and did not finish"
    assert box.err.splitlines() == [said]


def test_a_configure_that_lacks_a_processor_is_waited_for(
    start: Start, folder: Path, first: First
) -> None:
    """It works for seconds after its time is over, in itself and in what it starts."""
    booted(folder, EMPTY_BOOT)
    variables = {**environment(folder), "TIME_LIMIT": "0.1"}
    work = "i=0; while [ $i -lt 4000000 ]; do i=$((i + 1)); done"
    box = start(*first(f"{work}; sh -c '{work}'; exit 0"), environment=variables)
    box.wait_for_phase("ready")
    assert "took longer" not in box.err


def test_a_term_between_the_lives_is_not_lost(start: Start, folder: Path, first: First) -> None:
    """`configure` itself sends it, in its last moment."""
    booted(folder, EMPTY_BOOT)
    box = start(*first("kill -TERM 1"), environment=environment(folder))
    assert box.wait() == Exit.OK


def test_two_agents_do_not_share_a_folder(start: Start, folder: Path, first: First) -> None:
    booted(folder, EMPTY_BOOT)
    one = start(*first(":"), environment=environment(folder))
    one.wait_for_phase("ready")
    other = start(*first(":"), environment=environment(folder))
    assert other.wait() == Exit.USAGE
    assert "another agent" in other.err
    assert "DEV8_RUNTIME_DIR" in other.err
    assert len(other.err.splitlines()) == 1
    assert one.stop() == 0


def test_a_folder_that_others_can_enter_is_refused(
    start: Start, folder: Path, first: First
) -> None:
    booted(folder, EMPTY_BOOT)
    (folder / "run").chmod(0o755)
    box = start(*first(":"), environment=environment(folder))
    assert box.wait() == Exit.USAGE
    assert "DEV8_RUNTIME_DIR" in box.err
    assert len(box.err.splitlines()) == 1


def test_a_configure_that_leaves_no_boot_file(start: Start, folder: Path, first: First) -> None:
    box = start(*first(":"), environment=environment(folder))
    assert box.wait() == Exit.INTERNAL
    assert len(box.err.splitlines()) == 1
    assert "Traceback" not in box.err

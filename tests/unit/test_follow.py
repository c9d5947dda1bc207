"""Programs that tell in JSON lines are followed, and ended when they do not get on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.machine.programs.follow import ENDED, Finished, Limits, Message, find_words, follow
from agent.machine.programs.process_groups import end
from tests.worlds.programs import Awaited
from tests.worlds.waiting import wait_until

ANY = Limits()
PATH = {"PATH": os.environ["PATH"]}
STATUS = """'{"message_type":"status","bytes_done":%s}\\n'"""
COUNTED = STATUS.replace("%s", "%d")


def run(script: str, limits: Limits = ANY, heard: list[Message] | None = None) -> Finished:
    """Follow a shell script that gets the word --json."""
    listener = heard.append if heard is not None else (lambda _: None)
    return follow(["sh", "-c", script, "sh", "--json"], PATH, limits, listener)


def test_progress_is_told_and_the_end_is_kept() -> None:
    heard: list[Message] = []
    script = (
        f"printf {STATUS % 1}; printf {STATUS % 2}"
        + """
        printf '{"message_type":"summary","snapshot_id":"abc"}\\n'"""
    )
    finished = run(script, heard=heard)
    assert [message["bytes_done"] for message in heard] == [1, 2]
    assert finished.code == 0
    assert (finished.find("summary") or {})["snapshot_id"] == "abc"
    assert finished.find("status") is None


def test_the_code_and_the_last_words_are_kept() -> None:
    finished = run("echo first >&2; echo last >&2; exit 12")
    assert finished.code == 12
    assert finished.words.splitlines() == ["first", "last"]


def test_a_line_without_its_end_counts() -> None:
    assert run("printf last >&2; exit 1").words == "last"


def test_the_message_of_an_error_is_among_the_last_words() -> None:
    line = '{"message_type":"error","error":{"message":"open: denied"},"item":"/a"}'
    finished = run(f"echo '{line}' >&2; exit 3")
    assert finished.words == "/a: open: denied"
    assert (finished.find("error") or {})["item"] == "/a"


def test_the_signature_in_a_url_is_not_told() -> None:
    url = "https://a.blob.core.windows.net/c?sv=2024&sig=aB%2Bc%3D&sp=rw"
    line = json.dumps({"message_type": "error", "error": {"message": f"Put {url}: denied"}})
    finished = run(f"echo 'GET \"{url}\" failed' >&2; echo '{line}'; exit 1")
    assert "aB" not in finished.words
    assert sorted(finished.words.splitlines()) == [
        f'GET "{url.replace("aB%2Bc%3D", "***")}" failed',
        f"Put {url.replace('aB%2Bc%3D', '***')}: denied",
    ]
    (error,) = finished.errors
    assert "aB" not in find_words(error)


COUNT = "n=0; while [ $n -lt 400000 ]; do n=$((n + 1)); done"


@pytest.mark.parametrize("script", [COUNT, f"sh -c '{COUNT}'; true"], ids=["itself", "its child"])
@pytest.mark.parametrize("limits", [Limits(first=0.1), Limits(stall=0.1)], ids=["first", "stall"])
def test_what_waits_for_a_processor_has_time(script: str, limits: Limits) -> None:
    assert run(f"{script}; exit 3", limits).code == 3


def test_the_whole_time_holds_for_that_as_well() -> None:
    finished = run("while :; do :; done", Limits(total=0.2))
    assert (finished.code, finished.cause) == (ENDED, "it took longer than 0.2 s")


def test_no_sign_of_life_ends_it() -> None:
    finished = run("exec sleep 60", Limits(first=0.1))
    assert finished.code == ENDED
    assert finished.cause == "no answer within 0.1 s"


def test_the_limit_that_was_reached_is_the_one_that_is_told() -> None:
    finished = run("exec sleep 60", Limits(first=60.0, stall=0.1))
    assert finished.cause == "no progress for 0.1 s"


def test_a_sign_of_life_is_enough_for_the_first_limit() -> None:
    finished = run(f"printf {STATUS % 1}; exec sleep 0.5", Limits(first=0.2))
    assert finished.code == 0


def test_words_on_standard_error_are_no_sign_of_life() -> None:
    finished = run("echo retrying >&2; exec sleep 60", Limits(first=0.1))
    assert (finished.code, finished.words) == (ENDED, "retrying")


def test_standing_still_ends_it_although_it_tells_so_again_and_again() -> None:
    script = f"while sleep 0.02; do printf {STATUS % 7}; done"
    finished = run(script, Limits(stall=0.3))
    assert finished.cause == "no progress for 0.3 s"


def test_getting_on_slowly_is_getting_on() -> None:
    script = (
        f"for n in 1 2 3 4 5 6 7 8 9; do printf {STATUS.replace('%s', '%d')} $n; sleep 0.1; done"
    )
    finished = run(script, Limits(stall=0.5))
    assert finished.code == 0


def test_the_whole_time_is_limited() -> None:
    script = (
        "n=0; while n=$((n+1)); sleep 0.02; do printf " + STATUS.replace("%s", "%d") + " $n; done"
    )
    finished = run(script, Limits(total=0.3))
    assert finished.cause == "it took longer than 0.3 s"


def test_what_cannot_get_better_ends_it_at_once() -> None:
    script = "echo 'Stat: Access Denied' >&2; exec sleep 60"
    finished = run(script, Limits(hopeless=("Access Denied",)))
    assert (finished.code, finished.cause) == (ENDED, "it was refused")
    assert finished.words == "Stat: Access Denied"


def test_what_it_says_of_its_own_end_does_not_hide_the_reason() -> None:
    script = (
        "trap 'echo cleaning up >&2; exit 1' TERM; echo refused >&2; while :; do sleep 0.02; done"
    )
    assert run(script, Limits(first=0.2)).words == "refused"


def test_an_exception_ends_it_first(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    def interrupt(_message: Message) -> None:
        raise KeyboardInterrupt

    script = f"echo $$ >{note}; printf {STATUS % 1}; exec sleep 60"
    with pytest.raises(KeyboardInterrupt):
        follow(["sh", "-c", script, "sh", "--json"], PATH, Limits(), interrupt)
    assert not Path(f"/proc/{note.read_text().strip()}").exists()


def test_one_that_ignores_term_is_killed() -> None:
    process = subprocess.Popen(
        ["sh", "-c", "trap '' TERM; echo; while :; do sleep 0.1; done"],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdout
        process.stdout.readline()
        end(process, 0.2)
        wait_until(lambda: process.poll() is not None, "its end")
        assert process.returncode == -9


@pytest.mark.parametrize("wait", ["exec sleep 60", "sleep 60 & wait"], ids=["itself", "its child"])
def test_nothing_of_what_it_started_is_left(wait: str, tmp_path: Path) -> None:
    """As with a password command that waits: it has our pipes for as long as it lives."""
    note = tmp_path / "pid"
    finished = run(f"sh -c 'echo $$ >{note}; {wait}'; true", Limits(first=0.3))
    assert finished.cause == "no answer within 0.3 s"
    wait_until(lambda: not Path(f"/proc/{note.read_text().strip()}").exists(), "its end")


def test_a_program_that_ended_is_not_waited_for_because_of_its_child(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    finished = run(f"sleep 60 & echo $! >{note}; echo last >&2; exit 12", Limits(total=30))
    os.kill(int(note.read_text()), signal.SIGKILL)  # it lives, and has our pipes
    assert (finished.code, finished.words, finished.cause) == (12, "last", "")


def test_whoever_kills_us_by_our_group_leaves_nothing_behind(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = (
        "from agent.machine.programs.follow import *; "
        f"follow(['sh', '-c', 'echo $$ >{note}; exec sleep 60'], {PATH!r}, Limits())"
    )
    argv = [sys.executable, "-c", script]
    with Awaited[bytes](argv, start_new_session=True, cwd=Path.cwd()) as process:
        wait_until(lambda: note.exists() and note.read_text(), "its start")
        os.killpg(process.pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{note.read_text().strip()}").exists(), "its end")

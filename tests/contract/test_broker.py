"""Git's helper, the broker behind its socket, and the real init that starts it."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from agent.machine.light import runtime
from agent.machine.light.clock import Clock
from tests.contract.apps import APP, INSTALLATION, make_pem
from tests.contract.broker_desk import QUESTION, BrokerDesk
from tests.contract.workspace import ROOT
from tests.fakes.github import FakeGitHub, Fault
from tests.worlds.gh import find_gh
from tests.worlds.waiting import DEADLINE, wait_until

ASK = ROOT / "agent/github/helpers/ask.py"
NEW_GIT = "capability[]=authtype\ncapability[]=state\n" + QUESTION
FIRST, SECOND = "ghp_first0123456789", "ghp_second0123456789"
FOUR_SECONDS = timedelta(seconds=4)


@pytest.fixture
def desk(tmp_path: Path, hub: FakeGitHub, key: rsa.RSAPrivateKey) -> BrokerDesk:
    pem = tmp_path / "app.pem"
    pem.write_text(make_pem(key))
    return BrokerDesk(tmp_path, hub, GITHUB_TOKEN_FILE="", GITHUB_APP_ID=str(APP),
                GITHUB_APP_PRIVATE_KEY_FILE=str(pem))  # fmt: skip


@pytest.fixture
def file_desk(tmp_path: Path, hub: FakeGitHub) -> BrokerDesk:
    """Return one whose token lies in a file."""
    for token in (FIRST, SECOND):
        hub.add_token(token)
    return BrokerDesk(tmp_path, hub)


def test_a_fresh_token_needs_nobody(desk: BrokerDesk, hub: FakeGitHub) -> None:
    desk.refresh_all()
    before = len(hub.requests)
    answer = desk.get()
    assert answer == {"username": "x-access-token", "password": desk.token}
    assert len(hub.requests) == before


def test_a_token_that_ends_soon_is_renewed_on_demand(desk: BrokerDesk, hub: FakeGitHub) -> None:
    hub.add_app(app_id=APP, token_life=FOUR_SECONDS)
    desk.refresh_all()
    first = desk.published
    hub.add_app(app_id=APP, token_life=timedelta(hours=1))
    with desk.init():
        wait_until(lambda: (first.left(Clock()) or 0) <= 0, "the end of the token", 10)
        answer = desk.get()
    assert answer["password"] == desk.token != first.value.reveal()
    assert desk.gh_token == desk.token


def test_who_asked_is_logged_and_no_token(desk: BrokerDesk, hub: FakeGitHub) -> None:
    hub.add_app(app_id=APP, token_life=FOUR_SECONDS)
    desk.refresh_all()
    first = desk.published
    with desk.init():
        wait_until(lambda: (first.left(Clock()) or 0) < 1, "the end of the token", 10)
        desk.run_git("credential", "fill", stdin=f"{QUESTION}\n")
    (event,) = [each for each in desk.events() if each["message"] == "published a GitHub token"]
    assert (event["host"], event["source"], event["level"]) == ("github.com", "refresh", "info")
    assert event["program"] == "git"
    log = desk.log.read_text()
    assert desk.published.value.reveal() not in log
    assert first.value.reveal() not in log


def test_new_git_gets_a_second_chance(desk: BrokerDesk, hub: FakeGitHub) -> None:
    desk.refresh_all()
    with desk.init():
        first = desk.helper("get", NEW_GIT).stdout.splitlines()
        assert first[0] == "capability[]=state", "capabilities come first"
        assert "continue=1" in first
        (state,) = [line for line in first if line.startswith("state[]=")]
        hub.revoke(desk.token or "")
        second = desk.helper("get", f"{NEW_GIT}{state}\n")
    assert second.stderr == ""
    assert f"password={desk.token}" in second.stdout
    assert hub.find(desk.token)
    assert "continue=1" not in second.stdout


def test_a_second_chance_takes_what_somebody_else_renewed(
    desk: BrokerDesk, hub: FakeGitHub
) -> None:
    desk.refresh_all()
    first = desk.helper("get", NEW_GIT).stdout.splitlines()
    (state,) = [line for line in first if line.startswith("state[]=")]
    hub.revoke(desk.token or "")
    desk.refresh_all()
    before = len(hub.requests)
    second = desk.helper("get", f"{NEW_GIT}{state}\n")
    assert f"password={desk.token}" in second.stdout
    assert len(hub.requests) == before


def test_a_token_that_is_dead_for_good_is_a_message_and_no_prompt(
    desk: BrokerDesk, hub: FakeGitHub
) -> None:
    desk.refresh_all()
    first = desk.helper("get", NEW_GIT).stdout.splitlines()
    (state,) = [line for line in first if line.startswith("state[]=")]
    hub.remove_installation(INSTALLATION)
    begin = time.monotonic()
    with desk.init():
        second = desk.helper("get", f"{NEW_GIT}{state}\n")
    assert time.monotonic() - begin < DEADLINE
    assert second.stdout == "quit=1\n"
    assert second.stderr.startswith("devcopilot: cannot make a token for github.com: ")
    assert second.stderr.count("\n") == 1


def test_an_old_gits_erase_is_a_hint(desk: BrokerDesk, hub: FakeGitHub) -> None:
    desk.refresh_all()
    dead = desk.token
    hub.revoke(dead or "")
    with desk.init():
        desk.helper("erase", f"{QUESTION}username=x\npassword=another\n")
        assert desk.token == dead, "the refusal of another token means nothing"
        desk.helper("erase", f"{QUESTION}username=x\npassword={dead}\n")
    assert desk.token != dead
    assert hub.find(desk.token)


def test_an_answerer_that_dies_is_followed_by_another(desk: BrokerDesk, hub: FakeGitHub) -> None:
    desk.refresh_all()
    hub.revoke(desk.token or "")
    hub.fail(Fault(path="/app", delay=2.0, times=1))
    answers: list[str] = []
    argv = [sys.executable, str(ASK), str(desk.facts.runtime), "github.com"]
    argv.append(desk.published.fingerprint)
    with desk.init():
        asker = threading.Thread(
            target=lambda: answers.append(
                str(subprocess.run(argv, check=False, timeout=DEADLINE).returncode)
            )
        )
        asker.start()
        wait_until(lambda: any(each.path.startswith("/app") for each in hub.requests)
                   or (hub.most_at_once > 0 and desk.find_broker()), "the request")  # fmt: skip
        wait_until(desk.find_broker, "the broker")
        os.kill(desk.find_broker() or 0, signal.SIGKILL)
        asker.join(timeout=DEADLINE)
    assert answers == ["0"]
    assert hub.find(desk.token)


def test_many_who_ask_at_once_are_answered_with_one_new_token(
    desk: BrokerDesk, hub: FakeGitHub
) -> None:
    desk.refresh_all()
    refused = desk.published.fingerprint
    hub.revoke(desk.token or "")
    argv = [sys.executable, "-I", "-S", str(ASK), str(desk.facts.runtime), "github.com", refused]
    before = len([each for each in hub.requests if each.path.endswith("/access_tokens")])
    with desk.init():
        processes = [subprocess.Popen(argv) for _ in range(12)]
        assert [process.wait(timeout=DEADLINE) for process in processes] == [0] * 12
    mints = [each for each in hub.requests if each.path.endswith("/access_tokens")]
    assert len(mints) == before + 1


def test_without_an_agent_what_is_good_is_still_handed_out(
    desk: BrokerDesk, hub: FakeGitHub
) -> None:
    desk.refresh_all()
    assert desk.get()["password"] == desk.token
    hub.add_app(app_id=APP, token_life=FOUR_SECONDS)
    hub.revoke(desk.token or "")
    desk.refresh_all()
    token = desk.published
    wait_until(lambda: (token.left(Clock()) or 0) <= 0, "the end of the token", 10)
    done = desk.helper("get")
    assert done.stdout == "quit=1\n", "a message, and no question at the terminal"
    assert done.stderr == (
        "devcopilot: cannot renew the token of github.com: the agent does not answer\n"
    )
    done = desk.run_git("credential", "fill", stdin=f"{QUESTION}\n")
    assert done.returncode == 128
    assert "the agent does not answer" in done.stderr


def test_a_token_that_cannot_be_renewed_is_a_message_and_no_prompt(
    desk: BrokerDesk, hub: FakeGitHub
) -> None:
    hub.add_app(app_id=APP, token_life=FOUR_SECONDS)
    desk.refresh_all()
    token = desk.published
    hub.remove_installation(INSTALLATION)
    with desk.init():
        wait_until(lambda: (token.left(Clock()) or 0) <= 0, "the end of the token", 10)
        done = desk.helper("get")
    assert done.stdout == "quit=1\n"
    # On a busy machine the token was over when it was checked, which is told first.
    assert done.stderr.startswith("devcopilot: ")
    assert "cannot make a token for github.com: App" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_token_that_is_not_published_yet_is_asked_for(desk: BrokerDesk) -> None:
    desk.announce()
    with desk.init():
        assert desk.get()["password"] == desk.token == desk.gh_token


def test_a_token_file_that_comes_late_is_read_when_it_is_needed(file_desk: BrokerDesk) -> None:
    file_desk.announce()
    with file_desk.init():
        done = file_desk.helper("get")
        assert done.stdout == "quit=1\n"
        assert "GITHUB_TOKEN_FILE" in done.stderr
        file_desk.put(FIRST)
        assert file_desk.get()["password"] == FIRST


def test_a_rotated_token_file_is_not_stale_for_a_moment(file_desk: BrokerDesk) -> None:
    """The agent itself would look at the file only seconds later."""
    file_desk.announce(FIRST)
    file_desk.put(SECOND)
    environ = dict(file_desk.facts.environ)
    argv = [sys.executable, "-m", "agent", "token"]
    with file_desk.init():
        assert file_desk.get()["password"] == SECOND
        assert file_desk.tokens() == (SECOND, SECOND)
        file_desk.announce(SECOND)
        file_desk.put(FIRST)
        done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True,
                              check=False, timeout=DEADLINE)  # fmt: skip
    assert (done.stdout, done.stderr) == (f"{FIRST}\n", "")


def test_nonsense_and_silence_are_no_harm(desk: BrokerDesk) -> None:
    import socket

    desk.refresh_all()
    with desk.init() as process:
        for words in (b"renew\n", b"\xff\xfe\n", b"renew github.com " + b"x" * 500 + b"\n", b""):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(DEADLINE)
                connection.connect(str(desk.facts.runtime / runtime.BROKER_SOCKET))
                connection.sendall(words)
                connection.shutdown(socket.SHUT_WR)
                assert b"ok" not in connection.recv(100)
        unknown = [sys.executable, str(ASK), str(desk.facts.runtime), "unknown.example.com"]
        done = subprocess.run(
            unknown, capture_output=True, text=True, check=False, timeout=DEADLINE
        )
        assert (done.returncode, process.poll()) == (1, None)
        assert done.stderr == "devcopilot: no token source is configured for unknown.example.com\n"


def test_another_user_gets_no_answer(desk: BrokerDesk) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    desk.refresh_all()
    with desk.init():
        path = desk.facts.runtime / runtime.BROKER_SOCKET
        assert path.parent.stat().st_mode & 0o077 == 0, "others cannot even come near"
        path.chmod(0o777)
        script = (
            "import socket, sys; s = socket.socket(socket.AF_UNIX); s.settimeout(120); "
            "s.connect('/proc/self/fd/' + sys.argv[1]); s.sendall(b'renew github.com \\n'); "
            "print(s.recv(100))"
        )
        door = os.open(path, os.O_PATH)  # past the folder, which is closed and stays so
        done = subprocess.run(
            ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--",
             "/usr/bin/python3", "-c", script, str(door)], pass_fds=(door,),
            capture_output=True, text=True, check=False, timeout=DEADLINE)  # fmt: skip
        os.close(door)
        assert "ok" not in done.stdout
        assert done.stdout == "b''\n" or "ConnectionReset" in done.stderr
        wait_until(lambda: "rejected a request from another user" in desk.log.read_text(), "a line")


def test_the_token_verb_asks_as_well(desk: BrokerDesk, hub: FakeGitHub) -> None:
    hub.add_app(app_id=APP, token_life=FOUR_SECONDS)
    desk.refresh_all()
    first = desk.published
    argv = [sys.executable, "-m", "agent", "token"]
    with desk.init():
        wait_until(lambda: (first.left(Clock()) or 0) < 1, "the end of the token", 10)
        done = subprocess.run(argv, cwd=ROOT, env=dict(desk.facts.environ), capture_output=True,
                              text=True, check=False, timeout=DEADLINE)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{desk.token}\n"
    assert desk.token != first.value.reveal()


def test_exec_gives_the_token_to_one_command_only(desk: BrokerDesk) -> None:
    desk.refresh_all()
    argv = [sys.executable, "-m", "agent", "exec", "--", "sh", "-c",
            'printf "%s %s" "$GH_TOKEN" "$GITHUB_TOKEN"; exit 7']  # fmt: skip
    done = subprocess.run(argv, cwd=ROOT, env=dict(desk.facts.environ), capture_output=True,
                          text=True, check=False, timeout=DEADLINE)  # fmt: skip
    assert (done.returncode, done.stdout) == (7, f"{desk.token} {desk.token}")
    argv = [sys.executable, "-m", "agent", "exec", "--", "no-such-program-here"]
    done = subprocess.run(argv, cwd=ROOT, env=dict(desk.facts.environ), capture_output=True,
                          text=True, check=False, timeout=DEADLINE)  # fmt: skip
    assert done.returncode == 127
    assert done.stderr == "devcopilot: cannot execute no-such-program-here: not found\n"


def test_gh_in_front_of_gh(desk: BrokerDesk, hub: FakeGitHub, tmp_path: Path) -> None:
    """The wrapper renews what ends soon and forgets what the container was started with."""
    hub.add_app(app_id=APP, token_life=FOUR_SECONDS)
    desk.refresh_all()
    first = desk.published
    (desk.facts.runtime / "secrets/GITHUB_TOKEN").write_text("ghp_from_the_start\n")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "gh").symlink_to(ROOT / "agent/github/helpers/gh")
    (folder / "devcopilot").write_text(
        f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m agent "$@"\n'
    )
    (folder / "devcopilot").chmod(0o755)
    path = f"{folder}:{Path(find_gh()).parent}:{desk.facts.environ['PATH']}"

    def run(**variables: str) -> str:
        done = subprocess.run(
            ["gh", "auth", "token"], env={**desk.facts.environ, "PATH": path, **variables},
            capture_output=True, text=True, check=True, timeout=DEADLINE)  # fmt: skip
        return done.stdout.strip()

    with desk.init():
        wait_until(lambda: (first.left(Clock()) or 0) < 1, "the end of the token", 10)
        assert run() == desk.token != first.value.reveal()
        second = desk.token
        desk.announce()
        assert run() == desk.token != second
    assert run(GH_TOKEN="ghp_from_the_start") == desk.token
    assert run(GITHUB_TOKEN="ghp_from_the_start") == desk.token
    assert run(GH_TOKEN="ghp_of_this_command") == "ghp_of_this_command"

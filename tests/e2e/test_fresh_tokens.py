"""Tokens that never go stale: a workspace with an App's key, real git and gh, the real names."""

import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contract.apps import APP, INSTALLATION, make_key, make_pem, make_public_pem
from tests.e2e.conftest import write_secret
from tests.fakes.github import Pattern
from tests.worlds.containers import BASE, DOCKER
from tests.worlds.github_net import GITS, GitHubNet, github_net, mount_programs
from tests.worlds.waiting import wait_until

URL = "https://github.com/octo/demo.git"
SHORT = timedelta(seconds=4)
HOUR = timedelta(hours=1)
LOOPS = 8
RUNTIME = "/dev/shm/devcopilot-1000"
WORKER = """\
git=$1 folder=$(mktemp -d) end=$(($(date +%s) + $2)) done=0
$git clone -q "$3" "$folder/demo" || echo "failed: clone"
while [ "$(date +%s)" -lt "$end" ]; do
    $git ls-remote -q "$3" >/dev/null || echo "failed: ls-remote"
    $git -C "$folder/demo" fetch -q || echo "failed: fetch"
    done=$((done + 2))
done
echo "done $done"
"""


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHubNet]:
    """A workspace that signs in as an App, once GitHub is there."""
    secrets, folder = tmp_path_factory.mktemp("secrets"), tmp_path_factory.mktemp("net")
    secrets.chmod(0o755)
    key = make_key()
    pem = write_secret(secrets / "app.pem", make_pem(key))
    options = ("-v", f"{pem}:/run/secrets/app.pem:ro", "-e", f"GITHUB_APP_ID={APP}",
               "-e", "GITHUB_APP_PRIVATE_KEY_FILE=/run/secrets/app.pem",
               "-e", "DEV8_IDLE_TIMEOUT=24h", "-e", "DEV8_IDLE_ACTION=exit")  # fmt: skip
    with (
        mount_programs("git-new") as programs,
        github_net(folder, BASE, (*programs, *options), command=()) as net,
    ):
        net.hub.add_app(app_id=APP, public_key_pem=make_public_pem(key))
        net.hub.add_installation(APP, INSTALLATION, "octo")
        net.hub.add_repository("octo/demo")
        net.box.wait_ready()
        yield net


@pytest.fixture
def fresh(net: GitHubNet) -> GitHubNet:
    """The same, with an hour's token."""
    return renew(net, HOUR)


def renew(net: GitHubNet, life: timedelta) -> GitHubNet:
    """Let tokens live so long from now on, the present one included."""
    net.hub.add_app(app_id=APP, token_life=life)
    done = net.run("devcopilot", "token")
    if done.returncode == 0:
        net.hub.revoke(done.stdout.strip())
    done = net.run("devcopilot", "refresh")
    assert done.returncode == 0, done.stdout + done.stderr
    return net


@pytest.mark.parametrize("git", GITS)
def test_git_clones_fetches_and_pushes(fresh: GitHubNet, git: str) -> None:
    path, folder = GITS[git], f"/tmp/work-{git}"
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (
        ("clone", "-q", "git@github.com:octo/demo.git", folder),
        ("-C", folder, *identity, "commit", "-q", "--allow-empty", "-m", git),
        ("-C", folder, "push", "-q"),
        ("-C", folder, "fetch", "-q"),
    ):
        done = fresh.run(path, *words)
        assert done.returncode == 0, done.stderr


def test_gh_works_as_the_app(fresh: GitHubNet) -> None:
    answer = fresh.run("gh", "api", "repos/octo/demo", "--jq", ".full_name")
    assert (answer.returncode, answer.stdout.strip()) == (0, "octo/demo")


def test_a_token_revoked_in_the_middle_of_a_clone_is_no_failure_for_new_git(
    fresh: GitHubNet,
) -> None:
    fresh.hub.revoke_after(Pattern(method="GET", ends="/info/refs"))
    done = fresh.run(GITS["2.47"], "clone", "-q", URL, "/tmp/middle")
    assert done.returncode == 0, done.stderr


def test_old_git_fails_once_and_then_works(fresh: GitHubNet) -> None:
    fresh.hub.revoke_after(Pattern(method="GET", ends="/info/refs"))
    done = fresh.run(GITS["2.39"], "clone", "-q", URL, "/tmp/old-middle")
    assert done.returncode == 128
    done = fresh.run(GITS["2.39"], "clone", "-q", URL, "/tmp/old-after")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("git", GITS)
def test_a_container_that_was_paused_past_the_end_of_its_token_goes_on(
    net: GitHubNet, git: str
) -> None:
    renew(net, SHORT)
    dead = net.run("devcopilot", "token").stdout.strip()
    known = net.hub.find(dead)
    assert known
    with net.box.paused():
        # The fake is in the same container; its clock goes on all the same.
        assert known.expires
        after = known.expires + timedelta(seconds=1)
        wait_until(lambda: datetime.now(UTC) > after, "the end of the token")
    done = net.run(GITS[git], "ls-remote", URL)
    assert done.returncode == 0, done.stderr
    answer = net.run("gh", "api", "repos/octo/demo", "--jq", ".full_name")
    assert answer.stdout.strip() == "octo/demo"


def test_no_environment_holds_a_token(fresh: GitHubNet) -> None:
    token = fresh.run("devcopilot", "token").stdout.strip()
    script = (
        "for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/environ; tr '\\0' '\\n' <$p/cmdline; done"
    )
    seen = fresh.run("sh", "-c", f"{{ {script}; }} 2>/dev/null").stdout
    assert "devcopilot" in seen
    assert token not in seen
    assert token not in fresh.box.logs()


def test_a_new_token_sets_nothing_up_again_where_nothing_waits(net: GitHubNet) -> None:
    """A job for a file that changes after the token shows that init has looked at both."""
    wait_until(lambda: net.box.has_run("setup"), "the setup of the start")
    first = run_job(net, "setup", "units/poke")
    renew(net, HOUR)
    run_job(net, "idle", "activity/due")
    assert net.box.status()["jobs"]["setup"]["runs"] == first


def run_job(net: GitHubNet, name: str, file: str) -> int:
    """Change the file that starts a job, and wait for its end; return how often it has run."""

    def look() -> dict[str, Any]:
        job: dict[str, Any] = net.box.status()["jobs"][name]
        return job

    before = look()["runs"]
    net.box.execute("touch", f"{RUNTIME}/{file}")
    wait_until(lambda: look()["runs"] > before, f"another run of {name}")
    wait_until(lambda: not look()["running"], "its end")
    return int(look()["runs"])


def run_loops(net: GitHubNet, seconds: float) -> tuple[int, list[str]]:
    """Let git work in several loops at once; return what was done, and what failed."""
    gits = list(GITS.values())
    processes = [
        subprocess.Popen(
            [DOCKER, "exec", net.box.name, "sh", "-c", WORKER, "sh",
             gits[number % len(gits)], str(round(seconds)), URL],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for number in range(LOOPS)
    ]  # fmt: skip
    lines = []
    for process in processes:
        said, _ = process.communicate(timeout=seconds + 120)
        lines += said.splitlines()
    count = sum(int(line.split()[1]) for line in lines if line.startswith("done "))
    return count, [line for line in lines if not line.startswith("done ")]


@pytest.mark.soak
def test_tokens_of_four_seconds_fail_nobody(net: GitHubNet, soak_seconds: float) -> None:
    renew(net, SHORT)
    count, failures = run_loops(net, min(soak_seconds, 300))
    assert count > LOOPS
    assert failures == []


@pytest.mark.soak
def test_nor_do_they_while_the_agents_processes_are_killed(
    net: GitHubNet, soak_seconds: float
) -> None:
    """All but PID 1, which the kernel guards, and supervisord, which is the services'."""
    renew(net, SHORT)
    over = threading.Event()

    def kill() -> None:
        while not over.wait(min(10.0, soak_seconds / 4)):
            net.run("pkill", "-KILL", "-f", "agent (broker|refresh)")

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        count, failures = run_loops(net, min(soak_seconds, 300))
    finally:
        over.set()
        killer.join()
    assert count > LOOPS
    assert failures == []


def test_a_person_without_any_token_signs_in_with_a_browser(tmp_path: Path) -> None:
    with github_net(tmp_path, BASE, command=()) as net:
        net.hub.device_interval = 1
        net.hub.add_repository("person/demo")
        net.box.wait_ready()
        login = subprocess.Popen(
            [DOCKER, "exec", net.box.name, "devcopilot", "login"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        wait_until(lambda: net.hub.user_codes or login.poll() is not None, "the code")
        (code,) = net.hub.user_codes
        net.hub.approve(code, "person")
        said, _ = login.communicate(timeout=120)
        assert login.returncode == 0, said
        done = net.run("git", "clone", "-q", "https://github.com/person/demo.git", "/tmp/demo")
        assert done.returncode == 0, done.stderr

"""Cloning with the real git, from a real git server on loopback."""

import hashlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from agent.github import gh, published
from agent.machine.light import runtime
from agent.machine.records.unit_record import make_name
from agent.settings.everything import Settings
from agent.settings.repository import parse_entry
from agent.units.clone import kind, repository
from tests.contract.clones import TOKEN, Place, point_to
from tests.contract.homes import Workspace
from tests.worlds.containers import find_free_port
from tests.worlds.copies import run_verb
from tests.worlds.git_host import GitHost
from tests.worlds.limits import refuse_threads
from tests.worlds.needs import need, need_sshd
from tests.worlds.programs import Awaited
from tests.worlds.waiting import wait_until


def listens(port: int) -> bool:
    """Tell whether something listens on a port of loopback."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def test_a_clone_is_whole_and_the_next_start_asks_nobody(place: Place) -> None:
    units = place.start("HOST/octo/demo")
    assert units["clone"].state == units["clone:demo"].state == "done"
    assert (place.folder / "demo/src/main.py").read_text() == "print(1)\n"
    assert place.git("status", "--porcelain", "--branch") == "## main...origin/main"
    assert place.leftovers() == []
    asked = len(place.host.asked)
    place.forget_life()
    units = place.start("HOST/octo/demo")
    assert (units["clone:demo"].state, units["clone:demo"].log) == ("done", "")
    assert len(place.host.asked) == asked


def test_what_the_user_removed_stays_away_until_somebody_asks(place: Place) -> None:
    place.start("HOST/octo/demo")
    subprocess.run(["rm", "-r", place.folder / "demo"], check=True)
    place.forget_life()
    unit = place.start("HOST/octo/demo")["clone:demo"]
    assert (unit.state, unit.reason) == ("skipped", "you removed it")
    assert not (place.folder / "demo").exists()
    assert place.start("HOST/octo/demo", again="demo")["clone:demo"].state == "done"


def test_a_clone_that_somebody_else_made_counts(place: Place) -> None:
    place.folder.mkdir()
    place.host.git(place.folder, "clone", "-q", f"{place.host.url}/octo/demo.git", "demo")
    (place.folder / "demo/mine").write_text("mine")
    assert place.start("HOST/octo/demo")["clone:demo"].state == "done"
    assert (place.folder / "demo/mine").read_text() == "mine"


@pytest.mark.parametrize(
    ("form", "branch", "file"),
    [
        ("HOST/octo/demo#side/one", "side/one", "side"),
        ("HOST/octo/demo/tree/side/one/src", "side/one", "side"),
        ("HOST/octo/demo#side/one depth=1", "side/one", "side"),
        ("HOST/octo/demo/pull/7", "pr-7", "pulled"),
        ("HOST/octo/demo/pull/7 depth=1", "pr-7", "pulled"),
        ("HOST/octo/demo#COMMIT", "HEAD", "side"),
        ("HOST/octo/demo/commit/COMMIT depth=1", "HEAD", "side"),
        ("HOST/octo/demo#SHORT", "HEAD", "side"),
        ("HOST/octo/demo#v1", "HEAD", "side"),
    ],
)  # fmt: skip
def test_each_form_of_a_reference(place: Place, form: str, branch: str, file: str) -> None:
    tree = place.host.root / "trees/octo/demo"
    commit = place.host.commit(tree, {"side": "1"}, "side/one")
    place.host.git(tree, "push", "-q", "origin", "HEAD:refs/tags/v1")
    place.host.commit(tree, {"pulled": "1"}, "refs/pull/7/head")
    entry = form.replace("COMMIT", commit).replace("SHORT", commit[:10])
    unit = place.start(entry)["clone:demo"]
    assert unit.state == "done", unit
    assert place.git("rev-parse", "--abbrev-ref", "HEAD") == branch
    assert (place.folder / "demo" / file).exists()


@pytest.mark.parametrize("depth", ["", " depth=1"])
def test_a_missing_branch_is_told_with_the_nearest(place: Place, depth: str) -> None:
    place.host.commit(place.host.root / "trees/octo/demo", {"x": "1"}, "feature-one")
    unit = place.start(f"HOST/octo/demo#featur-one{depth}")["clone:demo"]
    assert unit.state == "failed"
    assert "no branch, tag or commit featur-one; the default branch is checked out" in unit.reason
    assert "feature-one" in unit.hint
    assert (place.folder / "demo/README.md").exists()


def test_options_and_several_at_once(place: Place) -> None:
    place.host.add("octo/other", {"docs/a": "1", "src/b": "1", "top": "1"})
    units = place.start(
        "HOST/octo/demo dir=some/where", "HOST/octo/other sparse=docs filter=blob:none"
    )
    assert units["clone"].state == "done"
    assert (place.folder / "some/where/README.md").exists()
    names = {path.name for path in (place.folder / "other").iterdir()}
    assert names == {".git", "docs", "top"}


def test_where_no_thread_can_be_they_are_cloned_one_after_another(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_threads(monkeypatch)
    units = place.start("HOST/octo/demo", "HOST/octo/demo dir=other")
    assert {name: str(unit.state) for name, unit in units.items()} == dict.fromkeys(units, "done")
    assert (place.folder / "demo/.git").is_dir()
    assert (place.folder / "other/.git").is_dir()


def test_an_empty_repository_is_done_and_a_web_page_is_not(place: Place) -> None:
    place.host.add("octo/empty")
    unit = place.start("HOST/octo/empty")["clone:empty"]
    assert (unit.state, "nothing is checked out" in unit.reason) == ("done", True)
    place.host.page = True
    place.forget_life()
    unit = place.start("HOST/octo/demo")["clone:demo"]
    assert (unit.state, "answers with a web page" in unit.reason) == ("failed", True)
    assert not (place.folder / "demo").exists()
    assert place.leftovers() == []


def test_a_host_that_does_not_answer_is_asked_again_later_and_later(place: Place) -> None:
    place.host.faults = [503, 503]
    pauses = []
    for _ in range(2):
        unit = place.start("HOST/octo/demo")["clone:demo"]
        assert (unit.state, "does not answer" in unit.reason) == ("waiting", True)
        pauses.append(place.next_run)
    assert pauses == pytest.approx([1.0, 2.0], abs=0.5)
    assert place.start("HOST/octo/demo")["clone:demo"].state == "done"
    assert place.next_run is None


def test_a_private_one_waits_for_its_token_and_tries_each_once(place: Place) -> None:
    place.host.token = TOKEN
    unit = place.start("HOST/octo/demo")["clone:demo"]
    assert (unit.state, "token" in unit.reason) == ("waiting", True)
    asked = len(place.host.asked)
    place.start("HOST/octo/demo")
    assert len(place.host.asked) == asked, "nothing has changed"
    place.give_token("ghp_wrong0123456789")
    unit = place.start("HOST/octo/demo")["clone:demo"]
    assert "refuses this token" in unit.reason
    asked = len(place.host.asked)
    place.start("HOST/octo/demo")
    assert len(place.host.asked) == asked, "each token is tried once"
    place.give_token(TOKEN)
    assert place.start("HOST/octo/demo")["clone:demo"].state == "done"
    everything = b"".join(
        path.read_bytes() for path in (place.folder / "demo/.git").rglob("*") if path.is_file()
    )
    assert TOKEN.encode() not in everything + place.log().encode()


@pytest.mark.parametrize("requests", [0, 3])
def test_a_token_that_a_host_repeats_is_told_to_nobody(place: Place, requests: int) -> None:
    """At once, and when it is asked whether what it gave is an empty repository."""
    place.host.add("octo/empty")
    place.host.token, place.host.repeats = TOKEN, requests
    place.give_token(TOKEN)
    unit = place.start("HOST/octo/empty")["clone:empty"]
    assert "*** is suspended" in unit.reason
    folders = (place.facts.runtime, place.folder, place.facts.state)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert [path.parent.name for path in files if TOKEN in path.read_text()] == ["tokens"]


def test_a_login_in_gh_by_hand_is_tried_like_a_token_of_the_agent(
    place: Place, tmp_path: Path
) -> None:
    place.host.token = TOKEN
    assert place.start("HOST/octo/demo")["clone:demo"].state == "waiting"
    asked = len(place.host.asked)
    assert place.start("HOST/octo/demo")["clone:demo"].state == "waiting"
    assert len(place.host.asked) == asked, "nothing new: nobody is asked"
    (tmp_path / "token").write_text(TOKEN)  # gh hands its login to git
    logins = place.facts.home / ".config/gh/hosts.yml"
    logins.parent.mkdir(parents=True)
    logins.write_text(f"{place.host.name}:\n    oauth_token: {TOKEN}\n    user: octocat\n")
    assert place.start("HOST/octo/demo")["clone:demo"].state == "done"


def test_the_agents_own_token_in_gh_is_not_tried_twice(place: Place) -> None:
    place.host.token = TOKEN
    place.give_token("ghp_wrong000000000000000000000000")
    place.start("HOST/octo/demo")
    asked = len(place.host.asked)
    logins = place.facts.home / ".config/gh/hosts.yml"
    logins.parent.mkdir(parents=True)
    token = published.read_token(place.facts, place.host.name)
    assert token
    place.facts.state.mkdir(parents=True, exist_ok=True)
    gh.MEMORY.write(place.facts, [token.fingerprint])
    logins.write_text(f"{place.host.name}:\n    oauth_token: {token.value.reveal()}\n")
    assert place.start("HOST/octo/demo")["clone:demo"].state == "waiting"
    assert len(place.host.asked) == asked


def test_one_that_is_not_there_waits_and_says_why(place: Place) -> None:
    unit = place.start("HOST/octo/missing")["clone:missing"]
    assert (unit.state, "shows no octo/missing" in unit.reason) == ("waiting", True)


# --- what is there stays ------------------------------------------------------------------------


def test_what_is_in_the_way_is_left_alone_and_listed(place: Place) -> None:
    (place.folder / "demo").mkdir(parents=True)
    (place.folder / "demo/mine").write_text("mine")
    unit = place.start("HOST/octo/demo")["clone:demo"]
    assert (unit.state, "holds mine" in unit.reason) == ("skipped", True)
    assert (place.folder / "demo/mine").read_text() == "mine"


def test_the_workspace_itself_takes_a_clone_beside_what_is_there(place: Place) -> None:
    (place.folder / "lost+found").mkdir(parents=True)
    (place.folder / "mine").write_text("mine")
    assert place.start("HOST/octo/demo dir=.")["clone:demo"].state == "done"
    assert (place.folder / "mine").read_text() == "mine"
    assert place.git("status", "--porcelain", folder=".") == "?? mine"
    assert place.leftovers() == []


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A real ext4 volume, as an engine or Kubernetes mounts one, with its lost+found."""
    need(os.getuid() == 0 and shutil.which("mkfs.ext4", path="/usr/sbin:/sbin"), "needs root, ext4")
    disk, folder = tmp_path / "disk", tmp_path / "volume"
    with disk.open("wb") as file:
        file.truncate(32 << 20)
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", disk], check=True, timeout=120)
    folder.mkdir()
    mounted = subprocess.run(["mount", "-o", "loop", disk, folder], check=False, timeout=120)
    need(mounted.returncode == 0, "needs to mount a file")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True, timeout=120)


def test_a_volume_of_ext4_is_the_workspace_and_takes_the_clone(place: Place, volume: Path) -> None:
    assert [path.name for path in volume.iterdir()] == ["lost+found"]
    place.folder = volume
    check_clone_on_volume(place, "HOST/octo/demo dir=.", volume)


def test_a_volume_of_ext4_takes_the_clone_where_it_is_mounted(place: Place, volume: Path) -> None:
    place.folder.mkdir()
    target = place.folder / "demo"
    target.mkdir()
    subprocess.run(["mount", "--bind", volume, target], check=True, timeout=120)
    try:
        check_clone_on_volume(place, "HOST/octo/demo", target)
        assert os.path.ismount(target)
    finally:
        subprocess.run(["umount", target], check=True, timeout=120)


def test_an_empty_file_system_takes_the_clone_where_it_is_mounted(place: Place) -> None:
    need(os.getuid() == 0, "needs root")
    target = place.folder / "demo"
    target.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", target], check=True, timeout=120)
    try:
        check_clone_on_volume(place, "HOST/octo/demo", target)
    finally:
        subprocess.run(["umount", target], check=True, timeout=120)


def check_clone_on_volume(place: Place, entry: str, target: Path) -> None:
    """See that a clone comes whole, beside what a volume has of its own, and once."""
    before = {path.name for path in target.iterdir()}
    units = place.start(entry)
    (name,) = [unit for unit in units if unit.startswith("clone:")]
    assert units[name].state == "done", units[name]
    assert {path.name for path in target.iterdir()} == {*before, ".git", "README.md", "src"}
    folder = str(target.relative_to(place.folder))
    assert place.git("status", "--porcelain", folder=folder) in ("", "?? lost+found/")
    assert place.git("fsck", folder=folder) == ""
    asked = len(place.host.asked)
    place.forget_life()
    assert place.start(entry)[name].state == "done"
    assert len(place.host.asked) == asked


def test_no_process_of_a_clone_shows_the_token_while_it_runs(place: Place) -> None:
    place.host.token = TOKEN
    place.give_token(TOKEN)
    place.host.add("octo/large", {"noise": os.urandom(300_000).hex()})  # a pack that waits
    place.host.gate = threading.Event()
    ours, seen = os.getpid(), set()

    def look() -> bool:
        for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))):  # noqa: PTH208
            with suppress(OSError, psutil.Error):
                if ours in [parent.pid for parent in psutil.Process(pid).parents()]:
                    folder = Path(f"/proc/{pid}")
                    words = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
                    seen.add(words)
        return any(b"index-pack" in argv for argv, _ in seen)

    def watch() -> None:
        try:
            wait_until(look, "git at work")
        finally:
            assert place.host.gate
            place.host.gate.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    units = place.start("HOST/octo/large")
    watcher.join()
    assert units["clone:large"].state == "done"
    assert any(b"index-pack" in argv for argv, _ in seen), "it was looked at while it ran"
    assert [argv for argv, environ in seen if TOKEN.encode() in argv + environ] == []
    assert TOKEN not in place.log("clone:large")


def test_a_file_that_both_have_stops_it_before_anything_moves(place: Place) -> None:
    place.folder.mkdir()
    (place.folder / "README.md").write_text("mine")
    unit = place.start("HOST/octo/demo dir=.")["clone:demo"]
    assert (unit.state, "README.md" in unit.reason) == ("failed", True)
    assert {path.name for path in place.folder.iterdir()} == {"README.md"}
    assert (place.folder / "README.md").read_text() == "mine"


def test_a_workspace_that_takes_nothing_is_told(place: Place) -> None:
    place.folder.parent.joinpath("workspace").write_text("a file")
    unit = place.start("HOST/octo/demo")["clone:demo"]
    assert unit.state == "failed"
    assert str(place.folder) in unit.reason


def test_a_plain_clone_runs_git_hardly_more_often_than_by_hand(place: Place) -> None:
    """Each one costs as much as a small clone: what git can do in one process is done in one."""
    asked = place.facts.home.parent / "git.log"
    programs = asked.with_name("programs")
    programs.mkdir()
    (programs / "git").write_text(
        f'#!/bin/sh\necho "$1 $2" >>{asked}\nexec {shutil.which("git")} "$@"\n'
    )
    (programs / "git").chmod(0o755)
    environ = {**place.facts.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    place.facts = replace(place.facts, environ=environ)
    assert place.start("HOST/octo/demo")["clone:demo"].state == "done"
    configuration, clone, *checks = asked.read_text().splitlines()
    assert (configuration, clone) == ("-C /", "clone --progress")
    assert [line.split()[0] for line in checks] == ["rev-parse", "ls-files"]


# --- killed -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("token", "state"), [(TOKEN, "waiting"), (None, "done")])
def test_the_setup_sees_to_a_clone_by_hand_that_waits(
    tmp_path: Path, host: GitHost, token: str | None, state: str
) -> None:
    """Once it has found all done, a new token alone does not start it."""
    host.add("octo/demo")
    host.token = token
    url = f"{host.url}/octo/demo"
    made = Workspace(tmp_path, {
        "DEV8_SSH": "false", "DEV8_CODE_SERVER": "false", "DEV8_REPOSITORIES": url,
    }).prepare()  # fmt: skip
    made.configure()
    words = [sys.executable, "-I", "-m", "agent", "clone", url, "--json"]
    done = subprocess.run(words, env=made.environ, check=False, capture_output=True, timeout=120)
    (row,) = json.loads(done.stdout)
    assert row["state"] == state, done.stderr
    assert (made.runtime / "units/poke").exists() is (state == "waiting")


@pytest.mark.parametrize("others", [False, True], ids=["no repositories", "another one"])
@pytest.mark.parametrize("cause", ["network", "token"])
def test_nobody_tries_again_what_only_a_person_asks_for(
    tmp_path: Path, host: GitHost, cause: str, others: bool
) -> None:
    host.add("octo/other")
    host.token = TOKEN
    url = host.url if cause == "token" else f"http://127.0.0.1:{find_free_port()}"
    asked = {"DEV8_REPOSITORIES": f"{host.url}/octo/demo"} if others else {}
    made = Workspace(
        tmp_path, {"DEV8_SSH": "false", "DEV8_CODE_SERVER": "false", **asked}
    ).prepare()  # fmt: skip
    made.configure()
    entry = f"{url}/octo/other dir=mine"
    done = run_verb(["clone", entry, "--json"], made.environ)
    (row,) = json.loads(done.stdout)
    command = f"devcopilot clone '{entry}'"
    assert (done.returncode, row["state"]) == (1, "failed"), done.stderr
    assert row["hint"] == (f"devcopilot login, or set GITHUB_TOKEN_FILE, then: {command}"
                           if cause == "token" else command)  # fmt: skip
    assert not (made.runtime / "units/poke").exists(), "the setup has nothing to see to"

    line = (
        "devcopilot: cannot rerun clone:mine: the settings do not ask for it; "
        f"clone:mine failed: {row['reason']} ({row['hint']})\n"
    )
    again = run_verb(["rerun", "clone:mine"], made.environ)
    assert (again.returncode, again.stderr) == (2, line)
    every = run_verb(["rerun", "--all"], made.environ)
    assert (every.returncode, every.stdout, every.stderr) == (1, "", line)
    left = json.loads(run_verb(["rerun", "--all", "--json"], made.environ).stdout)
    assert [each["name"] for each in left] == ["clone:mine"], "it is still failed"

    host.token = None
    if cause == "token":
        assert run_verb(["clone", entry], made.environ).returncode == 0
        assert (tmp_path / "workspace/mine/.git").is_dir()
        every = run_verb(["rerun", "--all"], made.environ)
        assert (every.returncode, every.stdout) == (0, "no unit has failed\n")


@pytest.mark.parametrize("obstacle", ["file", "folder", "repository", "link above"])
@pytest.mark.parametrize("by_hand", [True, False])
def test_a_clone_that_finds_its_place_taken_names_what_puts_it_elsewhere(
    tmp_path: Path, host: GitHost, by_hand: bool, obstacle: str
) -> None:
    """No setting names what a person clones: he changes what he typed."""
    host.add("octo/demo")
    entry = f"{host.url}/octo/demo dir=above/taken depth=1"
    asked = {} if by_hand else {"DEV8_REPOSITORIES": entry}
    made = Workspace(
        tmp_path, {"DEV8_SSH": "false", "DEV8_CODE_SERVER": "false", **asked}
    ).prepare()  # fmt: skip
    made.configure()
    block(tmp_path / "workspace/above", obstacle)
    done = run_verb(["clone", entry], made.environ)
    command = f"devcopilot clone '{host.url}/octo/demo depth=1 dir=NAME'"
    elsewhere = (
        f"clone it into another folder: {command}"
        if by_hand
        else "set dir=NAME in DEV8_REPOSITORIES"
    )
    hint = elsewhere if obstacle == "link above" else f"move it away, or {elsewhere}"
    assert (done.returncode, f"({hint})\n" in done.stdout + done.stderr) == (1, True), done
    if by_hand:
        _, _, entry = shlex.split(command.replace("NAME", "free"))
        assert run_verb(["clone", entry], made.environ).returncode == 0
        assert (tmp_path / "workspace/free/.git").is_dir()


def block(above: Path, obstacle: str) -> None:
    """Put something where a clone is to go, into `taken` in this folder."""
    if obstacle == "link above":
        (above.parents[1] / "outside").mkdir()
        above.symlink_to(above.parents[1] / "outside")
        return
    place = above / "taken"
    above.mkdir()
    if obstacle == "file":
        place.write_text("mine")
        return
    place.mkdir()
    (place / "mine").write_text("mine")
    if obstacle == "repository":
        subprocess.run(["git", "init", "-q", place], check=True, timeout=60)


@pytest.mark.parametrize(
    ("entry", "command"),
    [
        ("octo/demo", ""),
        ("https://github.com/octo/demo", ""),
        ("git@github.com:Octo/demo.git", ""),
        ("https://gitlab.com/octo/demo", "devcopilot clone https://gitlab.com/octo/demo"),
        ("octo/other", "devcopilot clone octo/other"),
        ("octo/demo#main", "devcopilot clone 'octo/demo#main'"),
        ("octo/demo  depth=1", "devcopilot clone 'octo/demo  depth=1'"),
    ],
)
def test_a_repository_is_the_one_of_the_settings_however_it_is_written(
    entry: str, command: str
) -> None:
    settings = Settings.from_environ({"DEV8_REPOSITORIES": "octo/first; octo/demo"})
    assert repository.find_command(parse_entry(entry), settings) == command


@pytest.mark.parametrize("folder", ["demo", "a/b", "a:b", "x" * 150])
def test_the_settings_ask_for_a_clone_and_its_extras_whatever_its_folder_is_called(
    folder: str,
) -> None:
    settings = Settings.from_environ({"DEV8_REPOSITORIES": f"octo/demo dir={folder}"})
    (entry,) = settings.repositories.entries or ()
    for part in (entry.name, f"{entry.name}:lfs"):
        assert kind.asks_for(settings, make_name(kind.NAME, part).partition(":")[2])
    assert not kind.asks_for(settings, "other")
    assert not kind.asks_for(settings, "dem")


def test_a_clone_that_is_killed_begins_again_and_leaves_nothing(
    tmp_path: Path, host: GitHost
) -> None:

    noise = {f"noise{number}": os.urandom(300_000).hex() for number in range(4)}
    host.add("octo/demo", noise)
    host.gate = threading.Event()
    made = Workspace(tmp_path, {
        "DEV8_SSH": "false", "DEV8_CODE_SERVER": "false",
        "DEV8_REPOSITORIES": f"{host.url}/octo/demo",
    }).prepare()  # fmt: skip
    made.configure()
    words = [sys.executable, "-I", "-m", "agent", "--log", "setup"]
    started = subprocess.Popen(
        words, env=made.environ, start_new_session=True, stderr=subprocess.DEVNULL
    )
    workspace = tmp_path / "workspace"
    wait_until(lambda: list(workspace.glob(".devcopilot-clone-*/clone/.git/objects/pack/tmp_*")),
               "half of a pack")  # fmt: skip
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    assert list(workspace.glob(".devcopilot-clone-*/CACHEDIR.TAG"))
    waits_for_nothing = made.runtime / runtime.JOBS / "setup.done"
    assert not waits_for_nothing.exists()
    host.gate.set()
    done = subprocess.run(words, env=made.environ, check=False, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert waits_for_nothing.exists()
    assert (workspace / "demo/noise3").read_text() == noise["noise3"]
    assert not list(workspace.glob(".devcopilot*"))


@pytest.mark.parametrize("configured", [True, False], ids=["git-lfs installed", "not configured"])
def test_files_of_git_lfs_are_there_and_a_missing_one_costs_no_clone(
    place: Place, configured: bool
) -> None:
    need(shutil.which("git-lfs"), "needs git-lfs")
    if configured:
        with (place.facts.home / ".gitconfig").open("a") as file:
            file.write('[filter "lfs"]\n\trequired = true\n\tsmudge = git-lfs smudge -- %f\n')
    place.host.large[hashlib.sha256(b"large").hexdigest()] = b"large"
    attributes = {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"}
    place.host.add("octo/big", {**attributes, "a.bin": point_to(b"large")})
    place.host.add("octo/gone", {**attributes, "a.bin": point_to(b"lost"), "b.txt": "text\n"})
    units = place.start("HOST/octo/big", "HOST/octo/gone", "HOST/octo/demo")
    assert (place.folder / "big/a.bin").read_bytes() == b"large"
    assert place.git("diff", "--stat", "--", "b.txt", folder="gone") == ""
    assert units["clone:big:lfs"].state == "done"
    assert (units["clone:gone"].state, units["clone:gone:lfs"].state) == ("done", "failed")
    assert units["clone"].state == "done", "hooks need no file of git LFS"
    assert "clone:demo:lfs" not in units


def test_another_volume_gets_its_clone_though_the_home_remembers_one(place: Place) -> None:
    place.start("HOST/octo/demo")
    place.folder.rename(place.folder.with_name("old"))
    place.folder.mkdir()
    place.forget_life()
    assert place.start("HOST/octo/demo")["clone:demo"].state == "done"
    assert (place.folder / "demo/README.md").exists()


def test_a_start_with_everything_done_runs_no_git(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.start("HOST/octo/demo")
    place.forget_life()
    monkeypatch.setattr(repository, "Git", lambda *_, **__: pytest.fail("git was wanted"))
    assert place.start("HOST/octo/demo")["clone:demo"].state == "done"


def test_a_missing_branch_is_told_at_the_next_start_too(place: Place) -> None:
    place.start("HOST/octo/demo#mian")
    place.forget_life()
    asked = len(place.host.asked)
    unit = place.start("HOST/octo/demo#mian")["clone:demo"]
    assert (unit.state, unit.hint) == ("failed", "did you mean main?")
    assert len(place.host.asked) == asked


def test_an_unknown_ssh_host_is_shown_with_its_key_and_not_trusted(
    place: Place, tmp_path: Path
) -> None:
    sshd = need_sshd()
    key, port = tmp_path / "host_key", find_free_port()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    options = (f"HostKey={key}", f"Port={port}", "ListenAddress=127.0.0.1", "PidFile=none")
    words = [word for option in options for word in ("-o", option)]
    with Awaited[bytes]([sshd, "-D", "-e", "-f", "/dev/null", *words],
                          stderr=subprocess.DEVNULL) as server:  # fmt: skip
        try:
            wait_until(lambda: listens(port), "sshd listens")
            unit = place.start(f"ssh://git@127.0.0.1:{port}/octo/demo")["clone:demo"]
        finally:
            server.terminate()
    shown = subprocess.run(["ssh-keygen", "-lf", key], check=True, capture_output=True, text=True)
    assert unit.state == "failed"
    assert shown.stdout.split()[1] in unit.reason
    assert f"ssh-keyscan -p {port} 127.0.0.1" in unit.hint

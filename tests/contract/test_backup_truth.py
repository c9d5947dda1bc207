"""What a person is told when a target does not hold what this workspace knows, and what then helps.

Each piece of advice is followed as it is written.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.backup import record, workspace_id
from agent.machine.light.clock import format_time, read_time
from tests.contract.box import call, open_box, read
from tests.contract.homes import Workspace
from tests.worlds.copies import run_verb
from tests.worlds.waiting import pass_time


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Workspace]:
    with open_box(tmp_path) as made:
        yield made


def repository(box: Workspace) -> Path:
    return box.folder / "backups/workspace"


def change(box: Workspace) -> None:
    (box.folder / "workspace/a").write_bytes(os.urandom(100_000))


def find_snapshots(box: Workspace) -> list[Any]:
    return [row for row in read(box, "backup", "list") if row["kind"] == "backup"]


def run_scheduled(box: Workspace, code: int = 0) -> str:
    """Let the agent's own job run, as one that is due."""
    record.note(box.context().facts, "local", tried="2020-01-01T00:00:00Z")
    return call(box, "backup", "scheduled", code=code).stderr


def follow(box: Workspace, advice: str) -> None:
    """Run the commands of an advice, in their order."""
    for step in advice.split("; "):
        words = shlex.split(step)
        if words[0] == "devcopilot":
            call(box, *words[1:])
        else:
            subprocess.run(words, check=True, timeout=120)


def forget_home(box: Workspace) -> None:
    """Make the workspace one whose home and files were lost, with the password handed in again."""
    kept = box.home / ".local/state/devcopilot/backup/password"
    word = kept.read_text()
    shutil.rmtree(kept.parent)
    kept.parent.mkdir()
    kept.write_text(word)
    for path in (box.folder / "workspace").iterdir():
        path.unlink()


def test_an_empty_successor_makes_no_backup_until_somebody_has_chosen(box: Workspace) -> None:
    (before,) = find_snapshots(box)
    forget_home(box)
    assert "this workspace is new; the newest backup on local is" in run_scheduled(box, code=1)
    assert find_snapshots(box) == [before]
    (row,) = read(box, "status")["backups"]
    assert row["red"] is True
    assert before["id"][:8] in row["why"]
    assert "`devcopilot backup restore` restores it" in call(box, "health").stdout
    call(box, "backup", "restore", "--yes")
    assert (box.folder / "workspace/a").stat().st_size == 100_000
    assert run_scheduled(box) is not None
    assert read(box, "status")["backups"][0]["red"] is False


def test_a_person_may_begin_with_what_is_there(box: Workspace) -> None:
    forget_home(box)
    (box.folder / "workspace/b").write_text("new")
    run_scheduled(box, code=1)
    call(box, "backup", "create")
    assert len(find_snapshots(box)) == 2
    assert run_scheduled(box).count("new") == 0
    assert read(box, "status")["backups"][0]["red"] is False


def test_latest_is_never_an_empty_one_without_asking(box: Workspace) -> None:
    for number in range(60):
        (box.folder / f"workspace/{number}").write_bytes(os.urandom(50_000))
    call(box, "backup", "create")
    full = find_snapshots(box)[-1]["id"][:8]
    forget_home(box)
    argv = ["restic", "backup", "--quiet", "--host", "workspace", "--tag", "devcopilot",
            str(box.folder / "workspace")]  # fmt: skip
    environ = {"PATH": os.environ["PATH"], "RESTIC_REPOSITORY": str(repository(box)),
               "RESTIC_CACHE_DIR": str(box.folder / "cache"), "RESTIC_PASSWORD_FILE":
               str(box.home / ".local/state/devcopilot/backup/password")}  # fmt: skip
    subprocess.run(argv, env=environ, check=True, timeout=120)
    refused = call(box, "backup", "restore", "--yes", code=1).stderr
    assert "is almost empty" in refused
    advice = re.findall(r"devcopilot (backup restore [0-9a-f]{8})", refused)
    assert advice == [f"backup restore {full}"]
    call(box, *advice[0].split(), "--yes")
    assert (box.folder / "workspace/59").stat().st_size == 50_000


def test_an_absent_mount_is_no_reason_to_begin_anew(box: Workspace) -> None:
    repository(box).rename(box.folder / "elsewhere")
    change(box)
    for words in (("backup", "create"), ("backup", "verify")):
        told = call(box, *words, code=1)
        assert "check that its volume is mounted" in told.stdout + told.stderr
    assert "there is no repository any more" in run_scheduled(box, code=1)
    assert not repository(box).exists()
    assert read(box, "status")["backups"][0]["red"] is True
    (box.folder / "elsewhere").rename(repository(box))
    call(box, "backup", "create")
    shutil.rmtree(repository(box))
    refused = call(box, "backup", "create", code=1).stdout
    call(box, *re.findall(r"devcopilot (backup create --anew --target local)", refused)[0].split())
    assert len(find_snapshots(box)) == 1
    assert read(box, "status")["backups"][0]["red"] is False


def test_a_newest_backup_that_was_removed_is_told(box: Workspace) -> None:
    change(box)
    call(box, "backup", "create")
    _, newest = find_snapshots(box)
    (repository(box) / "snapshots" / newest["id"]).unlink()
    change(box)
    told = call(box, "backup", "create").stderr
    assert f"the backup {newest['id'][:8]} of" in told
    assert "is gone from local" in told
    assert len(find_snapshots(box)) == 2, "backups go on"
    assert read(box, "status")["backups"][0]["red"] is True
    (row,) = read(box, "backup", "prune")
    assert "removed no backups" in row["warning"]
    call(box, *re.findall(r"devcopilot (backup create --anew --target local)", told)[0].split())
    assert read(box, "status")["backups"][0]["red"] is False


def test_after_a_clock_was_set_back_all_goes_on(box: Workspace) -> None:
    """It was ten days ahead while a backup was made, checked and noted; then it was set right."""
    ahead = datetime.now(UTC) + timedelta(days=10)
    facts = box.context().facts
    dated = f"time={ahead:%Y-%m-%d %H:%M:%S}"
    call(box, "backup", "restic", "--target", "local", "--", "rewrite", "--forget",
         f"--new-{dated}", "latest")  # fmt: skip
    noted = format_time(ahead)
    record.note(facts, "local", tried=noted, seen=noted, made=noted, verified=noted, pruned=noted)
    change(box)
    call(box, "backup", "scheduled")
    assert len(find_snapshots(box)) == 2, "nothing was forgotten"
    (row,) = read(box, "status")["backups"]
    assert (row["overdue"], row["red"], row["lost"]) == (False, False, "")
    now = datetime.now(UTC)
    for name in ("seen", "made", "verified", "pruned"):
        assert now - timedelta(minutes=5) < read_time(row[name]) <= now + timedelta(seconds=1), name
    assert now < read_time(row["next"]) < now + timedelta(hours=1)
    wanted = (box.folder / "workspace/a").read_bytes()
    change(box)
    call(box, "backup", "restore", "--yes")
    assert (box.folder / "workspace/a").read_bytes() == wanted, "`latest` is the one made since"


@pytest.mark.parametrize("which", ["first", "newest"])
@pytest.mark.parametrize("damage", ["flipped", "empty"])
def test_a_damaged_snapshot_stops_no_backup_and_the_advice_fixes_it(
    box: Workspace, which: str, damage: str
) -> None:
    change(box)
    call(box, "backup", "create")
    rows = find_snapshots(box)
    path = repository(box) / "snapshots" / rows[0 if which == "first" else 1]["id"]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.chmod(0o600)
    path.write_bytes(content if damage == "flipped" else b"")
    change(box)
    call(box, "backup", "create")
    told = call(box, "backup", "verify", code=1).stdout
    assert f"the backup {path.name[:8]} is damaged and cannot be read" in told
    assert str(path) in told
    assert read(box, "status")["backups"][0]["finding"]
    follow(box, told.partition("to fix it: ")[2].strip())
    assert read(box, "status")["backups"][0]["red"] is False
    call(box, "backup", "restore", "--yes")


def test_two_workspaces_of_one_name_leave_each_other_alone(box: Workspace) -> None:
    """The other one is this home with another id and record: as a second container has it."""
    state = box.home / ".local/state/devcopilot/backup"
    own = {name: (state / name).read_bytes() for name in ("record.json", "workspace-id")}
    (mine,) = find_snapshots(box)
    for name in own:
        (state / name).unlink()
    for _ in range(5):
        change(box)
        call(box, "backup", "create")
    for name, content in own.items():
        (state / name).write_bytes(content)
    box.with_variables({**box.variables, "DEV8_BACKUP_KEEP": "last=1"}).configure()
    change(box)
    told = call(box, "backup", "create").stderr
    assert "another workspace of this name also backs up to local" in told
    row = read(box, "status")["backups"][0]
    assert row["rival"]
    assert row["red"] is False
    (pruned,) = read(box, "backup", "prune")
    left = find_snapshots(box)
    assert len(left) == 6, "one of this workspace's, all of the other's"
    assert mine["id"] not in {item["id"] for item in left}
    assert pruned["forgotten"] == 1


def test_the_id_stands_in_the_backups(box: Workspace) -> None:
    mark = workspace_id.read_mark(box.context().facts)
    argv = ("backup", "restic", "--", "snapshots", "--json")
    (row,) = json.loads(call(box, *argv).stdout)
    assert row["tags"] == ["devcopilot", mark]


def test_a_state_folder_that_takes_nothing_stops_no_backup(box: Workspace) -> None:
    """Here it is a file: no program of any user can write there, as on a full disk."""
    state = box.home / ".local/state/devcopilot/backup"
    word = (state / "password").read_text()
    (box.folder / "word").write_text(word)
    variables = {**box.variables, "DEV8_BACKUP_PASSWORD_FILE": str(box.folder / "word")}
    box.with_variables(variables).configure()
    shutil.rmtree(state)
    state.write_text("")
    change(box)
    call(box, "backup", "create")
    change(box)
    assert "internal error" not in run_scheduled(box)
    assert len(find_snapshots(box)) == 3
    assert read(box, "status")["backups"][0]["snapshot"]


@pytest.mark.parametrize("given", [True, False])
def test_a_state_folder_that_is_gone_is_one_problem(box: Workspace, given: bool) -> None:
    """Whose password was made loses it with the folder; all else goes on by itself."""
    state, kept = box.home / ".local/state/devcopilot", box.folder / "kept"
    kept.write_text((state / "backup/password").read_text())
    if given:
        box.variables = {**box.variables, "DEV8_BACKUP_PASSWORD_FILE": str(kept)}
        box.configure()
    shutil.rmtree(state)
    first, second = (call(box, "backup", "scheduled", code=code).stderr for code in (1, 0))
    wanted = "this workspace is new" if given else f"restore {state}/backup/password from a copy"
    assert (len(first.splitlines()), second) == (1, "")
    assert wanted in first
    (row,) = read(box, "status")["backups"]
    assert row["red"] is True
    assert wanted in f"{row['why']} {row['problem']}"
    if not given:
        (state / "backup/password").write_text(kept.read_text())
    change(box)
    call(box, "backup", "create")
    assert read(box, "status")["backups"][0]["red"] is False


def test_a_target_that_cannot_be_used_is_told_by_the_schedule(box: Workspace) -> None:
    given = box.folder / "given"
    given.write_text("a word that is long enough\n")
    box.variables = {**box.variables, "DEV8_BACKUP_PASSWORD_FILE": str(given)}
    box.configure()
    given.unlink()
    told = call(box, "backup", "scheduled", code=1).stderr
    assert f"cannot read DEV8_BACKUP_PASSWORD_FILE={given}" in told
    assert (box.runtime / "jobs/backup.next").is_file()


def test_a_stop_beside_an_unfinished_restore_says_so(box: Workspace) -> None:
    call(box, "backup", "restore", "--yes")
    note = box.home / ".local/state/devcopilot/backup/undo.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"finished": False}))
    for seconds in ("30", "2"):
        told = call(box, "backup", "create", "--final", seconds, code=1).stderr
        assert "no time left for the final backup" not in told
        assert "is not finished" in json.loads(told)["message"]


def test_what_a_start_takes_counts_for_the_time_of_the_stop(box: Workspace) -> None:
    """On a busy machine, Python alone may take so long; who was killed could tell nobody."""
    change(box)
    words = ("backup", "create", "--final", "4.5")
    done = run_verb(words, box.environ, prepare=lambda: pass_time(3.0))
    assert "no time left for the final backup" in done.stderr


def test_patterns_that_leave_nothing_are_told_everywhere(box: Workspace) -> None:
    box.variables = {**box.variables, "DEV8_BACKUP_EXCLUDE": "*"}
    box.configure()
    wanted = "DEV8_BACKUP_EXCLUDE excludes the whole workspace"
    assert wanted in call(box, "status").stdout
    assert f"note: {wanted}" in call(box, "backup", "create", "--accept-shrunk").stdout
    assert wanted in run_scheduled(box)


def test_a_clone_below_a_cache_is_missing(box: Workspace) -> None:
    clone = box.folder / "workspace/cache/clone"
    (clone / ".git").mkdir(parents=True)
    signature = "Signature: 8a477f597d28d172789f06886806bc55"
    (clone.parent / "CACHEDIR.TAG").write_text(signature)
    told = call(box, "backup", "create", code=1).stdout
    assert f"missing: {clone}: all of it, because {clone.parent}/CACHEDIR.TAG marks it" in told


def test_what_a_command_for_the_password_says_holds_no_secret(box: Workspace) -> None:
    command = "sh -c 'echo Access Denied for $VAULT_TOKEN >&2; exit 3'"
    box.variables = {
        **box.variables, "VAULT_TOKEN": "hvs.of-the-vault-0123",
        "DEV8_BACKUP_PASSWORD_COMMAND": command,
    }  # fmt: skip
    box.configure()
    done = call(box, "backup", "create", code=1)
    assert "Access Denied for ***" in done.stdout + done.stderr
    kept = (path.read_text() for path in box.folder.rglob("record.json"))
    assert all("hvs." not in text for text in (done.stdout, done.stderr, *kept))


def test_a_command_for_the_password_that_never_ends_its_words_is_ended(box: Workspace) -> None:
    box.variables = {**box.variables, "DEV8_BACKUP_PASSWORD_COMMAND": "yes word"}
    box.configure()
    told = call(box, "backup", "create", code=1).stdout
    assert "DEV8_BACKUP_PASSWORD_COMMAND" in told
    assert "it printed more than 64 KiB" in told

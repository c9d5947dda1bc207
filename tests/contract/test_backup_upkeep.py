"""What keeps the repositories of backups in order, with the real restic on real damage."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agent.backup import record, repository_keys, undo
from agent.backup.create import snapshot
from agent.backup.create.snapshot import SAFETY, TAG
from agent.backup.restic import locks
from agent.backup.restic.client import Code, Restic, ResticError
from agent.backup.upkeep import retention, trial_restore
from agent.backup.upkeep.verification import verify
from agent.machine.errors import Problem
from agent.machine.programs.follow import Finished
from tests.contract.vault import Vault, flip
from tests.worlds.quick_key import plant_lock

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path)


@pytest.fixture
def used(vault: Vault) -> Vault:
    """A repository with one good backup, which the record knows."""
    vault.put("a", 3_000_000)
    vault.put("b", 1000)
    note(vault, vault.back_up().id)
    return vault


def note(vault: Vault, snapshot: str, **changes: Any) -> None:
    record.note(vault.facts, "local", snapshot=snapshot, **changes)


# --- dead locks ---------------------------------------------------------------------------------


def test_after_a_killed_backup_all_goes_on(used: Vault) -> None:
    used.put("c", 4_000_000)
    used.kill("backup", str(used.workspace))
    assert len(used.files("locks")) == 1
    used.back_up()
    holder = locks.clear_dead(used.restic)
    assert isinstance(holder, Problem), "another machine may have the same name"
    used.clock.go(minutes=7)
    retention.prune(used.restic)
    assert used.files("locks") == []
    used.judge()


def make_garbage(vault: Vault) -> None:
    """Leave packs behind of which a part is in use still."""
    for round_ in range(2):
        for number in range(3):
            vault.put(f"{number}-{round_}", 600_000)
        vault.back_up()
        for number in range(2):
            (vault.workspace / f"{number}-{round_}").unlink()
    newest = vault.back_up()
    vault.restic.check("forget", "forget", *(vault.ids() - {newest.id}))


@pytest.mark.parametrize("moment", ["locked", "packs added", "indexes changed", "packs removed"])
def test_a_prune_that_was_killed_is_done_again(vault: Vault, moment: str, monkeypatch: Any) -> None:
    make_garbage(vault)
    packs, indexes = set(vault.files("data")), set(vault.files("index"))
    conditions = {
        "locked": lambda: True,
        "packs added": lambda: set(vault.files("data")) - packs,
        "indexes changed": lambda: set(vault.files("index")) - indexes,
        "packs removed": lambda: packs - set(vault.files("data")),
    }
    vault.kill("prune", when=conditions[moment])
    vault.put("later", 1000)
    vault.clock.go(minutes=7)
    monkeypatch.setattr(snapshot, "LOCK_WAIT", "1s")
    vault.back_up()
    retention.prune(vault.restic)
    assert record.read(vault.facts, "local").pruned
    assert vault.files("locks") == []
    assert sum(path.stat().st_size for path in (vault.repository / "data").rglob("*")
               if path.is_file()) < 2_500_000, "the space is free"  # fmt: skip
    vault.judge()


def test_a_backup_tells_who_is_in_its_way(used: Vault, monkeypatch: Any) -> None:
    used.put("b", 1001)
    monkeypatch.setattr(snapshot, "LOCK_WAIT", "1s")
    with used.running("check", "--read-data") as check:
        problem = used.make().problem
        assert problem
        assert f"the repository is locked by process {check.pid} on" in problem.message


def test_the_lock_of_a_stranger_is_left_for_half_an_hour(used: Vault) -> None:
    used.kill("check", "--read-data")
    locks.HOSTNAMES.path(used.facts).write_text("another\n")
    used.clock.go(minutes=29)
    holder = locks.clear_dead(used.restic)
    assert holder
    assert "process" in holder.message
    assert len(used.files("locks")) == 1
    used.clock.go(minutes=2)
    assert locks.clear_dead(used.restic) is None
    assert used.files("locks") == []


def record_words(monkeypatch: Any) -> list[str]:
    """Return a list that will have the first word of each call of restic."""
    words: list[str] = []
    run = Restic.run

    def record(restic: Restic, *given: str, **options: Any) -> Finished:
        words.append(given[0])
        return run(restic, *given, **options)

    monkeypatch.setattr(Restic, "run", record)
    return words


DAMAGES: dict[str, Callable[[Path], object]] = {
    "flipped": flip,
    "cut-off": lambda path: os.truncate(path, 20),
}


def leave_lock(root: Path, damage: Callable[[Path], object]) -> Vault:
    """Return a repository with a good backup, in which a killed restic left a damaged lock."""
    root.mkdir(exist_ok=True)
    vault = Vault(root)
    vault.put("a", 3_000_000)
    note(vault, vault.back_up().id)
    vault.kill("backup", str(vault.workspace))
    (name,) = vault.files("locks")
    damage(vault.repository / "locks" / name)
    vault.put("b", 1001)
    return vault


def test_a_lock_that_cannot_be_read_stops_nobody_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """restic fails at it after half a minute; whoever lives writes another one within minutes."""
    monkeypatch.setattr(snapshot, "LOCK_WAIT", "1s")
    monkeypatch.setattr(locks, "LOCK_WAIT", "1s")
    vaults = [leave_lock(tmp_path / name, damage) for name, damage in DAMAGES.items()]
    with ThreadPoolExecutor(len(vaults)) as pool:  # so that they wait at the same time
        results = list(pool.map(Vault.make, vaults))
    for vault, made in zip(vaults, results, strict=True):
        assert made.problem
        assert "locked by a lock that cannot be read, since" in made.problem.message
        assert "it expires at" in made.problem.hint
        vault.clock.go(minutes=29)
        assert locks.clear_dead(vault.restic)
        vault.clock.go(minutes=2)
        with monkeypatch.context() as recording:
            words = record_words(recording)
            vault.back_up()
        assert words.count("backup") == 1, "restic tries to read it for half a minute"
        assert vault.files("locks") == []


def test_an_empty_lock_is_cleared_as_well(tmp_path: Path) -> None:
    """restic ignores it."""
    vault = leave_lock(tmp_path, lambda path: os.truncate(path, 0))
    assert vault.make().snapshot
    assert locks.clear_dead(vault.restic)
    vault.clock.go(minutes=29)
    assert locks.clear_dead(vault.restic)
    vault.clock.go(minutes=2)
    retention.prune(vault.restic)
    assert vault.files("locks") == []


def test_a_lock_of_the_future_is_dead_when_nobody_renews_it(used: Vault) -> None:
    lock = {"time": "2100-01-01T00:00:00Z", "exclusive": True, "hostname": "other", "pid": 5}
    for minutes in (0, 20):  # the second time another one, as of a restic that lives
        used.clock.go(minutes=minutes)
        for name in used.files("locks"):
            (used.repository / "locks" / name).unlink()
        plant_lock(used.repository, used.root / "password", lock)
        assert locks.clear_dead(used.restic)
    used.clock.go(minutes=29)
    holder = locks.clear_dead(used.restic)
    assert holder
    assert "process 5 on other" in holder.message
    used.clock.go(minutes=2)
    assert locks.clear_dead(used.restic) is None
    assert used.files("locks") == []


def test_one_living_lock_keeps_the_dead_ones(used: Vault) -> None:
    used.kill("backup", str(used.workspace))
    used.put("c", 4_000_000)
    with used.running("backup", str(used.workspace)) as alive:
        used.clock.go(minutes=10)
        holder = locks.clear_dead(used.restic)
        assert holder
        assert f"process {alive.pid} " in holder.message
        assert len(used.files("locks")) == 2
    used.clock.go(minutes=1)
    assert locks.clear_dead(used.restic) is None


BYSTANDER = """
import subprocess, sys
from pathlib import Path
from agent.backup.restic import locks
from tests.contract.vault import Vault
vault = Vault(Path(sys.argv[1]))
vault.put("a", 4_000_000)
with vault.running("backup", str(vault.workspace)) as process:
    process.kill()
    process.wait()
locks.remember_host(vault.facts)
Path("/proc/sys/kernel/ns_last_pid").write_text(str(process.pid - 1))
bystander = subprocess.Popen(["sleep", "60"])
assert bystander.pid == process.pid, (bystander.pid, process.pid)
vault.clock.go(minutes=7)
assert locks.clear_dead(vault.restic) is None
assert vault.files("locks") == []
try:
    bystander.wait(0.3)
    sys.exit("the bystander was hit")
except subprocess.TimeoutExpired:
    bystander.kill()
print("alive")
"""


def test_who_got_the_process_id_of_the_dead_lives_on(vault: Vault, tmp_path: Path) -> None:
    """In a namespace of its own, where the next process id can be chosen."""
    unshare = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs the right to make namespaces")
    (tmp_path / "own").mkdir()
    done = subprocess.run(
        [*unshare, sys.executable, "-c", BYSTANDER, str(tmp_path / "own")],
        cwd=ROOT, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


# --- what is kept -------------------------------------------------------------------------------


@pytest.mark.parametrize("work", ["prune", "forget"])
def test_clearing_waits_for_a_backup(used: Vault, work: str) -> None:
    old, newest = used.ids(), None
    used.put("b", 1001)
    newest = used.back_up()
    used.settings = type(used.settings).from_environ({"DEV8_BACKUP_KEEP": "last=1"})
    used.put("c", 1_500_000)
    with used.running("backup", "--host", "workspace", str(used.workspace)) as backup:
        if work == "prune":
            retention.prune(used.restic)
        else:
            assert retention.forget(used.restic, used.settings, newest).removed == 1
        assert backup.poll() == 0, "it was not disturbed"
    assert bool(old <= used.ids()) == (work == "prune")
    used.judge()


def test_the_newest_is_kept_whatever_the_dates_say(used: Vault) -> None:
    """A snapshot of the future would take the only place."""
    settings = type(used.settings).from_environ({"DEV8_BACKUP_KEEP": "last=1"})
    future = used.back_up_at("2099-01-01 00:00:00")
    for number in range(3):
        used.put("b", 1001 + number)
        newest = used.back_up()
    done = retention.forget(used.restic, settings, newest)
    assert used.ids() == {newest.id, future}
    assert (done.kept, done.removed) == (2, 3)
    assert done.warning
    assert future[:8] in done.warning.message
    assert retention.forget(used.restic, settings, newest).removed == 0


def test_safety_snapshots_of_the_future_take_no_place(used: Vault) -> None:
    """The clock was ahead when they were made, and has been set back."""
    words = ["backup", "--quiet", "--force", "--host", "workspace", "--tag", SAFETY]
    for second in range(3):
        used.restic.check("x", *words, "--time", f"2099-01-01 00:00:0{second}", str(used.workspace))
    ahead = {item.id for item in used.restic.snapshots("--tag", SAFETY)}
    made = [used.back_up(tag=SAFETY, force=True).id for _ in range(4)]
    (newest,) = used.restic.snapshots("--tag", TAG)
    assert retention.forget(used.restic, used.settings, newest).removed == 1
    assert used.ids() == {*ahead, *made[1:], newest.id}


def test_a_changed_list_of_paths_is_the_same_workspace(used: Vault) -> None:
    settings = type(used.settings).from_environ({"DEV8_BACKUP_KEEP": "last=1"})
    used.workspace = used.root / "elsewhere"
    used.workspace.mkdir()
    used.put("x", 10)
    newest = used.back_up()
    retention.forget(used.restic, settings, newest)
    assert used.ids() == {newest.id}


def test_safety_snapshots_have_a_rule_of_their_own(used: Vault) -> None:
    settings = type(used.settings).from_environ({"DEV8_BACKUP_KEEP": "last=1"})
    safe = [used.back_up(tag=SAFETY, force=True).id for _ in range(5)]
    note = undo.Undo(safe[0], "local", (str(used.workspace),), "x", "2026-11-24T18:00:00Z")
    undo.write(used.facts, note)
    used.back_up_at("2020-01-01 00:00:00")
    used.put("b", 1001)
    newest = used.back_up()
    other = ["backup", "--quiet", "--host", "workspace", str(used.workspace)]
    used.restic.check("x", *other)
    stranger = used.restic.snapshots()[-1].id
    assert retention.forget(used.restic, settings, newest).removed == 3, (
        "one safety snapshot and two backups; `undo` needs another one"
    )
    assert used.ids() == {safe[0], *safe[2:], newest.id, stranger}


def test_a_backup_is_made_although_a_safety_snapshot_holds_the_same(used: Vault) -> None:
    """The latest backup is what `restore` means, and safety snapshots are forgotten earlier."""
    first = used.restic.snapshots()[-1]
    used.put("b", 1001)
    safe = used.back_up(tag=SAFETY)
    made = used.make()
    assert made.snapshot
    assert (made.unchanged, made.snapshot.tags) == (False, (TAG,))
    assert [find_parent(used, item.id) for item in (safe, made.snapshot)] == [first.id] * 2, (
        "neither reads again what has not changed"
    )


def find_parent(vault: Vault, snapshot: str) -> str:
    found = vault.restic.check("x", "cat", "snapshot", snapshot, "--quiet")
    return str(json.loads(found.output)["parent"])


def test_nothing_is_forgotten_for_a_backup_that_is_not_listed(used: Vault) -> None:
    settings = type(used.settings).from_environ({"DEV8_BACKUP_KEEP": "last=1"})
    used.put("b", 1001)
    newest = used.back_up()
    used.restic.check("x", "forget", newest.id)
    used.put("b", 1002)
    used.back_up()
    before = used.ids()
    done = retention.forget(used.restic, settings, newest)
    assert done.removed == 0
    assert done.warning
    assert used.ids() == before


# --- passwords and repositories -----------------------------------------------------------------


def test_a_wrong_password_makes_no_repository_and_no_finding(used: Vault) -> None:
    before = used.files(".")
    (used.root / "password").write_text("another\n")
    made = used.make()
    assert made.problem
    assert "password does not open" in made.problem.message
    with pytest.raises(ResticError) as caught:
        verify(used.restic, used.settings)
    assert caught.value.finished.code == Code.WRONG_PASSWORD
    assert record.read(used.facts, "local").finding == ""
    assert used.files(".") == before


def test_without_a_repository_a_check_says_so(tmp_path: Path) -> None:
    vault = Vault(tmp_path, there=False)
    with pytest.raises(ResticError) as caught:
        verify(vault.restic, vault.settings)
    assert caught.value.finished.code == Code.NO_REPOSITORY
    assert not vault.repository.exists()


def test_a_recovery_key_opens_and_is_removed(used: Vault) -> None:
    word = "a new password of letters"
    key = repository_keys.add_key(used.restic, word, "workspace")
    assert (key.user, key.host) == ("recovery", "workspace")
    assert not [path for path in used.facts.runtime.rglob("*") if "key" in path.name]
    assert [item.id for item in repository_keys.list_keys(used.restic) if not item.current] == [
        key.id
    ]
    (used.root / "password").write_text(word)
    used.judge()
    (used.root / "password").write_text("a password")
    repository_keys.remove_key(used.restic, key)
    (used.root / "password").write_text(word)
    with pytest.raises(ResticError):
        repository_keys.list_keys(used.restic)


# --- damage -------------------------------------------------------------------------------------


def test_good_backups_are_found_good(used: Vault) -> None:
    verdict = verify(used.restic, used.settings)
    assert verdict.finding == ""
    assert (verdict.part, verdict.parts) == (1, 1)
    assert (verdict.trial.files, verdict.trial.compared) == (2, 2)
    assert not (used.facts.state / trial_restore.FOLDER).exists()
    used.put("b", 1001)
    (used.workspace / "a").unlink()
    verdict = verify(used.restic, used.settings)
    assert verdict.finding == ""
    assert (verdict.trial.files, verdict.trial.compared) == (2, 0)


@pytest.mark.parametrize("damage", ["8 bytes flipped", "pack deleted"])
def test_damage_is_found_while_a_new_backup_says_ok(used: Vault, damage: str) -> None:
    assert verify(used.restic, used.settings).finding == ""
    if damage == "pack deleted":
        used.find_pack().unlink()
    else:
        flip(used.find_pack())
    used.put("b", 1001)
    used.back_up()
    verdict = verify(used.restic, used.settings)
    assert "pack" in verdict.finding
    assert record.read(used.facts, "local").finding == verdict.finding
    assert verify(used.restic, used.settings).finding == verdict.finding, "it stays"
    follow_advice(used, verdict.finding)
    assert verify(used.restic, used.settings).finding == ""
    assert record.read(used.facts, "local").finding == ""
    used.judge()


def follow_advice(vault: Vault, finding: str) -> None:
    """Do what the finding says, step by step."""
    steps = finding.partition("to fix it: ")[2].split("; ")
    assert len(steps) == 4
    for step in steps[:3]:
        words = step.removeprefix("devcopilot backup ").split()
        if words[0] == "create":
            vault.back_up(force=True)
        else:
            assert words[:4] == ["restic", "--target", "local", "--"]
            env = {**vault.restic.environment}
            subprocess.run(["restic", "--no-cache", *words[4:]], env=env, cwd=vault.root,
                           check=True, capture_output=True, timeout=120)  # fmt: skip


def test_a_finding_stays_while_other_parts_are_read(used: Vault) -> None:
    """The part that was bad is read again; another one could not show that it is mended."""
    pack = used.find_pack()
    whole = pack.read_bytes()
    flip(pack)
    (part,) = [n for n in range(1, 5) if int(pack.name[:2], 16) % 4 == n - 1]
    note(
        used, record.read(used.facts, "local").snapshot, size=1_000_000_000, part=(part - 2) % 4 + 1
    )
    verdict = verify(used.restic, used.settings)
    assert (verdict.part, verdict.parts) == (part, 4)
    assert verdict.finding
    assert verify(used.restic, used.settings).part == part
    pack.write_bytes(whole)
    assert verify(used.restic, used.settings).finding == ""
    assert verify(used.restic, used.settings).part == part % 4 + 1


def test_a_backup_that_differs_from_its_source_is_found(used: Vault) -> None:
    """As if the disk had given other bytes to the backup than it gives now."""
    path = used.workspace / "b"
    before = path.stat()
    content = path.read_bytes()
    (node,) = [n for n in trial_restore.choose_sample(used.restic, used.restic.snapshots()[-1],
                                              random.Random(1)) if n.path == str(path)]  # fmt: skip
    assert (node.size, node.mtime, node.ctime) == (1000, before.st_mtime_ns, before.st_ctime_ns)
    restored = used.root / "restored"
    restored.write_bytes(content)
    assert trial_restore.compare(node, restored) == ""
    restored.write_bytes(b"x" + content[1:])
    assert "differs" in str(trial_restore.compare(node, restored))
    restored.write_bytes(content[1:])
    assert "999 bytes" in str(trial_restore.compare(node, restored))
    restored.unlink()
    assert "not restored" in str(trial_restore.compare(node, restored))
    path.write_bytes(content)
    restored.write_bytes(b"x" + content[1:])
    assert trial_restore.compare(node, restored) is None, "the live file was written since"


def test_when_all_backups_are_gone_that_is_a_finding(used: Vault) -> None:
    used.restic.check("x", "forget", *used.ids())
    finding = verify(used.restic, used.settings).finding
    assert "lists no backups any more" in finding


def test_odd_names_are_in_the_sample(vault: Vault) -> None:
    for name in ("a*b", "[x]", "new\nline", "back\\slash", "-dash", "ä", " "):
        vault.put(name, 100)
    vault.put("ordinary", 100)
    note(vault, vault.back_up().id)
    verdict = verify(vault.restic, vault.settings)
    assert verdict.finding == ""
    assert verdict.trial.compared == 8


def test_the_sample_is_removed_also_where_it_may_not_be_written(vault: Vault) -> None:
    folder = vault.workspace / "read-only"
    folder.mkdir()
    (folder / "x").write_text("x")
    folder.chmod(0o555)
    note(vault, vault.back_up().id)
    assert verify(vault.restic, vault.settings).trial.compared == 1
    assert not (vault.facts.state / trial_restore.FOLDER).exists()


def test_restic_is_never_asked_to_unlock_by_itself(used: Vault, monkeypatch: Any) -> None:
    asked: list[tuple[str, ...]] = []
    run = Restic.run

    def ask(self: Restic, *words: str, **options: Any) -> Finished:
        asked.append(words)
        return run(self, *words, **options)

    monkeypatch.setattr(Restic, "run", ask)
    used.kill("check", "--read-data")
    used.clock.go(minutes=31)
    retention.prune(used.restic)
    assert [words for words in asked if "unlock" in words] == [("unlock", "--remove-all")]


def test_a_file_that_is_mapped_into_memory_is_no_damage(
    used: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It changes without a sign: that counts only when it is so in a later backup as well."""
    original = trial_restore.compare

    def differ(node: trial_restore.Node, restored: Path) -> str | None:
        told = f"{node.path}: {trial_restore.DIFFERS}"
        return told if node.path.endswith("/b") else original(node, restored)

    monkeypatch.setattr(trial_restore, "compare", differ)
    assert verify(used.restic, used.settings).finding == ""
    assert verify(used.restic, used.settings).finding == "", "it is the same backup"
    used.put("c", 10)
    note(used, used.back_up().id)
    assert "/b: the restored copy differs" in verify(used.restic, used.settings).finding
    monkeypatch.undo()
    assert verify(used.restic, used.settings).finding == ""
    assert record.read(used.facts, "local").doubts == ()


def test_what_sqlite_maps_into_memory_is_not_compared(used: Vault) -> None:
    used.put("x.db-shm", 32768)
    used.back_up()
    nodes = trial_restore.choose_sample(used.restic, used.restic.snapshots()[-1], random.Random(1))
    assert {Path(node.path).name for node in nodes} == {"a", "b"}


def test_a_snapshot_of_the_future_misleads_nobody(used: Vault) -> None:
    future = used.back_up_at("2099-01-01 00:00:00")
    made = used.make()
    assert made.snapshot
    assert made.snapshot.id != future
    note(used, made.snapshot.id)
    assert verify(used.restic, used.settings).finding == ""

"""What `devcopilot backup create` tells a person, and how a line of progress fits a terminal."""

from pathlib import Path

import pytest

from agent.backup import record
from agent.backup.create.notices import explain_links, find_notices
from agent.backup.create.session import Outcome
from agent.backup.create.snapshot import BackupResult
from agent.backup.prerequisites import shares_root
from agent.commands.backup import progress
from agent.commands.backup.create import LONGEST, MOST_SHOWN, format_lines
from agent.commands.output import Printer
from agent.machine.light.escaping import make_lines
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts

REPORT = {
    "message_type": "status", "total_bytes": 10**12, "bytes_done": 5 * 10**11,
    "files_done": 1_000_000,
}  # fmt: skip


def tell(*missing: str) -> str:
    return make_lines(*format_lines([BackupResult("local", missing=missing)], Outcome(())))


def test_a_report_of_restics_in_words() -> None:
    assert progress.find_size(REPORT) == (5 * 10**11, 10**12)
    assert progress.describe(REPORT, 1000.0) == (
        "500 GB of 1.0 TB, 1,000,000 files, 500 MB/s, 17 min left"
    )
    restored = {"total_bytes": 2000, "bytes_restored": 1000, "files_restored": 1}
    assert progress.describe(restored, 0.5) == "1.0 kB of 2.0 kB, 1 files"


def test_without_a_terminal_a_report_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.show(Printer(), "azure") as listen:
        listen(REPORT)
    assert capsys.readouterr() == ("", "")


def test_the_names_of_files_reach_no_terminal_as_they_are() -> None:
    text = tell("/w/a\n\x1b[2Jlocal: all is well: permission denied", "/w/\udcff: denied")
    assert text.splitlines()[1:] == [
        r"missing: /w/a\n\x1b[2Jlocal: all is well: permission denied", r"missing: /w/\xff: denied",
    ]  # fmt: skip


def test_how_many_more_are_missing_is_told_and_how_to_see_them() -> None:
    lines = tell(*(f"/w/{number}: denied" for number in range(200))).splitlines()
    assert len(lines) == MOST_SHOWN + 2
    assert lines[-1] == "missing: and 180 more; `devcopilot backup create --json` lists all"


def test_a_path_of_4_kib_is_shortened() -> None:
    (line,) = tell("/" + "x" * 5000 + ": File name too long").splitlines()[1:]
    assert len(line) < LONGEST + 20
    assert line.endswith("xx: File name too long")


def test_the_record_knows_how_many_there_were(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    known = record.note(facts, "local", missing=tuple(map(str, range(200))))
    assert (len(known.missing), known.lacking) == (record.MOST_NAMES, 200)
    assert record.note(facts, "local", missing=()).lacking == 0


# --- notices ---


def test_servers_are_one_notice_unless_something_is_dumped() -> None:
    servers = [("Redis", Path("/w/redis")), ("PostgreSQL", Path("/w/pg"))]
    (notice,) = find_notices(servers, Settings.from_environ({}).backup)
    assert notice.startswith("data of PostgreSQL (/w/pg), Redis (/w/redis): ")
    assert "DEV8_BACKUP_PRE" in notice
    dumping = Settings.from_environ({"DEV8_BACKUP_PRE": "make dump"}).backup
    assert not [*find_notices(servers, dumping)]
    assert not [*find_notices([], Settings.from_environ({}).backup)]


def test_patterns_that_leave_nothing_of_the_workspace_are_a_notice() -> None:
    patterns = Settings.from_environ({"DEV8_BACKUP_EXCLUDE": "*"}).backup
    (notice,) = find_notices([], patterns, emptied=True)
    assert notice.startswith("DEV8_BACKUP_EXCLUDE excludes the whole workspace")
    assert not [*find_notices([], Settings.from_environ({}).backup, emptied=True)]


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        ("/home/u/my data", "add it with DEV8_BACKUP_HOME=+my data"),
        ("/data/set", "move it into the workspace"),
        ("/workspace/other", "move it into the workspace"),
        ("/home/u/.cache/bazel", None),
        ("/home/u/.local/share/uv/python", None),
        ("/home/u", None),
        ("/usr/share/dict", None),
        ("/tmp/x", None),
        ("/", None),
    ],
)
def test_a_link_to_files_that_no_backup_holds_is_a_notice(place: str, hint: str | None) -> None:
    notices = [*explain_links([(Path("/w/data"), Path(place))], Path("/home/u"))]
    assert bool(notices) is bool(hint)
    if hint:
        only = f"only the link is in the backup, not {place}; if you need that: {hint}"
        assert notices == [f"/w/data: {only}"]


def test_links_of_programs_are_no_notice_and_many_are_one() -> None:
    of_programs = [(Path(f"/w/{name}/x"), Path("/data")) for name in ("node_modules", ".venv")]
    assert not [*explain_links(of_programs, Path("/home/u"))]
    own = [(Path(f"/w/{name}"), Path("/data")) for name in ("c", "b", "a")]
    (notice,) = explain_links([*of_programs, *own], Path("/home/u"))
    assert notice.startswith("/w/a (and 2 more): only the link is in the backup, not /data")


@pytest.mark.parametrize(("kind", "expected"), [("overlay", True), ("ext4", False)])
def test_a_place_of_its_own_is_not_the_containers_root(
    tmp_path: Path, kind: str, expected: bool
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        f"1 0 0:1 / / rw shared:1 - {kind} none rw\n2 1 0:2 / /dev rw - tmpfs tmpfs rw\n"
    )
    assert shares_root(Path("/no-such-folder/backups"), mounts) is expected
    assert not shares_root(Path("/proc/backups"), mounts), "another file system"
    assert not shares_root(Path("/backups"), tmp_path / "none")

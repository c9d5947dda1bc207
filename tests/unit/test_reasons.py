"""What restic's failures mean: the reason, and what fixes it."""

import json
from pathlib import Path

import pytest

from agent.backup.reasons import explain, find_reason
from agent.backup.target import Target
from agent.machine.programs.follow import ENDED, Finished

LOCAL = Target("local", "/backups/w", folder=Path("/backups/w"))
CLOUD = Target("s3", "s3:https://s3.amazonaws.com/bucket/w")
BY_COMMAND = Target("s3", CLOUD.repository, {"RESTIC_PASSWORD_COMMAND": "'vault'"})

EXPIRED = """\
rclone: 2026/11/28 18:21:02 CRITICAL: Failed to create file system for "AZ:c/p": HEAD https://x/c/p
rclone: --------------------------------------------------------------------------------
rclone: RESPONSE 403: 403 Server failed to authenticate the request. Make sure the value is right.
rclone: ERROR CODE: AuthenticationFailed
rclone: --------------------------------------------------------------------------------
rclone: Response contained no body
rclone: --------------------------------------------------------------------------------
Fatal: unable to open repository at rclone:AZ:c/p: error talking HTTP to rclone: exit status 1"""
TRACE = """\
Error loading snapshot 7c07c21c: LoadRaw(<snapshot/7c07c21c17>): invalid data returned
github.com/restic/restic/internal/restic.(*SnapshotFilter).findLatest.func1
\tgithub.com/restic/restic/internal/restic/snapshot_find.go:56
golang.org/x/sync/errgroup.(*Group).Go.func1
\tgolang.org/x/sync/errgroup/errgroup.go:78
runtime.goexit
\truntime/asm_here.s:1700"""
PANIC = """\
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]

goroutine 1 [running]:
main.main()
\t/build/restic/cmd/restic/main.go:17 +0x1d"""
FOREIGN = """\
Stat(<config/>) failed: stat /backups/w/config: permission denied
Fatal: unable to open config file: stat /backups/w/config: permission denied
Is there a repository at the following location?
/backups/w"""


def tell(target: Target, code: int, words: str = "", cause: str = "") -> str:
    return str(explain("back up", target, Finished(code, words=words, cause=cause)))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Fatal: config is damaged", "config is damaged"),
        ("Save(<lock/1>) failed, retrying after 1.5s: EOF", "EOF"),
        ("", "it gave no reason"),
        (EXPIRED, "ERROR CODE: AuthenticationFailed"),
        (TRACE, TRACE.splitlines()[0]),
    ],
)
def test_the_line_that_says_why_is_found(words: str, reason: str) -> None:
    assert find_reason(words) == reason


@pytest.mark.parametrize("words", [TRACE, "tree 8 is not known; it could be damaged, run `repair`"])
def test_what_is_damaged_leads_to_the_check(words: str) -> None:
    assert "(`devcopilot backup verify` reports the damage" in tell(LOCAL, 1, words)


def test_an_expired_token_is_named_with_what_to_do() -> None:
    told = tell(CLOUD, 1, EXPIRED)
    assert "AuthenticationFailed" in told
    assert "SAS token has expired" in told


@pytest.mark.parametrize(
    "words", [PANIC, "fatal error: out of memory\n\nruntime stack:\nx\n\ty.go:1"]
)
def test_a_crash_is_told_as_one(words: str) -> None:
    told = tell(LOCAL, 2, words)
    assert f"restic crashed: {words.splitlines()[0]} (" in told
    assert "DEV8_BACKUP_MEMORY" in told


def test_a_restic_that_was_killed_is_said_to_be() -> None:
    assert "restic was killed by SIGKILL (check the memory;" in tell(LOCAL, -9)
    assert "restic was killed by SIGTERM, after saying: x" in tell(CLOUD, -15, "x")


def test_a_local_folder_is_asked_neither_for_a_server_nor_for_keys() -> None:
    told = tell(LOCAL, ENDED, cause="no answer within 45 s")
    assert told == ("cannot back up: no answer within 45 s (check the file system of /backups/w)")
    assert "check that its server can be reached" in tell(
        CLOUD, ENDED, "dial: timeout", "no answer within 45 s"
    )


def test_a_command_for_the_password_that_hangs_is_named() -> None:
    told = tell(BY_COMMAND, ENDED, cause="no answer within 45 s")
    assert "check that the command in DEV8_BACKUP_PASSWORD_COMMAND ends" in told


def test_a_password_that_cannot_be_had_names_its_variable() -> None:
    words = "no vault\nFatal: Resolving password failed: exit status 3"
    assert "DEV8_BACKUP_PASSWORD_COMMAND" in tell(BY_COMMAND, 1, words)
    assert "DEV8_BACKUP_PASSWORD_FILE" in tell(LOCAL, 1, words)


def test_a_password_file_that_is_gone_is_named() -> None:
    target = Target("s3", CLOUD.repository, {"RESTIC_PASSWORD_FILE": "/state/password"})
    words = "Resolving password failed: Fatal: /state/password does not exist"
    assert "restore /state/password from a copy" in tell(target, 1, words)


def test_another_uids_repository_is_named() -> None:
    told = tell(LOCAL, 1, FOREIGN)
    assert "permission denied" in told
    assert "/backups/w belongs to another user" in told


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/backups/w/data/00/x-tmp-1", "free some space there;"),
        ("/tmp/restic-temp-pack-1", "TMPDIR"),
        ("/home/dev8/.cache/devcopilot/restic/x", "free some space in the home folder"),
    ],
)
def test_what_is_full_is_named(path: str, hint: str) -> None:
    assert hint in tell(LOCAL, 1, f"Fatal: write {path}: no space left on device")


def test_what_restic_says_in_json_is_read_in_the_same_way() -> None:
    words = json.loads(json.dumps({"message": TRACE}))["message"]
    assert "asm_here" not in tell(LOCAL, 1, words)

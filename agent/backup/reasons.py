"""What restic's failures mean: the line that says why, and what fixes it."""

import re
import signal
from collections.abc import Mapping

from agent.backup.password_command import LIMIT
from agent.backup.target import Target
from agent.machine.errors import Problem
from agent.machine.formats.lines import split_lines
from agent.machine.light.expressions import regex
from agent.machine.programs.external_commands import SAID_TOO_MUCH
from agent.machine.programs.follow import ENDED, Finished

NO_REPOSITORY, LOCKED, WRONG_PASSWORD = 10, 11, 12
"""Exit codes: https://restic.readthedocs.io/en/stable/075_scripting.html#exit-codes"""

REFUSALS = {
    "Access Denied": "check the keys, and their permission to read and write there",
    "does not match the signature": "check that the secret belongs to this access key",
    "access key Id you provided does not exist": "check the access key",
    "AuthenticationFailed": "check the key, or whether the SAS token has expired",
    "AuthorizationFailure": "check the permissions of the key, or whether the SAS token has "
    "expired",
    "bucket does not exist": "create the bucket first, or check its name",
    "ContainerNotFound": "create the container first, or check its name",
    "ExpiredToken": "set a new session token",
    "difference between the request time": "set the clock: `devcopilot doctor clock` shows how far "
    "it is off",
    "read-only file system": "mount it writable",
    "transport endpoint is not connected": "mount it again: its server has ended",
    "stale NFS file handle": "mount it again: its server has replaced it",
    "disk quota exceeded": "free some space there; earlier backups are unaffected",
}
"""What servers and file systems say that will not change by asking again, and what fixes it."""

NOISE = regex(
    r"""-{8,}$ | Response\ contained\ no\ body | Is\ there\ a\ repository\ at\ the\ following
    | \S+\.(?:go|s):\d+ | (?:github\.com|golang\.org|runtime|main|internal)[./]\S* | goroutine\ \d
    | (?:HEAD|GET|PUT|POST|DELETE)\ https?: | /\S*$""",
    re.VERBOSE,
)
"""What a line begins with that gives no reason: rules, stack traces, requests."""
AROUND = regex(
    r"^rclone: (?:\d{4}/\d\d/\d\d \S+ [A-Z]+ *: )?|^.* retrying after [^:]*: |^(?:Fatal: )+"
)
CRASH = regex(r"^(?:panic: |fatal error: |runtime: |SIG[A-Z]+: )", re.MULTILINE)
VAGUE = (
    "error talking HTTP to rclone",
    "Failed to create file system",
    "unable to open repository",
)
"""What restic says when it only knows that rclone gave up."""
HOW_TO_FREE = {
    "restic-temp": "free some space in the folder for temporary files, or set TMPDIR to another "
    "one",
    "/.cache/": "free some space in the home folder; you can delete its ~/.cache/devcopilot at any "
    "time",
}
DAMAGED = ("invalid data returned", "ciphertext verification failed", "could be damaged, run")
"""What restic says when it cannot make sense of what it finds in a repository."""
PASSWORD_FAILED = "Resolving password failed"  # noqa: S105 - restic's words


def find_reason(words: str) -> str:
    """Return the line of restic's last words that says why, without what it says around it."""
    lines = [AROUND.sub("", line.strip()) for line in split_lines(words)]
    lines = [line for line in lines if line and not NOISE.match(line)]
    told = [line for line in lines if any(text in line for text in REFUSALS)]
    telling = [line for line in lines if not any(text in line for text in VAGUE)]
    return next(reversed(told or telling or lines), "it gave no reason")


def explain(doing: str, target: Target, finished: Finished) -> Problem:
    """Return what went wrong, and what fixes it."""
    cause, hint = _find_cause(target, finished)
    return Problem(f"cannot {doing}: {cause}", _find_hint(target, finished) or hint)


def _find_cause(target: Target, finished: Finished) -> tuple[str, str]:
    words = find_reason(finished.words)
    if CRASH.search(finished.words):
        first = CRASH.search(finished.words)
        line = split_lines(finished.words[first.start() :])[0] if first else ""
        hint = "if it happens again, check the memory; DEV8_BACKUP_MEMORY=100M makes it use less"
        return f"restic crashed: {line}", hint
    if finished.code == ENDED:
        return _explain_end(target, finished)
    if finished.code < 0:
        return _explain_signal(-finished.code, finished)
    return {
        NO_REPOSITORY: (
            f"there is no repository at {target.repository}",
            "`devcopilot backup create` creates one",
        ),
        LOCKED: ("another program has locked the repository", "try again in a while"),
        WRONG_PASSWORD: (
            "the password does not open the repository",
            "set DEV8_BACKUP_PASSWORD_FILE to the password that it was created with",
        ),
    }.get(finished.code, (words, ""))


def _explain_end(target: Target, finished: Finished) -> tuple[str, str]:
    words = find_reason(finished.words) if finished.words else ""
    cause = ": ".join(filter(None, (finished.cause, words)))
    if not words and "RESTIC_PASSWORD_COMMAND" in target.environment:
        return cause, "check that the command in DEV8_BACKUP_PASSWORD_COMMAND ends"
    if target.folder:
        return cause, f"check the file system of {target.folder}"
    return cause, "check that its server can be reached, and the keys"


def _explain_signal(number: int, finished: Finished) -> tuple[str, str]:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = str(number)
    said = f", after saying: {find_reason(finished.words)}" if finished.words else ""
    hint = ""
    if number == signal.SIGKILL:
        hint = "check the memory; DEV8_BACKUP_MEMORY=100M makes it use less"
    return f"restic was killed by {name}{said}", hint


def _find_hint(target: Target, finished: Finished) -> str:
    """Return what fixes it by what restic said; empty: nobody knows."""
    words = finished.words
    if PASSWORD_FAILED in words:
        return _explain_password(target.environment, words)
    if "no space left" in words or "disk quota exceeded" in words:
        places = (hint for text, hint in HOW_TO_FREE.items() if text in words)
        return next(places, "free some space there; earlier backups are unaffected")
    if "permission denied" in words and target.folder:
        return f"{target.folder} belongs to another user: as root, chown -R it to the container's"
    if "already contains keys" in words:
        return f"it contains no backup: delete the files at {target.repository}, and try again"
    if any(text in words for text in DAMAGED):
        return "`devcopilot backup verify` reports the damage, and how to fix it"
    return next((hint for text, hint in REFUSALS.items() if text in words), "")


def _explain_password(environment: Mapping[str, str], words: str) -> str:
    if "does not exist" in words and "RESTIC_PASSWORD_FILE" in environment:
        file = environment["RESTIC_PASSWORD_FILE"]
        return f"restore {file} from a copy, or set DEV8_BACKUP_PASSWORD_FILE to the copy"
    if SAID_TOO_MUCH in words:
        limit = f"it printed more than {LIMIT // 1024} KiB"
        return f"make DEV8_BACKUP_PASSWORD_COMMAND print only the password: {limit}"
    if "RESTIC_PASSWORD_COMMAND" in environment:
        return "check that the command in DEV8_BACKUP_PASSWORD_COMMAND prints the password"
    return "set DEV8_BACKUP_PASSWORD_FILE to a file with the password"

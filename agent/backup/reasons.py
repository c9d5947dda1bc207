"""What restic's failures mean: the line that says why, and what fixes it."""

import re
import signal
from collections.abc import Mapping

from agent.backup.password_command import LIMIT
from agent.backup.target import Target
from agent.machine.commands import SAID_TOO_MUCH
from agent.machine.errors import Problem
from agent.machine.follow import ENDED, Finished
from agent.machine.lines import split_lines

NO_REPOSITORY, LOCKED, WRONG_PASSWORD = 10, 11, 12
"""Exit codes: https://restic.readthedocs.io/en/stable/075_scripting.html#exit-codes"""

REFUSALS = {
    "Access Denied": "are the keys right, and may they read and write there?",
    "does not match the signature": "is the secret the one of this access key?",
    "access key Id you provided does not exist": "is the access key right?",
    "AuthenticationFailed": "is the key right, and has the SAS token expired?",
    "AuthorizationFailure": "may this key read and write there, and has the SAS token expired?",
    "bucket does not exist": "make the bucket first, or is its name wrong?",
    "ContainerNotFound": "make the container first, or is its name wrong?",
    "ExpiredToken": "hand in a new session token",
    "read-only file system": "mount it writable",
}
"""What servers of S3 and Azure say that will not change by asking again, and what fixes it."""

NOISE = re.compile(
    r"""-{8,}$ | Response\ contained\ no\ body | Is\ there\ a\ repository\ at\ the\ following
    | \S+\.(?:go|s):\d+ | (?:github\.com|golang\.org|runtime|main|internal)[./]\S* | goroutine\ \d
    | (?:HEAD|GET|PUT|POST|DELETE)\ https?: | /\S*$""",
    re.VERBOSE,
)
"""What a line begins with that gives no reason: rules, stack traces, requests."""
AROUND = re.compile(
    r"^rclone: (?:\d{4}/\d\d/\d\d \S+ [A-Z]+ *: )?|^.* retrying after [^:]*: |^(?:Fatal: )+"
)
CRASH = re.compile(r"^(?:panic: |fatal error: |runtime: |SIG[A-Z]+: )", re.MULTILINE)
VAGUE = (
    "error talking HTTP to rclone",
    "Failed to create file system",
    "unable to open repository",
)
"""What restic says when it only knows that rclone gave up."""
HOW_TO_FREE = {
    "restic-temp": "make room in the folder for temporary files, or name another one in TMPDIR",
    "/.cache/": "make room in the home; its ~/.cache/devcopilot may be removed at any time",
}
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
        hint = "if it goes on: is there memory enough? DEV8_BACKUP_MEMORY=100M makes it use less"
        return f"restic crashed: {line}", hint
    if finished.code == ENDED:
        return _explain_end(target, finished)
    if finished.code < 0:
        return _explain_signal(-finished.code, finished)
    return {
        NO_REPOSITORY: (
            f"there is no repository at {target.repository}",
            "`devcopilot backup create` makes one",
        ),
        LOCKED: ("another program has locked the repository", "try again in a while"),
        WRONG_PASSWORD: (
            "the password does not open the repository",
            "set DEV8_BACKUP_PASSWORD_FILE to the password that it was made with",
        ),
    }.get(finished.code, (words, ""))


def _explain_end(target: Target, finished: Finished) -> tuple[str, str]:
    words = find_reason(finished.words) if finished.words else ""
    cause = ": ".join(filter(None, (finished.cause, words)))
    if not words and "RESTIC_PASSWORD_COMMAND" in target.environment:
        return cause, "does the command in DEV8_BACKUP_PASSWORD_COMMAND end?"
    if target.folder:
        return cause, f"does the file system of {target.folder} answer?"
    return cause, "is its server reachable, and are the keys right?"


def _explain_signal(number: int, finished: Finished) -> tuple[str, str]:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = str(number)
    said = f", after saying: {find_reason(finished.words)}" if finished.words else ""
    hint = ""
    if number == signal.SIGKILL:
        hint = "was there memory enough? DEV8_BACKUP_MEMORY=100M makes it use less"
    return f"restic was killed by {name}{said}", hint


def _find_hint(target: Target, finished: Finished) -> str:
    """Return what fixes it by what restic said; empty: nobody knows."""
    words = finished.words
    if PASSWORD_FAILED in words:
        return _explain_password(target.environment, words)
    if "no space left" in words or "disk quota exceeded" in words:
        places = (hint for text, hint in HOW_TO_FREE.items() if text in words)
        return next(places, "make room there; nothing that was backed up before is lost")
    if "permission denied" in words and target.folder:
        return f"{target.folder} belongs to another user: as root, chown -R it to the container's"
    if "already contains keys" in words:
        return f"no backup is in it: remove what is at {target.repository}, and try again"
    return next((hint for text, hint in REFUSALS.items() if text in words), "")


def _explain_password(environment: Mapping[str, str], words: str) -> str:
    if "does not exist" in words and "RESTIC_PASSWORD_FILE" in environment:
        file = environment["RESTIC_PASSWORD_FILE"]
        return f"put a copy of {file} back, or let DEV8_BACKUP_PASSWORD_FILE name one"
    if SAID_TOO_MUCH in words:
        limit = f"it printed more than {LIMIT // 1024} KiB"
        return f"let DEV8_BACKUP_PASSWORD_COMMAND print the password alone: {limit}"
    if "RESTIC_PASSWORD_COMMAND" in environment:
        return "run the command in DEV8_BACKUP_PASSWORD_COMMAND: does it print the password?"
    return "DEV8_BACKUP_PASSWORD_FILE must name a file with the password"

"""Parsers for variables: each raises ValueError with the expected format.

The text of the error completes the sentence "NAME=value is not ".
"""

import os
import re
import shlex
from collections.abc import Callable, Mapping
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

from agent.machine.light import texts
from agent.machine.light.expressions import regex
from agent.machine.storage import system_folders
from agent.settings.urls import http_url

_CONTROL = regex(r"[\x00-\x1f\x7f]")
_NUMBER = r"[0-9]{1,18}(?:\.[0-9]{1,9})?"
LONGEST_DURATION = 366 * 86400.0
"""Seconds: a longer one is a mistake, and the sum with a date could leave the calendar."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SWITCH = {
    **dict.fromkeys(("true", "1", "yes", "y", "on"), True),
    **dict.fromkeys(("false", "0", "no", "n", "off"), False),
}


def text(value: str) -> str:
    """Read any text."""
    return value


def absolute_path(value: str) -> Path:
    """Read an absolute path."""
    if not value.startswith("/") or _CONTROL.search(value):
        raise ValueError("an absolute path, such as /workspace")
    return Path(value)


def data_folder(value: str) -> Path:
    """Read the absolute path of a folder for data: none that the system or the kernel fills."""
    path = absolute_path(value)
    _refuse_system(path)
    return path


def _refuse_system(path: Path) -> None:
    if system_folders.include(path):
        raise ValueError(f"a folder for data, such as /workspace: {system_folders.CAUSE}")


def inner_path(value: str) -> str:
    """Read a path below a folder."""
    parts = value.removeprefix("./").split("/")
    if _CONTROL.search(value) or not all(part.strip(".") for part in parts):
        raise ValueError("a path below the folder, such as .devcontainer/demo/devcontainer.json")
    return "/".join(parts)


def plain_path(longest: int) -> Callable[[str], Path]:
    """Return a parser for data folders whose paths are of limited length and need no quotes."""

    def read(value: str) -> Path:
        if len(value) > longest or not re.fullmatch(r"/[A-Za-z0-9/._@+-]*", value):
            raise ValueError(
                f"an absolute path of at most {longest} letters, digits and any of / . _ @ + -"
            )
        _refuse_system(Path(value))
        return Path(value)

    return read


def port(value: str) -> int:
    """Read a TCP port that an unprivileged process can listen on."""
    if not re.fullmatch(r"[0-9]{4,5}", value) or not 1024 <= int(value) <= 65535:
        raise ValueError("a port number from 1024 to 65535")
    return int(value)


def address(value: str) -> str:
    """Read an IP address of the machine, in its usual form."""
    try:
        return str(ip_address(value))
    except ValueError:
        raise ValueError("an IP address, such as 127.0.0.1, 0.0.0.0 or ::") from None


def duration(value: str) -> float:
    """Read a duration as `any_duration` does, of at most LONGEST_DURATION."""
    seconds = any_duration(value)
    if seconds > LONGEST_DURATION:
        raise ValueError(f"a duration of at most {LONGEST_DURATION / 3600:.0f}h")
    return seconds


def any_duration(value: str) -> float:
    """Read a duration in Go's format (30s, 1h30m), or a bare number of seconds; in seconds."""
    parts = re.findall(rf"({_NUMBER})(ms|s|m|h)", value)
    if re.fullmatch(_NUMBER, value):
        parts = [(value, "s")]
    elif not parts or "".join(number + unit for number, unit in parts) != value:
        raise ValueError("a duration, such as 30s, 5m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def positive_duration(value: str) -> float:
    """Read a duration above zero."""
    seconds = duration(value)
    if seconds <= 0:
        raise ValueError("a duration above zero, such as 30s or 5m")
    return seconds


def interval(value: str) -> float:
    """Read the time between two runs: at least a second."""
    seconds = duration(value)
    if seconds < 1:
        raise ValueError("a duration of at least 1s, such as 30s or 5m")
    return seconds


def switch(value: str) -> bool:
    """Read true or false."""
    if value.lower() not in _SWITCH:
        raise ValueError("true or false")
    return _SWITCH[value.lower()]


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a parser for one of these words, of which there are two or more."""
    *first, last = choices

    def read(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(f"{', '.join(first)} or {last}")
        return value.lower()

    return read


def single_line(value: str) -> str:
    """Read a text without line breaks or other control characters."""
    if _CONTROL.search(value):
        raise ValueError("one line of text")
    return value


def matching(pattern: str, form: str) -> Callable[[str], str]:
    """Return a parser for texts of this pattern."""

    def read(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(form)
        return value

    return read


number = matching(r"[0-9]{1,19}", "a number")
"""Used as text, such as an id."""
identifier = matching(r"[A-Za-z0-9._-]{1,100}", "an id: letters, digits, dots and dashes")
"""An id of GitHub's and the like."""
bucket_name = matching(
    r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}",
    "a bare name without scheme or folder, such as my-backups",
)
"""Of a bucket or container: no URL, no folder in it."""


def command(value: str) -> tuple[str, ...]:
    """Read a command, split into words like a shell does; no shell runs it.

    docker's --env-file keeps quotes around the whole command, which would make it one word: a
    program with blanks in its name. Only a path is taken for such a program.
    """
    try:
        words = tuple(shlex.split(value))
        if words and " " in words[0] and not words[0].startswith("/") and _is_wrapped(value):
            words = tuple(shlex.split(texts.unwrap(value, begins_bare=True)))
    except ValueError:
        words = ()
    if not words or not words[0].strip():
        raise ValueError("a command: words, quoted as for a shell")
    return words


def _is_wrapped(value: str) -> bool:
    """Tell whether the first quote belongs to the last: the next is the last, or opens a word."""
    following = value.find(value[0], 1)
    return following == len(value) - 1 or value[following - 1] == " "


REPORT, EXIT = "report", "exit"
"""What can be done about an idle workspace without a command."""


def idle_action(value: str) -> tuple[str, ...]:
    """Read what to do about an idle workspace: one of two words, or a command as above."""
    if value.lower() in (REPORT, EXIT):
        return (value.lower(),)
    form = "report, exit, or a command: words, quoted as for a shell"
    try:
        words = command(value)
    except ValueError:
        raise ValueError(form) from None
    if words[0].lower() in (REPORT, EXIT):  # with more behind it
        raise ValueError(form)
    return words


def host_name(value: str) -> str:
    """Read the bare name of a host."""
    if not re.fullmatch(r"(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", value):
        raise ValueError("a bare host name without scheme, port or path, such as github.com")
    return value.lower()


def home_path(value: str) -> str:
    """Read a path below the home folder, normalized."""
    clean = os.path.normpath(value.removeprefix("~/")) if value else ".."
    if clean.startswith(("/", "..", "~")):
        raise ValueError(
            "paths below the home folder, such as .config/nvim; + adds one, - removes one"
        )
    return clean


def count(value: str) -> int:
    """Read a whole number above zero."""
    if not re.fullmatch(r"[0-9]{1,6}", value) or int(value) == 0:
        raise ValueError("a whole number above zero")
    return int(value)


_SIZES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def byte_size(value: str) -> int:
    """Read a size such as 100M or 1G; in bytes."""
    found = re.fullmatch(r"([0-9]{1,9})([KMG]?)(?:i?B)?", value, re.IGNORECASE)
    if not found or int(found[1]) == 0:
        raise ValueError("a size, such as 100M or 1G")
    return int(found[1]) * _SIZES[found[2].upper()]


def key_prefix(value: str) -> str:
    """Read a folder of an object store, without slashes at its ends."""
    bare = value.strip("/")
    if not re.fullmatch(r"[A-Za-z0-9!_.*'()@+=,/-]+", bare) or ".." in bare.split("/"):
        raise ValueError("a folder such as backups/team, of letters, digits and ! _ . * ' ( ) - /")
    return bare


Schedule = float | str
"""Seconds between two runs, or a cron line of five fields."""
SHORTEST_PAUSE = 60.0


def schedule(value: str) -> Schedule | None:
    """Read a schedule: an interval, a cron line, or off (None), which 0 or less means, too."""
    if value.lower() == "off" or re.fullmatch(r"-.+|0[a-z]*", value):
        return None
    if len(value.split()) > 1:
        return _cron_line(value)
    try:
        seconds = duration(value)
    except ValueError:
        seconds = 0.0
    if seconds < SHORTEST_PAUSE:
        raise ValueError(
            "an interval from 1m to 8784h, a cron line such as '0 3 * * *' (in quotes), or off"
        )
    return seconds


def _cron_line(value: str) -> str:
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - only who has one pays for it

    wrong = "a cron line of five fields: minute, hour, day, month, weekday, such as '0 3 * * 1-5'"
    fields = value.split()
    if len(fields) != 5:
        raise ValueError(wrong)
    try:
        # Any leap year: the 29th of February must exist.
        next(CronSim(" ".join(fields), datetime(2000, 1, 1)))
    except CronSimError as error:
        name = str(error).removeprefix("Bad ")
        raise ValueError(f"{wrong}; its {name} is invalid") from None
    except StopIteration:
        raise ValueError(f"{wrong}; this one never matches") from None
    return " ".join(fields)


S3_OPTIONS = {
    "--endpoint-url": "endpoint",
    "--region": "region",
    "--storage-class": "storage_class",
}
"""Options of `aws s3 cp` that backups use, with their names here."""


def s3_options(value: str) -> Mapping[str, str]:
    """Read options of `aws s3 cp`: the supported ones by name, all others under "ignored"."""
    parts = list(command(value))
    found, ignored = {}, []
    while parts:
        name, equals, after = parts.pop(0).partition("=")
        if name not in S3_OPTIONS:
            ignored += [name] if name.startswith("-") else []
            continue
        found[S3_OPTIONS[name]] = after if equals else (parts.pop(0) if parts else "")
    if "endpoint" in found:
        found["endpoint"] = http_url(found["endpoint"])
    return {**found, "ignored": " ".join(ignored)}

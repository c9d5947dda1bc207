"""The reference that `devcopilot settings` prints and that stands in the documentation.

All of it comes from the declarations themselves; only the list of files is written here.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from agent.machine import runtime
from agent.machine.exits import SIGNAL_BASE, Exit
from agent.settings import compatibility
from agent.settings.everything import variables
from agent.settings.variable import Variable

RUNTIME_FOLDER = "/dev/shm/devcopilot-UID"  # noqa: S108 - its name in the documentation
STATE_FOLDER = "~/.local/state/devcopilot"

FILES = (
    (f"{RUNTIME_FOLDER}/", "the runtime folder: gone with the container, for its user alone"),
    (
        f"{RUNTIME_FOLDER}/{runtime.STATE}",
        "what PID 1 says of itself; `devcopilot status` reads it",
    ),
    (f"{RUNTIME_FOLDER}/{runtime.PROBLEMS}", "what could not be configured, and what mends it"),
    (f"{RUNTIME_FOLDER}/{runtime.SECRETS}/", "the secrets that variables held, a file each (0600)"),
    (f"{RUNTIME_FOLDER}/{runtime.HIDDEN}/", "other secrets, for the log to hide (0600)"),
    (f"{RUNTIME_FOLDER}/{runtime.TOKENS}/", "the GitHub token in use, a file a host (0600)"),
    (f"{RUNTIME_FOLDER}/{runtime.BROKER_SOCKET}", "where git's helper asks for a newer token"),
    (f"{RUNTIME_FOLDER}/{runtime.SSH}/", "the host keys that sshd uses (0600)"),
    (f"{STATE_FOLDER}/", "the state folder: keep it on a volume"),
    ("~/.devcopilot/", "the state folder where ~/.local/state/devcopilot cannot be made"),
    (f"{STATE_FOLDER}/ssh/", "the workspace's host keys to keep, and the keys that may log in"),
    (f"{STATE_FOLDER}/code-server/password", "the password that was made for code-server"),
    (f"{STATE_FOLDER}/code-server/hash.json", "the hash of its password: as secret as a session"),
    ("~/.config/code-server/config.yaml", "the same login for a code-server started by hand"),
    (f"{STATE_FOLDER}/gitconfig", "git's defaults; your ~/.gitconfig overrides them"),
    (f"{STATE_FOLDER}/gitconfig-signing", "git's settings for signing with your SSH key"),
    (
        f"{STATE_FOLDER}/github-refresh/",
        "the refresh token that follows yours (0600)",
    ),
    (f"{STATE_FOLDER}/owned.json", "which files the agent wrote, to take back only those"),
    (f"{STATE_FOLDER}/backup/password", "the password that was made for backups in BACKUP_DIR"),
    (f"{STATE_FOLDER}/backup/record.json", "what is known of the backups on each target"),
    (f"{STATE_FOLDER}/backup/undo.json", "what `devcopilot backup undo` takes back"),
    (f"{STATE_FOLDER}/backup/workspace-id", "by what the workspace knows its own backups"),
    (f"{STATE_FOLDER}/backup/hostnames", "the names that its containers had"),
    (f"{STATE_FOLDER}/backup/runs/", "which restic was started: a lock of one that ended is dead"),
    (f"{STATE_FOLDER}/backup/lock", "held by the command that works on the backups"),
    (f"{STATE_FOLDER}/backup/waiting", "by what a command tells a scheduled one that it waits"),
    (f"{STATE_FOLDER}/backup/partial", "links to folders that a restore is filling"),
    (f"{STATE_FOLDER}/databases/", "consistent copies of SQLite databases, for the backups"),
    ("~/.cache/devcopilot/restic/", "restic's cache; it may be removed"),
    (f"{STATE_FOLDER}/tools.json", "which AI tools could not be installed, and why"),
    (
        "~/.local/share/devcopilot/tools/",
        "the AI tools that were installed; ~/.local/bin has links",
    ),
    ("~/.config/devcopilot/hosts.d/HOST.toml", "further GitHub hosts; see docs/github.md"),
    ("/etc/devcopilot/hosts.d/HOST.toml", "further GitHub hosts, from the image or a mount"),
    ("~/.config/devcopilot/services.d/*.toml", "your own services"),
    ("/etc/devcopilot/services.d/*.toml", "your own services, from the image or a mount"),
)
"""Files that a user may meet: (path, what it is)."""

OUTCOMES = {
    "ignored": "accepted with a warning",
    "silent": "accepted",
}


def document() -> dict[str, object]:
    """Return the whole reference as values for JSON."""
    return {
        "variables": [
            {
                "name": entry.name,
                "group": group,
                "aliases": list(entry.aliases),
                "file": f"{entry.name}_FILE" if entry.secret else None,
                "secret": entry.secret,
                "default": entry.default,
                "meaning": entry.doc,
            }
            for group, entry in variables()
        ],
        "exit_codes": [{"code": code, "meaning": meaning} for code, meaning in exit_codes()],
        "files": [{"path": path, "meaning": meaning} for path, meaning in FILES],
        "old_variables": [
            {"name": name, "outcome": outcome, "reason": reason}
            for name, outcome, reason in old_variables()
        ],
    }


def exit_codes() -> Iterator[tuple[str, str]]:
    """Yield (code, meaning) of every exit code."""
    for code in Exit:
        yield str(int(code)), code.doc
    yield f"{SIGNAL_BASE} + N", "CMD was ended by signal N."


def old_variables() -> Iterator[tuple[str, str, str]]:
    """Yield (name, outcome, reason) for every variable of the original and its Go supervisor."""
    for kept in compatibility.KEPT:
        yield kept.name, "kept", kept.doc
    for old in compatibility.VARIABLES:
        yield old.name, OUTCOMES[old.verdict], old.doc


# --- as plain text ------------------------------------------------------------------------------


def render_text() -> str:
    """Return the reference for a terminal."""
    lines = []
    for group, entries in _by_group():
        lines.append(group)
        for entry in entries:
            lines.append(f"  {entry.name}{_default_text(entry)}")
            lines.append(_indent(entry.doc))
            others = _other_names(entry)
            lines += [_indent(f"Also: {', '.join(others)}")] if others else []
        lines.append("")
    for title, rows in (("Exit codes", exit_codes()), ("Files", FILES)):
        lines.append(title)
        lines += [f"  {name}\n{_indent(meaning)}" for name, meaning in rows]
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _indent(text: str) -> str:
    return textwrap.fill(
        text, 96, initial_indent=" " * 6, subsequent_indent=" " * 6, break_on_hyphens=False
    )


def _default_text(entry: Variable) -> str:
    return "" if entry.default is None else f"  (default {entry.default})"


# --- as Markdown --------------------------------------------------------------------------------


def sections() -> dict[str, str]:
    """Return the parts that stand in the documentation, by the name in their markers."""
    return {
        "variables": "\n".join(_variables_markdown()),
        "exit codes": table(("code", "meaning"), exit_codes()),
        "files": table(("path", "what it is"), ((f"`{path}`", doc) for path, doc in FILES)),
        "old variables": table(
            ("variable", "outcome", "why, or what is different"),
            ((f"`{name}`", outcome, reason) for name, outcome, reason in old_variables()),
        ),
    }


def _variables_markdown() -> Iterator[str]:
    for number, (group, entries) in enumerate(_by_group()):
        yield f"{'' if number == 0 else chr(10)}### {group}\n"
        yield table(
            ("variable", "default", "meaning"),
            (
                (
                    "<br>".join(f"`{name}`" for name in (entry.name, *_other_names(entry))),
                    f"`{entry.default}`" if entry.default else "",
                    entry.doc,
                )
                for entry in entries
            ),
        )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |"
                     for line in lines)  # fmt: skip


# --- what both need -----------------------------------------------------------------------------


def _by_group() -> Iterator[tuple[str, list[Variable]]]:
    for group, pairs in groupby(variables(), key=lambda pair: pair[0]):
        yield group, [entry for _, entry in pairs]


def _other_names(entry: Variable) -> list[str]:
    return [name for name in entry.names if name != entry.name]

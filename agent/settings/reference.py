"""The reference that `devcopilot settings` prints and the documentation contains.

It is generated from the declarations; only the files that are no documents are written here.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from agent.machine.light import runtime, termination
from agent.machine.light.exits import SIGNAL_BASE, Exit
from agent.machine.records.documents import RUNTIME, STATE, Document
from agent.settings import compatibility
from agent.settings.certificates import ALL, FOLDER, MORE, STORE
from agent.settings.everything import variables
from agent.settings.variable import Variable

Rows = Iterable[tuple[str, str]]

FILES = (
    (f"{RUNTIME}/", "runtime folder: private, deleted with the container"),
    (f"{RUNTIME}/{runtime.SECRETS}/", "secrets from variables, one file each (0600)"),
    (f"{RUNTIME}/{runtime.HIDDEN}/", "other secrets that the log must hide (0600)"),
    (f"{RUNTIME}/{runtime.TOKENS}/", "current GitHub tokens, one file for each host (0600)"),
    (f"{RUNTIME}/{runtime.BROKER_SOCKET}", "socket where git's helper asks for a new token"),
    (f"{RUNTIME}/{runtime.READY}", "exists from when the workspace is ready until it stops"),
    (f"{RUNTIME}/{runtime.PROJECT}", "the folder in which ssh logins start"),
    (f"{RUNTIME}/{FOLDER}/{ALL}", "the public certificates and those of DEV8_CA_FILE"),
    (f"{RUNTIME}/{FOLDER}/{STORE}", "what all.pem holds, for Java"),
    (f"{RUNTIME}/{FOLDER}/{MORE}", "the certificates of DEV8_CA_FILE"),
    (f"{RUNTIME}/log/UNIT.log", "output of the last run of a unit; UNIT.log.1 is the one before"),
    (f"{RUNTIME}/history.ring", "what the workspace used in the last 24 hours, for the page"),
    (f"{RUNTIME}/milestones/NAME", "steps of your own that are done: `devcopilot done NAME`"),
    (f"{RUNTIME}/{runtime.SSH}/", "host keys of sshd, variables for bash and fish (0600)"),
    (f"{STATE}/", "state folder: keep it on a volume"),
    ("~/.devcopilot/", "state folder if ~/.local/state/devcopilot cannot be created"),
    (f"{STATE}/ssh/", "host keys of the workspace, and public keys that may log in"),
    (f"{STATE}/code-server/password", "generated password of code-server"),
    (f"{STATE}/code-server/hash.json", "hash of a given password, as secret as the password"),
    ("~/.config/code-server/config.yaml", "the same login, for a code-server of your own"),
    (f"{STATE}/gitconfig", "defaults for git; your ~/.gitconfig overrides them"),
    (f"{STATE}/gitconfig-signing", "git settings for signing with your ssh key"),
    (f"{STATE}/backup/password", "generated password for backups in BACKUP_DIR"),
    (f"{STATE}/backup/workspace-id", "id that marks this workspace's own backups"),
    (f"{STATE}/backup/runs/", "restic processes of ours, to recognize stale locks"),
    (f"{STATE}/backup/lock", "lock that allows one backup command at a time"),
    (f"{STATE}/backup/waiting", "mark of a command that waits for a scheduled one"),
    (f"{STATE}/backup/partial", "links to folders of a running restore"),
    (f"{STATE}/databases/", "consistent copies of SQLite databases, for the backups"),
    ("~/.cache/devcopilot/restic/", "cache of restic; can be deleted"),
    (
        "~/.local/share/devcopilot/tools/",
        "installed AI tools; ~/.local/bin has links to them",
    ),
    ("~/.config/devcopilot/hosts.d/HOST.toml", "additional GitHub hosts; see docs/github.md"),
    ("/etc/devcopilot/hosts.d/HOST.toml", "additional GitHub hosts, from the image or a mount"),
    ("~/.config/devcopilot/services.d/*.toml", "your own services"),
    ("/etc/devcopilot/services.d/*.toml", "your own services, from the image or a mount"),
    (
        termination.PATH,
        "last problems, which `kubectl describe pod` shows; only where it is mounted",
    ),
)
"""Other files that a user may see: (path, meaning)."""

OUTCOMES = {
    "ignored": "accepted with a warning",
    "silent": "accepted",
}


def find_files(documents: Iterable[Document[Any]]) -> list[tuple[str, str]]:
    """Return (path, meaning) of these documents and all other files, by path."""
    return sorted([*FILES, *((f"{each.folder}/{each.name}", each.meaning) for each in documents)])


def document(files: Rows) -> dict[str, object]:
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
        "files": [{"path": path, "meaning": meaning} for path, meaning in files],
        "old_variables": [
            {"name": name, "outcome": outcome, "reason": reason}
            for name, outcome, reason in old_variables()
        ],
    }


def exit_codes() -> Iterator[tuple[str, str]]:
    """Yield (code, meaning) of every exit code."""
    for code in Exit:
        yield str(int(code)), code.doc
    yield f"{SIGNAL_BASE} + N", "Signal N ended CMD."


def old_variables() -> Iterator[tuple[str, str, str]]:
    """Yield (name, outcome, reason) for every variable of the original and its Go supervisor."""
    for kept in compatibility.KEPT:
        yield kept.name, "kept", kept.doc
    for old in compatibility.VARIABLES:
        yield old.name, OUTCOMES[old.verdict], old.doc


# --- as plain text ------------------------------------------------------------------------------


def render_text(files: Rows) -> str:
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
    for title, rows in (("Exit codes", exit_codes()), ("Files", files)):
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


def sections(files: Rows) -> dict[str, str]:
    """Return the generated parts of the documentation, by the name in their markers."""
    return {
        "variables": "\n".join(_variables_markdown()),
        "exit codes": table(("code", "meaning"), exit_codes()),
        "files": table(("path", "what it is"), ((f"`{path}`", doc) for path, doc in files)),
        "old variables": table(
            ("variable", "outcome", "reason or difference"),
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
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |"
                     for line in lines)  # fmt: skip


# --- shared -------------------------------------------------------------------------------------


def _by_group() -> Iterator[tuple[str, list[Variable]]]:
    for group, pairs in groupby(variables(), key=lambda pair: pair[0]):
        yield group, [entry for _, entry in pairs]


def _other_names(entry: Variable) -> list[str]:
    return [name for name in entry.names if name != entry.name]

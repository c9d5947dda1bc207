"""AI tools: the files through which Claude Code, Codex and Gemini CLI find their keys.

No key goes into an environment or a shell's start-up file. Copilot needs nothing here: it takes
gh's login, which follows the token's rotation as long as no variable with a token is set.
"""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from agent import runtime
from agent.errors import Problem
from agent.plan import Edit, File, Keep, Resource
from agent.secret import SecretInput
from agent.settings import Settings
from agent.system import Facts

MARK = "# devcopilot"
"""The end of every command that the agent puts into a file of the user: by it we know our own."""

Document = dict[str, Any]


def resources(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield each tool's files: with a key what it needs, without one what takes that back."""
    yield from claude(settings.ai.anthropic_key, facts)
    yield from codex(settings.ai.openai_key, facts)
    yield from gemini(settings.ai.gemini_key, facts)


def claude(source: SecretInput | None, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield Claude Code's files: its `apiKeyHelper` prints the key, which it never stores.

    https://code.claude.com/docs/en/settings; the second file keeps its first start from asking.
    """
    key = find_key(source, facts)
    if isinstance(key, Problem):
        yield key
    command = f"cat {shlex.quote(str(_find_file(source, facts)))} {MARK}" if source else None
    wanted = source is not None
    yield _edit(facts.home / ".claude/settings.json", wanted, partial(set_key_helper, command))
    yield _edit(
        facts.home / ".claude.json",
        wanted,
        partial(set_default, wanted, ("hasCompletedOnboarding",), True),
    )


def codex(source: SecretInput | None, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield Codex's auth.json, as `codex login --with-api-key` writes it."""
    yield from _key_file(
        source,
        facts,
        facts.home / ".codex/auth.json",
        lambda key: json.dumps({"auth_mode": "apikey", "OPENAI_API_KEY": key}) + "\n",
    )


def gemini(source: SecretInput | None, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield Gemini CLI's .env, and the choice of a key as its way to sign in."""
    yield from _key_file(
        source, facts, facts.home / ".gemini/.env", lambda key: f"GEMINI_API_KEY='{key}'\n"
    )
    wanted = source is not None
    yield _edit(
        facts.home / ".gemini/settings.json",
        wanted,
        partial(set_default, wanted, ("security", "auth", "selectedType"), "gemini-api-key"),
    )


def find_key(source: SecretInput | None, facts: Facts) -> str | Problem | None:
    """Return the key, None when none was given, or what is wrong with it."""
    found = facts.secret(source)
    if source is None or found is None or isinstance(found, Problem):
        return found if isinstance(found, Problem) else None
    if not re.fullmatch(r"[!-~]+", found.reveal()) or re.search(r"['\"\\]", found.reveal()):
        return Problem(
            f"cannot use {source.variable}: it has spaces, quotes or line breaks in it",
            f"set {source.variable} to the key alone",
        )
    return found.reveal()


def set_key_helper(command: str | None, document: Document) -> Document:
    """Return Claude's settings with this helper, or without ours; the user's own stays."""
    present = document.get("apiKeyHelper")
    if present is not None and not str(present).endswith(MARK):
        return document
    others = {name: value for name, value in document.items() if name != "apiKeyHelper"}
    if command is None:
        return others
    return document if present == command else {**others, "apiKeyHelper": command}


def set_default(wanted: bool, path: tuple[str, ...], value: object, document: Document) -> Document:
    """Return the document with this value where the user has none.

    If it is not wanted, a document that holds nothing else is emptied; any other stays as it is,
    since the user has worked with it.
    """
    alone: Any = value
    for name in reversed(path):
        alone = {name: alone}
    if not wanted:
        return {} if document == alone else document
    return _merge_missing(document, alone)


def _merge_missing(document: Document, defaults: Mapping[str, Any]) -> Document:
    merged = dict(document)
    for name, value in defaults.items():
        if isinstance(value, dict) and isinstance(merged.get(name, {}), dict):
            merged[name] = _merge_missing(merged.get(name, {}), value)
        else:
            merged.setdefault(name, value)
    return merged


def _key_file(
    source: SecretInput | None, facts: Facts, path: Path, encode: Callable[[str], str]
) -> Iterator[Resource | Problem]:
    """Yield the file that holds a key. While the key cannot be read, the file stays as it is."""
    key = find_key(source, facts)
    if isinstance(key, Problem):
        yield key
        yield Keep(path)
    elif key is not None:
        yield File(path, encode(key).encode(), 0o600)


def _find_file(source: SecretInput | None, facts: Facts) -> Path | None:
    """Return the file that a secret lies in while the container lives."""
    if source is None:
        return None
    return source.file or facts.runtime / runtime.SECRETS / source.variable


def _edit(path: Path, wanted: bool, change: Callable[[Document], Document]) -> Edit:
    """Return an edit of a JSON object in a user's file; an empty object means no file.

    A file that is none is a problem only if something is wanted in it: otherwise it is not ours.
    """

    def edit(present: bytes | None) -> bytes | Problem | None:
        try:
            document = json.loads(present) if present and present.strip() else {}
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict) and not wanted:
            return present
        if not isinstance(document, dict):
            return Problem(f"left {path} alone: it is not a JSON object", f"mend or remove {path}")
        changed = change(document)
        if changed == document:
            return present
        return (
            json.dumps(changed, indent=2, ensure_ascii=False).encode() + b"\n" if changed else None
        )

    return Edit(path, edit)

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

from agent.machine import jsonc, runtime
from agent.machine.errors import Problem
from agent.machine.files import SETTINGS
from agent.machine.parsing import parse_json, parse_toml
from agent.machine.places import find_folder
from agent.machine.plan import Edit, File, Keep, Resource
from agent.machine.secret import SecretInput
from agent.machine.system import Facts
from agent.settings.context import Context
from agent.settings.step import Step
from agent.tools.tool import AiTool

MARK = "# devcopilot"
"""The end of every command that the agent puts into a file of the user: by it we know our own."""

CODEX_REFUSALS = {"cli_auth_credentials_store": ("keyring",), "forced_login_method": ("chatgpt",)}
"""Settings of Codex with which it does not read auth.json, or takes no key from it."""

Document = dict[str, Any]
Reader = Callable[[str], Any]
"""Raises ValueError for what the tool could not read."""


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield each tool's files: with a key what it needs, without one what takes that back."""
    settings, facts = context.settings, context.facts
    for tool in TOOLS:
        yield from tool.resources(tool.key(settings), facts)


def claude(source: SecretInput | None, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield Claude Code's files: its `apiKeyHelper` prints the key, which it never stores.

    https://code.claude.com/docs/en/settings; the second file keeps its first start from asking.
    """
    key = find_key(source, facts)
    if isinstance(key, Problem):
        yield key
    command = f"cat {shlex.quote(str(_find_file(source, facts)))} {MARK}" if source else None
    usual = facts.home / ".claude/settings.json", facts.home / ".claude.json"
    folder = find_folder(facts, "CLAUDE_CONFIG_DIR", ".claude", "Claude Code", empty_is_unset=False)
    wanted = source is not None
    if isinstance(folder, Problem):
        if wanted:
            yield folder
        return
    moved = folder / "settings.json", folder / ".claude.json"
    files = moved if facts.environ.get("CLAUDE_CONFIG_DIR") else usual
    if files != usual:
        yield _edit(usual[0], False, partial(set_key_helper, None))
    yield _edit(files[0], wanted, partial(set_key_helper, command))
    yield _edit(files[1], wanted, partial(set_default, wanted, ("hasCompletedOnboarding",), True))


def codex(source: SecretInput | None, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield Codex's auth.json, as `codex login --with-api-key` writes it."""
    folder = find_folder(facts, "CODEX_HOME", ".codex", "Codex")
    if isinstance(folder, Problem):
        if source:
            yield folder
        return
    yield from _key_file(
        source,
        facts,
        folder / "auth.json",
        lambda key: json.dumps({"auth_mode": "apikey", "OPENAI_API_KEY": key}) + "\n",
    )
    if source:
        yield from check_codex(folder / "config.toml", facts)


def check_codex(path: Path, facts: Facts) -> Iterator[Problem]:
    """Yield what in Codex's own settings keeps it from the key in auth.json.

    https://github.com/openai/codex/blob/main/docs/config.md
    """
    try:
        document = parse_toml(facts.read(path, SETTINGS) or b"")
    except (OSError, ValueError):
        return  # Codex itself says so, at each start
    for name, words in CODEX_REFUSALS.items():
        if document.get(name) in words:
            yield Problem(
                f"Codex does not use OPENAI_API_KEY: {path} sets {name} to {document[name]}",
                f"remove {name} from {path}, or unset OPENAI_API_KEY",
            )


def gemini(source: SecretInput | None, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield Gemini CLI's .env, and the choice of a key as its way to sign in."""
    # What the variable names stands for the home.
    home = find_folder(facts, "GEMINI_CLI_HOME", "", "Gemini CLI")
    wanted = source is not None
    if isinstance(home, Problem):
        if wanted:
            yield home
        return
    yield from _key_file(
        source, facts, home / ".gemini/.env", lambda key: f"GEMINI_API_KEY='{key}'\n"
    )
    yield _edit(
        home / ".gemini/settings.json",
        wanted,
        partial(set_default, wanted, ("security", "auth", "selectedType"), "gemini-api-key"),
        jsonc.parse,
    )


TOOLS = (
    AiTool("claude", "Claude Code", lambda settings: settings.ai.anthropic_key, claude),
    AiTool("codex", "Codex", lambda settings: settings.ai.openai_key, codex),
    AiTool("gemini", "Gemini CLI", lambda settings: settings.ai.gemini_key, gemini),
)
"""Every tool; docker/mvp/ai has a lock file for each, which names its package and version."""


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


def read_json(text: str) -> Any:
    """Return what a text holds for Claude Code: no comments, but a byte order mark does no harm.

    Raises ValueError.
    """
    return parse_json(text.removeprefix("\ufeff"))


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


def _edit(
    path: Path, wanted: bool, change: Callable[[Document], Document], read: Reader = read_json
) -> Edit:
    """Return an edit of a JSON object in a user's file; an empty object means no file.

    `read` reads as the tool does. A file that the tool cannot read is a problem only if something
    is wanted in it: otherwise it is not ours.
    """

    def edit(present: bytes | None) -> bytes | Problem | None:
        try:
            text = (present or b"").decode()
            document = read(text) if text.strip() else {}
        except ValueError:
            document = None
        if not isinstance(document, dict):
            problem = Problem(f"left {path} alone: it is not a JSON object",
                              f"mend or remove {path}")  # fmt: skip
            return problem if wanted else present
        changed = change(document)
        if changed == document:
            return present
        if not changed:
            return None if jsonc.blank_comments(text) == text else present
        return _encode(text, changed, read)

    return Edit(path, edit)


def _encode(text: str, document: Document, read: Reader) -> bytes:
    """Return the document; the text that is there stays as it stands if that only lacks something.

    Of a text with comments nothing is ever taken away.
    """
    if text.strip():
        longer = jsonc.add_missing(text, document)
        if read(longer) == document:
            return longer.encode()
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


STEP = Step("ai", resources)

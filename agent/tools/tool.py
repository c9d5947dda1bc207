"""The AI tools: what each is, where the agent puts one, and what is known of it.

An installed tool is a whole folder, named for the lock file that it was made from:
~/.local/share/devcopilot/tools/NAME/DIGEST. Only a link in ~/.local/bin brings it on the PATH, so
that nothing half done is ever there. The folders and the link are all the memory that is needed.
No part of it holds a secret.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.formats.parsing import parse_json
from agent.machine.light.files import SETTINGS, read_file
from agent.machine.planning.ledger import digest
from agent.machine.planning.resources import Resource
from agent.machine.secret import SecretInput
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.everything import Settings
from agent.tools.config_entries import Config
from agent.tools.mcp import Server

LOCKS = Path("/usr/local/share/devcopilot/ai")
"""Folder of the image: NAME/package.json and NAME/package-lock.json for each tool."""
MANIFEST, LOCK = "package.json", "package-lock.json"
_FOLDER = ".local/share/devcopilot/tools"
_LINKS = ".local/bin"
AUTO = "auto"
UNIT = "tools"
"""The unit that installs them; each has a part of it."""


@frozen
class Models:
    """How a key asks its host for the list of models: that costs nothing and shows if it counts."""

    path: str
    header: str
    """Which has the key."""
    scheme: str = ""
    """What stands before it there."""
    more: Mapping[str, str] = field(default_factory=dict)
    """Other headers."""
    refusal: bytes = b""
    """What an answer with status 400 holds where it means that the key is refused."""


@frozen
class Login:
    """A secret with which a tool signs in."""

    variable: str
    """What the tool itself reads first, if a shell exports it."""
    find: Callable[[Settings], SecretInput | None]
    models: Models | None = None


@frozen
class Endpoint:
    """The server that a tool talks to."""

    url: str
    variable: str = ""
    """What the tool reads another one from."""

    def find(self, environ: Mapping[str, str]) -> str:
        """Return the URL that the tool uses in this environment."""
        return environ.get(self.variable) or self.url


@frozen
class Sandbox:
    """How a tool shows whether the commands that it runs get a sandbox here."""

    words: tuple[str, ...]
    """Its own words, before a command, to run that in it."""
    find_settings: Callable[[Facts], Path | Problem]
    """Where the user's settings are."""
    off: tuple[str, str]
    """The setting there, and its value, with which it needs no sandbox."""


@frozen
class AiTool:
    """A command line tool of an AI."""

    name: str
    """Its program, the folder of its lock file, and its word in DEV8_AI_TOOLS."""
    title: str
    logins: tuple[Login, ...]
    resources: Callable[[Settings, Facts], Iterable[Resource | Problem]]
    """The files through which it finds them."""
    servers: Config[Mapping[str, Server]] | None = None
    """Where it keeps its MCP servers."""
    trust: Config[Path] | None = None
    """Where it keeps which folders it trusts."""
    endpoint: Endpoint | None = None
    """The server that it needs with one of its secrets; None: that of GitHub's login."""
    status: tuple[str, ...] = ()
    """Its own words that tell, by the exit code, whether it is signed in."""
    sandbox: Sandbox | None = None
    """None: it runs commands without one, or cannot show it."""
    overrides: tuple[str, ...] = ()
    """Variables that it prefers to GitHub's login, if a shell exports them."""
    secrets: tuple[str, ...] = ()
    """Its files with secrets, below the home, as patterns: closed to others, and in no backup."""
    kept: tuple[str, ...] = ()
    """Its files that people write, below the home: each backup has them."""
    project: tuple[str, ...] = ()
    """Its files in a repository that name commands or servers: a change asks for trust again. What
    ends with / is a folder, and all in it counts."""
    headless: tuple[str, ...] = ()
    """Words with which it does one task and ends."""
    fed: str = ""
    """Option with which another program talks to it even so, and it waits for that."""

    def has_login(self, settings: Settings) -> bool:
        """Return whether one of its secrets was given."""
        return any(login.find(settings) for login in self.logins)


def find_wanted(tools: Iterable[AiTool], settings: Settings) -> tuple[AiTool, ...]:
    """Return the tools that are to be there: named, or with their key given."""
    words = settings.ai.tools
    return tuple(
        tool for tool in tools if tool.name in words or (AUTO in words and tool.has_login(settings))
    )


# --- where it lies ------------------------------------------------------------------------------


def folder_of(tool: AiTool, facts: Facts) -> Path:
    """Return the folder that holds the tool's versions, each a folder."""
    return facts.home / _FOLDER / tool.name


def link_of(tool: AiTool, facts: Facts) -> Path:
    """Return the link that brings the tool on the PATH."""
    return facts.home / _LINKS / tool.name


def find_version(tool: AiTool, facts: Facts) -> Path | None:
    """Return the folder that the link leads into; None: there is no link of ours."""
    link, top = link_of(tool, facts), folder_of(tool, facts)
    try:
        target = Path(os.path.normpath(link.parent / link.readlink()))
    except OSError:
        return None
    return top / target.relative_to(top).parts[0] if top in target.parents else None


def find_other(tool: AiTool, facts: Facts) -> Path | None:
    """Return where the tool is on the PATH by another way than our link."""
    ours = str(link_of(tool, facts).parent)
    folders = facts.environ.get("PATH", os.defpath).split(":")
    path = ":".join(folder for folder in folders if folder != ours)
    found = shutil.which(tool.name, path=path)
    return Path(found) if found else None


def find_program(folder: Path, name: str) -> Path:
    """Return the tool's program in a folder that npm has filled.

    A native program stands in the package of its platform; what npm links would only start it.
    """
    native = (path for path in folder.glob(f"node_modules/@*/*/{name}") if path.is_file())
    return next(native, folder / "node_modules/.bin" / name)


def find_digest(locks: Path, tool: AiTool, facts: Facts) -> str | None:
    """Return what names the version that the image's lock file asks for; None: it has none."""
    content = facts.read(locks / tool.name / LOCK)
    return digest_lock(content) if content is not None else None


def digest_lock(content: bytes) -> str:
    """Return what names the version that a lock file asks for."""
    return digest(content)[:16]


def read_package(folder: Path) -> str | None:
    """Return the package that a folder is there for, with its version."""
    try:
        wanted = parse_json(read_file(folder / MANIFEST, SETTINGS))["dependencies"]
        return " ".join(f"{name} {version}" for name, version in wanted.items())
    except (OSError, ValueError, KeyError, AttributeError):
        return None

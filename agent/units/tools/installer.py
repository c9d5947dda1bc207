"""The installer of AI tools: `npm ci` from the image's lock file into the home folder.

It runs beside the workspace and may be killed at any moment: a version is made in a folder next to
its place, renamed whole, and only then linked. The next run removes what a killed one left behind.
"""

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from agent.machine.errors import HintedError
from agent.machine.formats.lines import split_lines
from agent.machine.light import runtime
from agent.machine.light.expressions import regex
from agent.machine.light.files import STATE, read_file
from agent.machine.programs import steering
from agent.machine.system import Facts
from agent.tools.tool import (
    LOCK,
    LOCKS,
    MANIFEST,
    AiTool,
    digest_lock,
    find_digest,
    find_other,
    find_program,
    find_version,
    folder_of,
    link_of,
)
from agent.units.tools import engines
from agent.units.unit import StoppedError, Unit
from agent.units.unit_command import Ended

TIME_LIMIT = 900.0
"""Seconds that one tool may take: it is hundreds of megabytes."""
TRIAL_LIMIT = 60.0
"""Seconds that a new tool has to print its version."""
PULSE = 2.0
"""Seconds between two looks at the size of a tool that is coming: it is thousands of files."""

_STAGING = "new"
_CACHE = ".cache"
_OUTPUT = ".npm.json"
_CREDENTIALS = regex(r"//[^/@\s]*@")

NPM_OPTIONS = (
    *("--json", "--ignore-scripts", "--omit=dev", "--include=optional", "--engine-strict=false"),
    *("--no-audit", "--no-fund", "--no-update-notifier", "--logs-max=0"),
    *("--fetch-retries=2", "--fetch-retry-mintimeout=2000", "--fetch-retry-maxtimeout=10000"),
)
"""No script of a package runs; where to fetch from, and through what, npm's own settings say."""


class TimeLimitError(Exception):
    """npm took longer than TIME_LIMIT."""


class ToolError(HintedError):
    """A tool cannot be installed; without a hint, trying again may help."""


class LackError(ToolError):
    """The image cannot have the tool; nothing is broken."""


class Installer:
    """Brings one tool on the PATH, for its unit."""

    def __init__(self, facts: Facts, unit: Unit, *, behind: bool = False) -> None:
        """With `behind` everything else in the workspace comes first."""
        self._facts = facts
        self._unit = unit
        self._behind = behind
        self._looked = 0.0

    def is_due(self, tool: AiTool) -> bool:
        """Return whether there is something to do: it is missing, or ours and of another lock file.

        A program that somebody else put on the PATH is never touched.
        """
        program, link = self._facts.which(tool.name), link_of(tool, self._facts)
        if program is None:
            return True
        version = find_version(tool, self._facts)
        wanted = find_digest(LOCKS, tool, self._facts)
        return program == link and version is not None and wanted not in (None, version.name)

    def install(self, tool: AiTool) -> None:
        """Install a tool that is due.

        Raises ToolError, TimeLimitError, StoppedError and OSError.
        """
        npm = self._facts.which("npm")
        content = self._facts.read(LOCKS / tool.name / LOCK)
        if npm is None or content is None:
            lack = "npm is not installed" if npm is None else "this image has no lock file for it"
            raise LackError(lack, "use dev8-mvp, install it yourself, or set DEV8_AI_TOOLS=off")
        if old := engines.find_lack(content, self._facts):
            raise LackError(
                old,
                "use an image with a newer one (NODE_MAJOR=22 make build), or install it in "
                "~/.local/bin",
            )
        link = link_of(tool, self._facts)
        if os.path.lexists(link) and find_version(tool, self._facts) is None:
            raise ToolError(
                f"left {link} alone: it does not run, and the agent did not create it",
                f"remove {link} to let the agent install {tool.title}",
            )
        self._bring(tool, npm, digest_lock(content))
        if self._facts.which(tool.name) is None:
            raise ToolError(
                f"installed, but {link.parent} is not on the PATH",
                f"put {link.parent} on the container's PATH",
            )

    def clean(self, tool: AiTool) -> None:
        """Remove what a killed run or an earlier version left behind, if there is any.

        An image that has got the tool by now is what it comes from: our link would hide it.
        """
        if find_version(tool, self._facts) and find_other(tool, self._facts):
            link_of(tool, self._facts).unlink(missing_ok=True)
        top = folder_of(tool, self._facts)
        wanted = find_digest(LOCKS, tool, self._facts)
        kept = {find_version(tool, self._facts), top / wanted if wanted else None}
        for folder in top.iterdir() if top.is_dir() else ():
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _bring(self, tool: AiTool, npm: Path, wanted: str) -> None:
        """Make the version unless it is there, and link it. Raises as `install` does."""
        place = folder_of(tool, self._facts) / wanted
        if not place.is_dir():
            staging = place.parent / _STAGING
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(parents=True)
            try:
                self._fill(tool, npm, staging)
                staging.rename(place)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        self._link(tool, find_program(place, tool.name))

    def _fill(self, tool: AiTool, npm: Path, staging: Path) -> None:
        """Let npm fill the folder, and try what it made. Raises as `install` does."""
        for name in (MANIFEST, LOCK):
            content = self._facts.read(LOCKS / tool.name / name) or b""
            runtime.write_atomic(str(staging / name), content, 0o644)
        argv = (str(npm), "ci", *NPM_OPTIONS, f"--cache={staging / _CACHE}")
        taken: Mapping[str, str | None] = dict.fromkeys(steering.NPM.choose(self._facts.environ))
        output = staging / _OUTPUT
        with output.open("wb") as file:
            ended = self._unit.run(
                argv, cwd=staging, environ=taken, timeout=TIME_LIMIT, output=file.fileno(),
                behind=self._behind, on_pulse=lambda: self._look(staging),
            )  # fmt: skip
        _check_end(ended)
        if ended.code != 0:
            raise ToolError(explain(read_file(output, STATE), ended.code))
        shutil.rmtree(staging / _CACHE, ignore_errors=True)
        output.unlink()
        self._try(tool, staging)

    def _look(self, folder: Path) -> None:
        """Report how much of a tool has come, now and then."""
        now = time.monotonic()
        if now - self._looked >= PULSE:
            self._looked = now
            self._unit.progress(None, f"{measure(folder) / 1e6:.0f} MB")

    def _try(self, tool: AiTool, staging: Path) -> None:
        """Start the new tool: npm counts a missing part for this machine's platform as success."""
        scratch = staging / _CACHE
        scratch.mkdir()
        argv = (str(find_program(staging, tool.name)), "--version")
        said: list[str] = []
        try:
            ended = self._unit.run(
                argv, cwd=scratch, environ={"HOME": str(scratch)}, timeout=TRIAL_LIMIT,
                on_line=said.append, behind=self._behind,
            )  # fmt: skip
        except OSError as error:
            raise ToolError(f"it does not start: {error.strerror}") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if ended.timed_out:
            raise ToolError("it does not start in time")
        _check_end(ended)
        if ended.code != 0:
            raise ToolError(f"it does not start: {next(filter(None, said), 'no message')}")

    def _link(self, tool: AiTool, program: Path) -> None:
        """Point the link at a program, in one step. Raises OSError."""
        link = link_of(tool, self._facts)
        link.parent.mkdir(parents=True, exist_ok=True)
        new = link.with_name(f".{tool.name}.{os.getpid()}.new")
        new.unlink(missing_ok=True)
        new.symlink_to(os.path.relpath(program, link.parent))
        new.rename(link)


def explain(output: bytes, code: int) -> str:
    """Return npm's words for what went wrong, from its JSON, without credentials."""
    try:
        words = str(json.loads(output)["error"]["summary"])
    except (ValueError, KeyError, TypeError):
        words = ""
    first = next(iter(split_lines(words)), "")
    return f"npm: {_CREDENTIALS.sub('//***@', first)}" if first else f"npm ended with {code}"


def measure(folder: Path) -> int:
    """Return the bytes of all files in a folder that is being filled."""
    total = 0
    for top, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(top, name).lstat().st_size
            except OSError:
                continue  # npm has just renamed or removed it
    return total


def _check_end(ended: Ended) -> None:
    """Raise StoppedError or TimeLimitError for a command that did not come to its end."""
    if ended.stopped:
        raise StoppedError
    if ended.timed_out:
        raise TimeLimitError

"""The installer of AI tools: `npm ci` from the image's lock file into the home folder.

It runs beside the workspace and may be killed at any moment: a version is made in a folder beside
its place, renamed whole, and only then linked. What a killed run left behind the next one removes.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from agent.machine import runtime, steering
from agent.machine.files import STATE, read_file
from agent.machine.processes import end
from agent.machine.system import Facts
from agent.tools import engines
from agent.tools.tool import (
    LOCK,
    LOCKS,
    MANIFEST,
    OLD_NODE,
    AiTool,
    Failure,
    digest_lock,
    find_digest,
    find_other,
    find_program,
    find_version,
    folder_of,
    link_of,
)

TIME_LIMIT = 900.0
"""Seconds that one tool may take: it is hundreds of megabytes."""
TRIAL_LIMIT = 60.0
"""Seconds that a new tool has to tell its version."""
PATIENCE = 2.0
"""Seconds between TERM and KILL: npm has programs of its own to end, such as git."""
PULSE = 0.5
"""Seconds between two reports of progress."""

_STAGING = "new"
_CACHE = ".cache"
_OUTPUT = ".npm.json"
_CREDENTIALS = re.compile(r"//[^/@\s]*@")
_AGAIN = "the next start tries again; `devcopilot tools` tries now"

NPM_OPTIONS = (
    *("--json", "--ignore-scripts", "--omit=dev", "--include=optional", "--engine-strict=false"),
    *("--no-audit", "--no-fund", "--no-update-notifier", "--logs-max=0"),
    *("--fetch-retries=2", "--fetch-retry-mintimeout=2000", "--fetch-retry-maxtimeout=10000"),
)
"""No script of a package runs; where to fetch from, and through what, npm's own settings say."""

Progress = Callable[[int], None]
"""Is told, now and then, how many bytes have come."""


class Installer:
    """Brings one tool after the other on the PATH."""

    def __init__(
        self, facts: Facts, *, locks: Path = LOCKS, progress: Progress = lambda _: None
    ) -> None:
        self._facts = facts
        self._locks = locks
        self._progress = progress

    def is_due(self, tool: AiTool) -> bool:
        """Tell whether there is something to do: it is missing, or ours and of another lock file.

        A program that somebody else put on the PATH is never touched.
        """
        program, link = self._facts.which(tool.name), link_of(tool, self._facts)
        if program is None:
            return True
        version = find_version(tool, self._facts)
        wanted = find_digest(self._locks, tool, self._facts)
        return program == link and version is not None and wanted not in (None, version.name)

    def install(self, tool: AiTool) -> Failure | None:
        """Install a tool that is due, or return why that could not be done."""
        npm = self._facts.which("npm")
        content = self._facts.read(self._locks / tool.name / LOCK)
        if npm is None or content is None:
            lacking = (
                "npm is not installed" if npm is None else "this image has no lock file for it"
            )
            return Failure(
                "NO_NPM",
                f"cannot install {tool.title}: {lacking}",
                "use dev8-mvp, install it yourself, or set DEV8_AI_TOOLS=off",
                "info",
            )
        if lack := engines.find_lack(content, self._facts):
            return Failure(
                OLD_NODE,
                f"cannot install {tool.title}: {lack}",
                "use an image with a newer one (NODE_MAJOR=22 make build), or install it in "
                "~/.local/bin",
            )
        link = link_of(tool, self._facts)
        if os.path.lexists(link) and find_version(tool, self._facts) is None:
            return Failure(
                "FOREIGN",
                f"left {link} alone: it does not run, and the agent did not create it",
                f"remove {link} to let the agent install {tool.title}",
            )
        try:
            failure = self._bring(tool, npm, digest_lock(content))
        except OSError as error:
            cause = error.strerror or str(error)
            return _fail(tool, str(error.errno), f"{cause}: {error.filename}")
        if failure is None and self._facts.which(tool.name) is None:
            return Failure(
                "PATH",
                f"installed {tool.title}, but {link.parent} is not on the PATH",
                f"put {link.parent} on the container's PATH",
            )
        return failure

    def clean(self, tool: AiTool) -> None:
        """Remove what a killed run or an earlier version left behind, if there is any.

        An image that has got the tool by now is what it comes from: our link would hide it.
        """
        if find_version(tool, self._facts) and find_other(tool, self._facts):
            link_of(tool, self._facts).unlink(missing_ok=True)
        top = folder_of(tool, self._facts)
        wanted = find_digest(self._locks, tool, self._facts)
        kept = {find_version(tool, self._facts), top / wanted if wanted else None}
        for folder in top.iterdir() if top.is_dir() else ():
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _bring(self, tool: AiTool, npm: Path, wanted: str) -> Failure | None:
        """Make the version unless it is there, and link it. Raises OSError."""
        place = folder_of(tool, self._facts) / wanted
        if not place.is_dir():
            staging = place.parent / _STAGING
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(parents=True)
            try:
                failure = self._fill(tool, npm, staging)
                if failure:
                    return failure
                staging.rename(place)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        self._link(tool, find_program(place, tool.name))
        return None

    def _fill(self, tool: AiTool, npm: Path, staging: Path) -> Failure | None:
        """Let npm fill the folder, and try what it made. Raises OSError."""
        for name in (MANIFEST, LOCK):
            content = self._facts.read(self._locks / tool.name / name) or b""
            runtime.write_atomic(str(staging / name), content, 0o644)
        argv = (str(npm), "ci", *NPM_OPTIONS, f"--cache={staging / _CACHE}")
        output = staging / _OUTPUT
        code = self._run(argv, staging, output)
        if code is None:
            return _fail(tool, "TIMEOUT", f"it took longer than {TIME_LIMIT:g} s")
        if code != 0:
            return _fail(tool, *explain(read_file(output, STATE), code))
        shutil.rmtree(staging / _CACHE, ignore_errors=True)
        output.unlink()
        return self._try(tool, staging)

    def _run(self, argv: tuple[str, ...], folder: Path, output: Path) -> int | None:
        """Run npm in a folder and return its exit code, None when its time was over."""
        deadline = time.monotonic() + TIME_LIMIT
        with (
            output.open("wb") as file,
            subprocess.Popen(
                argv, cwd=folder, env=steering.clear("npm", self._facts.environ),
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.DEVNULL,
            ) as process,
        ):  # fmt: skip
            try:
                while time.monotonic() < deadline:
                    try:
                        return process.wait(PULSE)
                    except subprocess.TimeoutExpired:
                        self._progress(measure(folder))
                return None
            finally:
                end(process, PATIENCE)

    def _try(self, tool: AiTool, staging: Path) -> Failure | None:
        """Start the new tool: npm counts a missing part for this machine's platform as success."""
        scratch = staging / _CACHE
        scratch.mkdir()
        environ = {**self._facts.environ, "HOME": str(scratch)}
        argv = (str(find_program(staging, tool.name)), "--version")
        try:
            done = subprocess.run(
                argv, cwd=scratch, env=environ, stdin=subprocess.DEVNULL,
                capture_output=True, timeout=TRIAL_LIMIT, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return _fail(tool, "TRIAL", "it does not start in time")
        except OSError as error:
            return _fail(tool, "TRIAL", f"it does not start: {error.strerror}")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if done.returncode == 0:
            return None
        words = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        return _fail(tool, "TRIAL", f"it does not start: {words[0]}")

    def _link(self, tool: AiTool, program: Path) -> None:
        """Point the link at a program, in one step. Raises OSError."""
        link = link_of(tool, self._facts)
        link.parent.mkdir(parents=True, exist_ok=True)
        new = link.with_name(f".{tool.name}.{os.getpid()}.new")
        new.unlink(missing_ok=True)
        new.symlink_to(os.path.relpath(program, link.parent))
        new.rename(link)


def explain(output: bytes, code: int) -> tuple[str, str]:
    """Return npm's code and words for what went wrong, from its JSON, without credentials."""
    try:
        error = json.loads(output)["error"]
        name, words = str(error["code"]), str(error["summary"])
    except (ValueError, KeyError, TypeError):
        return str(code), f"npm ended with {code}"
    return name, "npm: " + _CREDENTIALS.sub("//***@", (words.splitlines() or [name])[0])


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


def _fail(tool: AiTool, code: str, cause: str) -> Failure:
    return Failure(code, f"cannot install {tool.title}: {cause}", _AGAIN)

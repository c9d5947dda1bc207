"""Which versions are here, and which of them is too old or missing."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from agent import __version__
from agent.backup.targets.all import has_target
from agent.machine.light.expressions import regex
from agent.machine.programs import external_commands, steering
from agent.machine.programs.threads import call
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.observe.versions import EDITOR, read_manifest
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

TIMEOUT = 10.0
"""Seconds that a program has to say its version."""
_NUMBER = regex(r"\d+(?:\.\d+)+")


@frozen
class Program:
    """A program that the agent works with."""

    name: str
    argv: tuple[str, ...]
    least: tuple[int, ...]
    """The oldest version that does what is needed; empty: any."""
    why: str = ""
    """What does not work with an older one."""
    manifest: Path | None = None
    """Where it has a package.json in our image: reading that takes no second of a processor."""


PROGRAMS = (
    Program("git", ("git", "--version"), (2, 34), "commits cannot be signed with an ssh key"),
    Program("gh", ("gh", "--version"), (2, 40), "several accounts on one host do not work"),
    Program("restic", ("restic", "version"), (0, 17), "failures of backups are not told apart"),
    Program(
        "code-server",
        ("code-server", "--config", "/dev/null", "--version"),
        (),
        manifest=EDITOR,
    ),
)
"""Without a --config of its own code-server writes one into the home, even to say its version."""


def look(current: Context) -> Iterator[Finding]:
    """Yield a finding for each program; all are asked at the same time."""
    yield Finding(Result.OK, f"the agent is {__version__}", facts={"version": __version__})
    needed = {"git"}
    needed |= {"restic"} if has_target(current.settings) else set()
    said = [(program, call(partial(ask, program, current.facts))) for program in PROGRAMS]
    for program, text in said:
        yield judge(program, text.result(), needed=program.name in needed)


def ask(program: Program, facts: Facts) -> str | None:
    """Return what a program says of itself; None: it is not here."""
    if facts.which(program.argv[0]) is None:
        return None
    if version := read_manifest(program.manifest):
        return version
    environ = steering.clear(program.argv[0], facts.environ)
    done = external_commands.run(program.argv, environ, timeout=TIMEOUT)
    return (done.stdout or done.stderr).decode(errors="replace")


def judge(program: Program, text: str | None, *, needed: bool) -> Finding:
    """Return how one program stands; `text` is what it says of itself."""
    name = program.name
    if text is None:
        if needed:
            summary = f"{name} is not installed"
            return Finding(Result.FAIL, summary, f"install {name} in the image", part=name)
        return Finding(Result.SKIPPED, f"{name} is not in this image", part=name)
    found = _NUMBER.search(text)
    if found is None:
        return Finding(Result.UNKNOWN, f"{name} does not say its version", part=name)
    version, facts = found[0], {"version": found[0]}
    if tuple(map(int, version.split(".")))[: len(program.least)] < program.least:
        least = ".".join(map(str, program.least))
        summary = f"{name} {version} is too old: {program.why}"
        fix = f"install {name} {least} or newer in the image"
        return Finding(Result.WARN, summary, fix, facts, name)
    return Finding(Result.OK, f"{name} {version}", facts=facts, part=name)


CHECK = Check(
    "programs", "Versions", "versions of the agent, git, gh, restic and code-server", look,
    documents="docs/settings.md",
)  # fmt: skip

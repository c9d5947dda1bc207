"""A workspace into which repositories are cloned, with the real git from a host on loopback."""

import hashlib
import os
import subprocess
from pathlib import Path

from agent.github import published
from agent.machine.light import runtime
from agent.machine.records import unit_record
from agent.machine.records.unit_record import Record
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.units.clone import kind
from agent.units.setup import Setup
from tests.worlds.git_host import GitHost
from tests.worlds.machine import make_facts

TOKEN = "ghp_clone0123456789abcdefghij"
CREDENTIALS = '[credential]\n\thelper = "!f() { echo username=x; echo password=$(cat %s); }; f"\n'
FILES = {"README.md": "hello\n", "src/main.py": "print(1)\n"}


class Silent:
    """Nobody listens."""

    def begin(self, unit: Record) -> None:
        """Begin."""

    def line(self, unit: Record, text: str) -> None:
        """Go on."""

    def passing(self, unit: Record, text: str) -> None:
        """Go on."""

    def end(self, unit: Record, last: object) -> None:
        """End."""


class Place:
    """A workspace, and one start of its clones after the other."""

    def __init__(self, root: Path, host: GitHost) -> None:
        self.host = host
        self.folder = root / "workspace"
        self.facts = make_facts(root, LANG="C.UTF-8")
        (self.facts.home / ".gitconfig").write_text(CREDENTIALS % (root / "token"))
        self.give_token("")
        self.next_run: float | None = None

    def give_token(self, token: str, host: GitHost | None = None) -> None:
        """Publish a token, as a refresh does; by default of the first host."""
        (self.facts.home.parent / "token").write_text(token)
        path = published.token_path(self.facts, (host or self.host).name)
        path.unlink(missing_ok=True)
        if token:
            runtime.write_atomic(str(path), f"{token}\n\n\n\n\n".encode())

    def start(self, *entries: str, again: str | None = None) -> dict[str, Record]:
        """Carry the clones out once; return the units."""
        lines = "\n".join(entry.replace("HOST", self.host.url) for entry in entries)
        variables = {"DEV8_REPOSITORIES": lines, "WORKSPACE_DIR": str(self.folder)}
        context = Context(variables, Settings.from_environ(variables), self.facts)
        order = None if again is None else {"clone": again}
        self.next_run = Setup(context, [kind.KIND], Silent(), order).run()
        return {each.name: each for each in unit_record.list_all(self.facts)}

    def forget_life(self) -> None:
        """Begin a new life of the container: the runtime folder is empty again."""
        runtime.clear(str(self.facts.runtime))

    def log(self, name: str = "clone:demo") -> str:
        return (self.facts.runtime / f"log/{name}.log").read_text()

    def git(self, *words: str, folder: str = "demo") -> str:
        return subprocess.run(
            ["git", *words], cwd=self.folder / folder, check=True, capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        ).stdout.strip()  # fmt: skip

    def leftovers(self) -> list[str]:
        return [path.name for path in self.folder.glob(".devcopilot*")]


def point_to(content: bytes) -> str:
    """Return the pointer of git LFS to a content."""
    name = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{name}\nsize {len(content)}\n"

"""A real browser beside a workspace, which reaches nothing but the workspace."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.worlds.containers import DOCKER, TOOLS, Container, Recipe, created

TOP = Path(__file__).resolve().parents[2]
EDITOR = "http://127.0.0.1:8080/"
TROUBLE = "trouble"
"""The file that holds what the browser complained of."""


def mount(folder: Path, *scripts: str) -> tuple[str, ...]:
    """Return the options that show a container these scripts of tests/e2e, and /out."""
    folder.chmod(0o777)
    mounts = [f"{folder}:/out", *(f"{TOP / 'tests/e2e' / name}:/{name}:ro" for name in scripts)]
    return tuple(word for mounted in mounts for word in ("-v", mounted))


def keep_pictures(folder: Path, shown: str) -> None:
    """Copy the pictures of a folder to one below reports/."""
    reports = TOP / "reports" / shown
    reports.mkdir(parents=True, exist_ok=True)
    for picture in folder.glob("*.png"):
        shutil.copy(picture, reports)


def browse(box: Container, folder: Path, shown: str, script: str, *words: str) -> Any:
    """Return what a script of tests/e2e saw; its pictures in /out go to a folder below reports/."""
    options = mount(folder, script, "audit.js")
    done = box.run_beside("python", f"/{script}", *words, options=options)
    keep_pictures(folder, shown)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@dataclass(frozen=True)
class Browser:
    """A browser that stays; its steps are those of look.py."""

    process: "subprocess.Popen[str]"
    folder: Path
    shown: str

    def visit(self, *steps: list[str], path: str = "") -> list[dict[str, Any]]:
        """Have somebody whom no page knows come and do these steps; return what each `look` saw."""
        return self._ask(f"{EDITOR}{path}", steps)

    def go_on(self, *steps: list[str]) -> list[dict[str, Any]]:
        """Do the same in the page that the last visit has left open."""
        return self._ask(None, steps)

    def _ask(self, url: str | None, steps: tuple[list[str], ...]) -> list[dict[str, Any]]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([url, steps]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        keep_pictures(self.folder, self.shown)
        assert answer, (self.folder / TROUBLE).read_text()[-3000:]
        seen: list[dict[str, Any]] = json.loads(answer)
        return seen


@contextmanager
def browsing(box: Container, folder: Path, shown: str) -> Iterator[Browser]:
    """Run a browser until the end; its pictures go to a folder below reports/.

    Its start costs as much of the processor as a visit, so tests of one workspace share it.
    """
    network = ("--interactive", "--network", f"container:{box.name}")
    recipe = Recipe(TOOLS, (*network, *mount(folder, "look.py")), ("python", "/look.py", "/out"),
                    published=False)  # fmt: skip
    with (
        created(recipe) as beside,
        (folder / TROUBLE).open("w") as trouble,
        subprocess.Popen(
            [DOCKER, "start", "--attach", "--interactive", beside.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=trouble, text=True,
        ) as process,
    ):  # fmt: skip
        yield Browser(process, folder, shown)

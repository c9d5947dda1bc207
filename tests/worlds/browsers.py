"""A real browser beside a workspace, which reaches nothing but the workspace."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
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
    for picture in folder.glob("*.png"):
        reports.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, reports)


def browse(box: Container, folder: Path, shown: str, script: str, *words: str) -> Any:
    """Return what a script of tests/e2e saw; its pictures in /out go to a folder below reports/."""
    options = mount(folder, script, "audit.js")
    done = box.run_beside("python", f"/{script}", *words, options=options)
    keep_pictures(folder, shown)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


class Browser:
    """A browser that stays; its steps are those of look.py."""

    def __init__(self, argv: Sequence[str], folder: Path, shown: str) -> None:
        """`argv` runs look.py for this folder."""
        self._argv = argv
        self._folder = folder
        self._shown = shown
        self._process: subprocess.Popen[str] | None = None

    def visit(self, *steps: list[str], path: str = "") -> list[dict[str, Any]]:
        """Have somebody whom no page knows come and do these steps; return what each `look` saw.

        A browser that ended with a visit that failed is opened anew.
        """
        return self._ask(self._process or self.open(), f"{EDITOR}{path}", steps)

    def go_on(self, *steps: list[str]) -> list[dict[str, Any]]:
        """Do the same in the page that the last visit has left open."""
        assert self._process, "there is no page: the last visit failed, or there was none"
        return self._ask(self._process, None, steps)

    def close(self) -> None:
        """End it, if it is open."""
        if self._process:
            with suppress(BrokenPipeError):
                self._process.communicate()
            self._process = None

    def open(self) -> "subprocess.Popen[str]":
        """Start it before somebody comes, which saves that time."""
        with (self._folder / TROUBLE).open("w") as trouble:
            self._process = subprocess.Popen(
                self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=trouble, text=True
            )
        return self._process

    def _ask(
        self, process: "subprocess.Popen[str]", url: str | None, steps: tuple[list[str], ...]
    ) -> list[dict[str, Any]]:
        assert process.stdin
        assert process.stdout
        with suppress(BrokenPipeError):  # then it says below what is wrong
            process.stdin.write(json.dumps([url, steps]) + "\n")
            process.stdin.flush()
        answer = process.stdout.readline()
        keep_pictures(self._folder, self._shown)
        if not answer:
            self.close()
        assert answer, (self._folder / TROUBLE).read_text()[-3000:]
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
    with created(recipe) as beside:
        argv = (DOCKER, "start", "--attach", "--interactive", beside.name)
        with closing(Browser(argv, folder, shown)) as browser:
            browser.open()
            yield browser

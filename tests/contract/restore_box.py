"""A workspace with one local target, on which the verbs run as an unprivileged user."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.contract.homes import NOBODY
from tests.worlds.copies import run_verb
from tests.worlds.quick_key import find_password, make_quick
from tests.worlds.waiting import wait_until

MINE = os.getuid() if os.getuid() else NOBODY
AGENT = [sys.executable, "-I", "-m", "agent"]


FILES = 30
"""Of a MiB each."""
SPEED = 3_840
"""KiB that a restic which is to be killed reads in a second: 8 s for these files."""


@dataclass
class RestoreBox:
    """A workspace with one local target."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def environ(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "WORKSPACE_DIR": str(self.workspace),
            "DEV8_RUNTIME_DIR": str(self.folder / "run"),
            "BACKUP_DIR": str(self.folder / "backups"),
            "DEV8_SSH": "false",
            **self.variables,
        }

    def argv(self, *words: str) -> list[str]:
        user = [f"--reuid={MINE}", f"--regid={MINE}", "--clear-groups"]
        return [*(["setpriv", *user] if os.getuid() == 0 else []), *AGENT, *words]

    def run(self, *words: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
        done = run_verb(words, self.environ, user=MINE)
        assert done.returncode == code, done.stdout + done.stderr
        make_quick(self.folder / "backups/workspace", find_password(self.home))
        assert "Traceback" not in done.stderr
        assert "internal error" not in done.stderr
        return done

    def backup(self, *words: str, code: int = 0) -> str:
        return self.run("backup", *words, code=code).stdout

    def configure(self) -> None:
        run_verb(("configure", "--boot"), self.environ, user=MINE).check_returncode()

    def restore(self, *words: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
        return self.run("backup", "restore", *words, code=code)

    def write(self, name: str, text: str) -> Path:
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for part in (path, *path.parents):
            if part.is_relative_to(self.workspace):
                os.chown(part, MINE, MINE)
        return path

    def read(self, name: str) -> str | None:
        path = self.workspace / name
        return path.read_text() if path.is_file() else None

    def fill(self, count: int = FILES) -> None:
        """Write so many files of a MiB."""
        for number in range(count):
            path = self.write(f"big{number}", "")
            path.write_bytes(os.urandom(1 << 20))

    def kill(self, *words: str, when: Callable[[], object]) -> None:
        """Run a verb and kill it, with all that it started, at this moment.

        restic reads slowly meanwhile, so that it is in the midst of it however late this looks.
        """
        self.put_before_restic(f'exec "$RESTIC" --limit-download {SPEED} "$@"')
        process = subprocess.Popen(
            self.argv(*words), env=self.environ, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(lambda: when() or process.poll() is not None, "the moment")
        assert process.poll() is None, "it was done before"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.put_before_restic('exec "$RESTIC" "$@"')

    def put_before_restic(self, script: str) -> None:
        """Have a shell run this script in place of restic, $RESTIC, from now on."""
        program = self.folder / "programs/restic"
        program.parent.mkdir(mode=0o755, exist_ok=True)
        restic = shlex.quote(shutil.which("restic") or "")
        program.write_text(f"#!/bin/bash\nRESTIC={restic}\n{script}\n")
        program.chmod(0o755)
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        if self.variables.get("PATH") != path:
            self.variables["PATH"] = path
            self.configure()

    def snapshots(self) -> list[dict[str, object]]:
        return list(json.loads(self.backup("list", "--json")))

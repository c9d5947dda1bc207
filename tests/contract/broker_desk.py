"""A workspace with the real clock, in which git's helper asks the broker, and init starts that."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from agent.github import published
from agent.github.published import Published
from agent.github.record import fingerprint
from agent.machine.light import runtime
from agent.machine.light.boot_file import Boot, Job
from agent.machine.light.clock import Clock
from agent.machine.secret import Secret
from agent.workspace import git
from agent.workspace.jobs import find_jobs
from tests.contract.workspace import ROOT, HubWorkspace
from tests.fakes.github import FakeGitHub
from tests.worlds.waiting import DEADLINE, wait_until

QUESTION = "protocol=https\nhost=github.com\n"


class BrokerDesk(HubWorkspace):
    """A workspace with the real clock, and an init that holds the broker."""

    def __init__(self, root: Path, hub: FakeGitHub, **variables: str) -> None:
        super().__init__(root, hub, **variables)
        hub.clock = Clock().now
        self.facts = replace(self.facts, clock=Clock())
        self.context = replace(self.context, facts=self.facts)
        self.log = root / "log"

    @property
    def published(self) -> Published:
        token = published.read_token(self.facts, self.host)
        assert token
        return token

    def announce(self, value: str = "") -> None:
        """Publish this token as one that was read from the file; by default that none is yet."""
        mark = fingerprint(Secret(value)) if value else ""
        path = published.token_path(self.facts, self.host)
        path.write_text(f"{value}\n\n\n{mark}\n{self.file if value else ''}\n")
        os.utime(path, (1, 1))  # a file of the same moment would not be newer

    def helper(self, action: str, question: str = QUESTION) -> "subprocess.CompletedProcess[str]":
        argv = ["sh", str(git.HELPER), str(self.facts.runtime), sys.executable, action]
        return subprocess.run(
            argv, env=dict(self.facts.environ), input=question + "\n",
            capture_output=True, text=True, check=False, timeout=DEADLINE,
        )  # fmt: skip

    def run_git(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run git with nothing but our helper."""
        command = f"!sh {git.HELPER} {self.facts.runtime} {sys.executable}"
        argv = ["git", "-c", f"credential.helper={command}", *words]
        environ = {**self.facts.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
        return subprocess.run(argv, env=environ, input=stdin, capture_output=True, text=True,
                              check=False, timeout=DEADLINE)  # fmt: skip

    def get(self, question: str = QUESTION) -> dict[str, str]:
        """Return the credential that git would get."""
        done = self.helper("get", question)
        assert done.returncode == 0, done.stderr
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    @contextmanager
    def init(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Run init with nothing but the broker's job."""
        jobs = [job for job in find_jobs(self.context) if job.name == "broker"]
        argv = (sys.executable, "-m", "agent", "broker")
        environ = {**self.facts.environ, "PYTHONPATH": str(ROOT)}
        boot = Boot(environment=environ, log_format="json", log_level="debug", streams=(),
                    supervisord=(), essential=(), jobs=(Job(**{**vars(jobs[0]), "argv": argv}),),
                    stop_timeout=5.0)  # fmt: skip
        (self.facts.runtime / runtime.BOOT).write_bytes(boot.encode())
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "agent.init", "--booted", str(self.facts.runtime), "--"],
                cwd=ROOT, env=environ, stdout=log, stderr=log)  # fmt: skip
            try:
                wait_until((self.facts.runtime / runtime.BROKER_SOCKET).exists, "the socket")
                yield process
            finally:
                seen: dict[Path, bytes] = {}
                for path in filter(Path.is_file, self.facts.runtime.rglob("*")):
                    with suppress(FileNotFoundError):  # init has just replaced it
                        seen[path] = path.read_bytes()
                process.terminate()
                process.wait(timeout=DEADLINE)
                for path, content in seen.items():  # init has cleared it; tests look at it still
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(content)

    def get_password(self) -> str | None:
        """Return the token that git would get; None: a message in its place."""
        return self.get().get("password")

    def events(self) -> list[dict[str, str]]:  # type: ignore[override]
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def find_broker(self) -> int | None:
        """Return the pid of the broker that runs now."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
                environ = (path.parent / "environ").read_bytes()
            except OSError:
                continue
            if b"broker" in words and str(self.facts.runtime).encode() in environ:
                return int(path.parent.name)
        return None

"""A home folder, a runtime folder and an environment with everything in it, for contract tests."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from agent import catalogue
from agent.machine.light import runtime
from agent.machine.planning.ledger import LEDGER, Ledger
from agent.machine.planning.plan import Plan, plan
from agent.settings import context
from agent.settings.context import Context
from agent.workspace import configure
from tests.worlds.copies import run_verb

NOBODY = 65534
COMPANIONS = {
    "GITHUB_APP_PRIVATE_KEY": {"GITHUB_APP_ID": "1"},
    "GITHUB_REFRESH_TOKEN": {"GITHUB_APP_CLIENT_ID": "Iv1.a", "GITHUB_APP_CLIENT_SECRET": "other"},
}
"""What else a secret needs, or it is refused."""
FORMS = {
    "CODE_SERVER_HASHED_PASSWORD": (
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OTAxMjM0NQ"
    ),
}
"""What a secret must look like, or it is refused."""

SECRETS = {
    "GITHUB_TOKEN": "ghp_contract0123456789abcdefghijklmnopqr",
    "ANTHROPIC_API_KEY": "sk-ant-contract-0123456789",
    "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-contract-0123456789",
    "OPENAI_API_KEY": "sk-contract-openai-0123456789",
    "GEMINI_API_KEY": "AIzaContract0123456789",
    "CODE_SERVER_PASSWORD": "contract # password: 'quoted'",
}
PUBLIC_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIJbtu7NL18yAjQDyzZDRZ6RKPCs9YRBQMYHUHqLJkPH somebody"
)
OPEN = {
    "SSH_PUBLIC_KEY": PUBLIC_KEY,
    "GIT_USER_NAME": "Ada Lovelace",
    "GIT_USER_EMAIL": "ada@example.com",
    "DEV8_SSH_ADDRESS": "::",
    "DEV8_SSH_ALGORITHMS": "compatible",
    "DEV8_CODE_SERVER_ADDRESS": "127.0.0.1",
    "DEV8_SSH_WAIT": "hooks",
    "DEV8_MCP": str(Path(__file__).with_name("mcp.jsonc")),
}


def make_private_key(folder: Path) -> str:
    """Return a new private key."""
    path = folder / "new-key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True, timeout=120
    )
    return path.read_text()


@dataclass
class Workspace:
    """What one container would work on."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def runtime(self) -> Path:
        return self.folder / "run"

    @property
    def environ(self) -> dict[str, str]:
        """What `docker run` gives to the container."""
        return {
            "HOME": str(self.home),
            "PATH": f"{self.folder / 'bin'}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "WORKSPACE_DIR": str(self.folder / "workspace"),
            "DEV8_RUNTIME_DIR": str(self.runtime),
            "GIT_CONFIG_SYSTEM": str(self.folder / "gitconfig"),
            **self.variables,
        }

    def prepare(self) -> "Workspace":
        """Make what an image and its volumes bring."""
        self.home.mkdir(mode=0o700)
        (self.folder / "workspace").mkdir()
        (self.folder / "bin").mkdir()
        for program in ("code-server", "sshd"):  # only whether they are there is looked at
            (self.folder / "bin" / program).write_text("#!/bin/sh\n")
            (self.folder / "bin" / program).chmod(0o755)
        include = "[include]\n\tpath = ~/.local/state/devcopilot/gitconfig\n"
        (self.folder / "gitconfig").write_text(include)
        return self

    def with_variables(self, variables: Mapping[str, str]) -> "Workspace":
        """Return the same folders in the next life of the container."""
        return replace(self, variables=variables)

    def context(self) -> Context:
        return context.from_environ(self.environ)

    def configure(self, until: str | None = None) -> list[str]:
        """Carry out all stages, or those up to one; return what was wrong."""
        current = self.context()
        runtime.make(str(self.runtime), current.facts.uid)
        names = [name for name, *_ in configure.stages(current)]
        count = names.index(until) + 1 if until else len(names)
        outcome = configure.carry_out(current, islice(configure.stages(current), count))
        return [str(problem) for _, problem in outcome.problems]

    def plan_stage(self, stage: str) -> Plan:
        """Plan one stage."""
        current = self.context()
        wanted = {name: wanted for name, wanted, *_ in configure.stages(current)}[stage]
        return plan(stage, wanted(current), current.facts, self.load_ledger(current))

    def load_ledger(self, current: Context) -> Ledger:
        return LEDGER.read(current.facts)

    def files(self) -> dict[Path, bytes]:
        """Return every file below home, with its content."""
        return {path: path.read_bytes() for path in sorted(self.home.rglob("*")) if path.is_file()}


STAGES = tuple(kind.name for kind in (*catalogue.STEPS, *catalogue.SERVICES))
"""The stages that an author adds to."""


CONFIGURE = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *(sys.executable, "-I", "-m", "agent", "configure", "--boot"),
)
"""How init runs `configure`, as an unprivileged user."""


def run_configure(
    environ: Mapping[str, str], *, boot: bool = True
) -> "subprocess.CompletedProcess[str]":
    """Run `configure` as init does, or as a person does, as an unprivileged user."""
    words = ("configure", *(["--boot"] if boot else []))
    return run_verb(words, environ, user=NOBODY, timeout=120)

"""A small machine for the step of git, on which the real git can be asked."""

import subprocess
from pathlib import Path

from agent.workspace import git
from tests.worlds.machine import Machine

CONFIG = ".local/state/devcopilot/gitconfig"


class GitMachine(Machine):
    """A machine whose system-level configuration includes the agent's, as in the images."""

    def __init__(self, root: Path, include: bool = True) -> None:
        system = root / "etc-gitconfig"
        system.write_text(f"[include]\n\tpath = ~/{CONFIG}\n" if include else "")
        super().__init__(root, git.resources, GIT_CONFIG_SYSTEM=str(system))

    def git(self, *words: str, stdin: str = "", cwd: Path | None = None) -> str:
        """Run git as the user of this machine; return what it printed."""
        done = subprocess.run(
            ["git", *words],
            env={**self.facts.environ, "GIT_TERMINAL_PROMPT": "0"},
            cwd=cwd or self.facts.home,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()

    def publish(self, *lines: str, host: str = "github.com") -> None:
        """Put a token where the agent publishes it."""
        path = self.facts.runtime / "tokens" / host
        path.write_text("".join(f"{line}\n" for line in lines))

    def fill(self, url: str) -> dict[str, str]:
        """Return the credential that git gets for a URL."""
        answer = self.git("credential", "fill", stdin=f"url={url}\n\n")
        return dict(line.split("=", 1) for line in answer.splitlines())

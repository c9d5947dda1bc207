"""A workspace with a shell in which the real gh and git reach the fake GitHub."""

import subprocess
from pathlib import Path

from agent.settings.context import Context
from agent.workspace import git
from tests.contract.workspace import HubWorkspace
from tests.fakes.github import FakeGitHub
from tests.worlds.gh import find_gh

Done = subprocess.CompletedProcess[str]


class Desk(HubWorkspace):
    """A workspace with a shell in which gh and git reach the fake under real names."""

    def __init__(self, root: Path, hub: FakeGitHub, **variables: str) -> None:
        system = root / "etc-gitconfig"
        config = root / "home/.local/state/devcopilot/gitconfig"
        system.write_text(f"[include]\n\tpath = {config}\n")
        variables = {"GIT_CONFIG_SYSTEM": str(system), **variables}
        super().__init__(root, hub, **variables)
        self.apply(git.resources(Context({}, self.context.settings, self.facts)))
        self.shell = {
            **self.facts.environ,
            "HTTPS_PROXY": hub.url,
            "SSL_CERT_FILE": str(root / "ca.pem"),
            "GIT_SSL_CAINFO": str(root / "ca.pem"),
            "GIT_TERMINAL_PROMPT": "0",
            "GH_PROMPT_DISABLED": "1",
        }

    def run(self, *words: str, stdin: str = "") -> Done:
        return subprocess.run(
            words,
            env=self.shell,
            cwd=self.facts.home,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def gh(self, *words: str, stdin: str = "") -> Done:
        return self.run(find_gh(), *words, stdin=stdin)

    def git(self, *words: str) -> Done:
        return self.run("git", *words)

"""The GitHub Copilot CLI, as far as it goes without an account."""

import pytest
from testinfra.host import Host

from scripts.variants import read_npm

pytestmark = pytest.mark.needs_tools("copilot")


def test_tells_its_version_offline(host: Host) -> None:
    assert read_npm("ai/copilot")["@github/copilot"] in host.check_output("copilot --version")


def test_wants_a_login(host: Host) -> None:
    done = host.run("cd $(mktemp -d) && timeout 280 copilot --prompt hello </dev/null")
    assert done.rc == 1
    assert "GITHUB_TOKEN" in done.stdout + done.stderr

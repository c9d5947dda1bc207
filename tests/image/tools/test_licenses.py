"""Every program of the image has a license text in it; docs/licenses.md says where each is."""

import pytest
from testinfra.host import Host

from tests.worlds.tools import EVERY

PYTHON = {
    **dict.fromkeys(("pip", "pip3"), "/usr/local/lib/python3*/dist-packages/pip"),
    "pytest": "/usr/local/lib/python3*/dist-packages/pytest",
    **{name: f"/opt/python-tools/lib/python3*/site-packages/{name}"
       for name in ("black", "pipx", "poetry")},
    "aws": "/opt/aws-cli/lib/python3*/site-packages/awscli",
    "az": "/opt/azure-cli/lib/python3*/site-packages/azure_cli",
    "devcopilot": "/opt/devcopilot/lib/python3*/site-packages/devcopilot_agent",
}  # fmt: skip
"""The beginning of each package's folder; its license is in NAME-VERSION.dist-info."""
OWN = {
    "code-server": "/opt/code-server/node_modules/code-server/LICENSE",
    **{name: f"/opt/node/lib/node_modules/{name}/LICENSE" for name in ("npm", "pnpm", "yarn")},
    **{name: f"/usr/share/doc/{name}/copyright"
       for name in ("gh", "go", "node", "bun", "rclone", "restic", "copilot")},
}  # fmt: skip
"""Programs that no package manager knows, and the text of each."""
SAME = {"npx": "npm", "pnpx": "pnpm", "bunx": "bun", "gofmt": "go"}


def find_text(host: Host, name: str) -> str:
    """Return a pattern for the path of the license text of a program."""
    name = SAME.get(name, name)
    if name in OWN:
        return OWN[name]
    if name in PYTHON:
        folder = f"{PYTHON[name]}-[0-9]*.dist-info"
        return f"{folder}/LICEN* {folder}/licenses/[A-Z]*"
    path = host.check_output(f"readlink -f $(command -v {name})")
    # Debian's own list may name the file as it was before /bin became a link.
    owner = host.check_output(f"dpkg --search {path} || dpkg --search {path.removeprefix('/usr')}")
    return f"/usr/share/doc/{owner.partition(':')[0]}/copyright"


@pytest.mark.parametrize(
    "name", [pytest.param(tool.name, marks=pytest.mark.needs_tools(tool.of)) for tool in EVERY]
)
def test_the_license_is_there(host: Host, name: str) -> None:
    text = host.check_output(f"cat $(ls -d {find_text(host, name)} 2>/dev/null)")
    assert any(word in text.lower() for word in ("license", "copyright")), name


def test_the_node_of_code_server_has_its_own(host: Host) -> None:
    assert "Node.js is licensed" in host.check_output("cat /opt/code-server/LICENSE.node")


@pytest.mark.needs_tools("copilot")
def test_copilots_comes_along_as_it_demands(host: Host) -> None:
    text = host.check_output("cat /usr/share/doc/copilot/copyright")
    assert text.startswith("GitHub Copilot CLI License")

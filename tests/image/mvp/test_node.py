"""The Node that developers use."""

from testinfra.host import Host

PROGRAM = """\
const { createServer } = require("http");
const server = createServer((_, reply) => reply.end("hello")).listen(0, "127.0.0.1", async () => {
  const reply = await fetch(`http://127.0.0.1:${server.address().port}/`);
  console.log(await reply.text());
  server.close();
});
"""


def test_is_node_20_with_its_npm(host: Host) -> None:
    assert host.check_output("node --version") == "v20.20.2"
    assert host.check_output("npm --version") == host.check_output("npx --version") == "10.9.4"


def test_runs_a_server(host: Host) -> None:
    assert host.check_output("node -e %s", PROGRAM) == "hello"


def test_installs_a_global_package_into_the_home(host: Host) -> None:
    """The image's folders are root's; ~/.local/bin is on the PATH."""
    host.run_expect(
        [0],
        "cd $(mktemp -d) && npm init -y >/dev/null && npm pkg set name=greet bin.greet=greet.js && "
        "printf '#!/usr/bin/env node\\nconsole.log(1 + 1)\\n' >greet.js && "
        "npm install --global --offline --no-audit --no-fund $(npm pack --silent)",
    )
    try:
        assert host.check_output("greet") == "2"
    finally:
        host.run_expect([0], "npm uninstall --global greet")

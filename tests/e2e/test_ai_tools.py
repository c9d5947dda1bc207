"""The real AI tools find their credentials, in an image that was built with them (AI_TOOLS).

All keys are given as files, and no environment holds one. Claude Code and Codex say by their own
command that they are signed in; Gemini CLI and Copilot are seen to send what they were given.
"""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.connections import (
    FAKE_GITHUB_OPTIONS,
    FAKE_GITHUB_PORT,
    PYTHON,
    start_fake_github,
)
from tests.e2e.conftest import NO_EDITOR, write_secret
from tests.e2e.registry import serving
from tests.fakes.github.certificate import make_certificate
from tests.worlds.containers import HARDENED, TAG, Container, Recipe, docker, running
from tests.worlds.inspection import URL, ask, inspected
from tests.worlds.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
KEYS = {
    "ANTHROPIC_API_KEY": "sk-ant-realtools-0123456789",
    "OPENAI_API_KEY": "sk-realtools-openai-0123456789",
    "GEMINI_API_KEY": "AIzaRealTools0123456789",
}
TOKEN = "github_pat_realtools0000000000000000000000001"
"""Fine-grained: Copilot refuses the classic ones, ghp_…, before it asks anybody."""
ENDPOINT_PORT = 9998
OFFLINE = ("--network", "none", *NO_EDITOR)
NOTES = "/tmp/notes"
CERTIFICATES = "/run/certificates"


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """dev8-mvp with the tools in it; the build's cache keeps what it is made of."""
    tag = f"{TAG}-ai"
    environ = {**os.environ, "VERSION": tag, "AI_TOOLS": "claude codex gemini"}
    subprocess.run([ROOT / "scripts/build.sh", "mvp"], env=environ, check=True)
    yield f"dev8-mvp:{tag}"
    docker("image", "rm", *(f"dev8-{name}:{tag}" for name in ("mvp", "agent", "base-system")))


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[str, ...]]:
    """A network of nothing but loopback, with a registry of packages on it."""
    with serving() as registry:
        yield registry.network


@pytest.fixture(scope="module")
def box(
    image: str, network: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Container]:
    """A workspace of that image, in the strictest way, with every credential in a file."""
    folder = tmp_path_factory.mktemp("keys")
    folder.chmod(0o755)
    secrets = {**KEYS, "GITHUB_TOKEN": TOKEN}
    for name, value in secrets.items():
        write_secret(folder / name, value + "\n")
    certificates = tmp_path_factory.mktemp("certificates")
    certificates.chmod(0o755)
    make_certificate(certificates)
    write_secret(certificates / "github.pem", (certificates / "github.pem").read_text())
    options = (
        *HARDENED,
        *NO_EDITOR,
        *FAKE_GITHUB_OPTIONS,
        *network,
        *("-v", f"{folder}:/run/secrets:ro", "-v", f"{certificates}:{CERTIFICATES}:ro"),
        *(word for name in secrets for word in ("-e", f"{name}_FILE=/run/secrets/{name}")),
    )
    with running(Recipe(image, options, published=False)) as container:
        container.wait_ready()
        yield container


def read_notes(box: Container) -> list[dict[str, Any]]:
    return [json.loads(line) for line in box.call("cat", NOTES).stdout.splitlines()]


def test_the_images_tools_are_used_and_not_installed_again(box: Container) -> None:
    rows = box.status()["tools"]
    assert {row["name"]: row["program"] for row in rows} == {
        name: f"/usr/local/bin/{name}" for name in ("claude", "codex", "copilot", "gemini")
    }
    assert {row["by"] for row in rows} == {"other"}


def test_no_environment_holds_a_key(box: Container) -> None:
    environ = box.execute("bash", "-lc", "env")
    assert not any(key in environ for key in (*KEYS.values(), TOKEN))


def test_claude_says_that_it_is_signed_in(box: Container) -> None:
    done = box.call("claude", "auth", "status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["apiKeySource"] == "apiKeyHelper"


def test_codex_says_that_it_is_signed_in(box: Container) -> None:
    done = box.call("codex", "login", "status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "API key" in done.stdout + done.stderr


def test_gemini_sends_its_key(box: Container) -> None:
    argv = (PYTHON, "-m", "tests.e2e.answers", str(ENDPOINT_PORT), NOTES)
    docker("exec", "--detach", "--workdir", "/fake", box.name, *argv)
    probe = f"import socket; socket.create_connection(('127.0.0.1', {ENDPOINT_PORT}), 1).close()"
    wait_until(lambda: box.call(PYTHON, "-c", probe).returncode == 0, "the endpoint's start")
    base = f"GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:{ENDPOINT_PORT}"
    trust = "GEMINI_CLI_TRUST_WORKSPACE=true"
    box.call("env", base, trust, "gemini", "--prompt", "hello")
    notes = read_notes(box)
    assert notes
    assert {note["headers"]["x-goog-api-key"] for note in notes} == {KEYS["GEMINI_API_KEY"]}


def test_copilot_sends_the_token_of_ghs_login(box: Container) -> None:
    box.call("rm", "-f", NOTES)
    start_fake_github(
        box, TOKEN, options=("--notes", NOTES, "--certificate", f"{CERTIFICATES}/github.pem")
    )
    ca = f"{CERTIFICATES}/ca.pem"
    environ = (
        f"HTTPS_PROXY=http://127.0.0.1:{FAKE_GITHUB_PORT}",
        *(f"{name}={ca}" for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE")),
        "COPILOT_AUTO_UPDATE=false",
    )
    box.call("env", *environ, "copilot", "--prompt", "hello")
    asked = [note for note in read_notes(box) if note["path"] == "/copilot_internal/user"]
    assert asked
    assert {note["token"] for note in asked} == {TOKEN}
    assert {note["host"] for note in asked} == {"api.github.com"}


CODEX = f'model_providers.near={{name="near",base_url="{URL}/codex",env_key="KEY"}}'
ASKING = {
    "claude": f"ANTHROPIC_BASE_URL={URL}/claude ANTHROPIC_API_KEY=x "
              "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 claude --print hello",
    "codex": f"KEY=x codex exec --skip-git-repo-check -c model_provider=near -c '{CODEX}' hello",
    "gemini": f"GOOGLE_GEMINI_BASE_URL={URL}/gemini "
              "GEMINI_CLI_TRUST_WORKSPACE=true gemini --prompt hello",
}  # fmt: skip
"""Tool -> a command in which it asks for a path with its name."""


@pytest.mark.parametrize("trusted", [True, False])
def test_each_trusts_the_certificates_of_a_proxy(image: str, tmp_path: Path, trusted: bool) -> None:
    key = ("-e", f"GEMINI_API_KEY={KEYS['GEMINI_API_KEY']}")  # else it asks which login it has
    options = ("-e", "DEV8_CA_FILE=/tls/ca") if trusted else ()
    with inspected(image, tmp_path, *HARDENED, *key, *options) as box:
        for name, script in ASKING.items():
            assert ask(box, name, f"{script} </dev/null", trusted=trusted) is trusted, name


def test_tools_find_their_keys_where_their_variables_send_them(image: str) -> None:
    places = {
        "CLAUDE_CONFIG_DIR": "/home/dev8/cl",
        "CODEX_HOME": "/home/dev8/cx",
        "GEMINI_CLI_HOME": "/home/dev8/g",
    }
    given = (word for pair in (KEYS | places).items() for word in ("-e", "=".join(pair)))
    with running(Recipe(image, (*given, *OFFLINE), published=False)) as box:
        box.wait_ready()
        assert box.call("claude", "auth", "status").returncode == 0
        assert box.call("codex", "login", "status").returncode == 0
        commented = '// mine\\n{\\n  "ui": {} // none\\n}\\n'
        box.execute("sh", "-c", f"printf '{commented}' >~/g/.gemini/settings.json")
        box.execute("devcopilot", "configure")
        settings = box.execute("cat", "/home/dev8/g/.gemini/settings.json")
        assert "// mine" in settings
        assert "gemini-api-key" in settings
        read = box.call("gemini", "mcp", "list")
        assert "No MCP servers" in read.stdout + read.stderr


def test_no_tool_is_signed_in_without_a_key(image: str) -> None:
    with running(Recipe(image, OFFLINE, published=False)) as box:
        box.wait_ready()
        assert box.call("claude", "auth", "status").returncode != 0
        assert box.call("codex", "login", "status").returncode != 0
        done = box.call("env", "GEMINI_CLI_TRUST_WORKSPACE=true", "gemini", "--prompt", "hello")
        assert "GEMINI_API_KEY" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("variable", "secret"),
    [("ANTHROPIC_API_KEY", KEYS["ANTHROPIC_API_KEY"]),
     ("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-realtools-0123456789")],
)  # fmt: skip
def test_claude_asks_nothing_in_a_new_container_on_the_old_volume(
    image: str, variable: str, secret: str, tmp_path: Path
) -> None:
    """Only ~/.claude outlives the first container: ~/.claude.json beside it is new each time."""
    volume = f"dev8-test-{uuid.uuid4().hex[:8]}"
    tmp_path.chmod(0o755)
    write_secret(tmp_path / "secret", secret + "\n")
    options = (
        *OFFLINE, "-v", f"{volume}:/home/dev8/.claude",
        "-v", f"{Path(__file__).parent / 'claude_server.py'}:/claude_server.py:ro",
        "-v", f"{tmp_path}:/run/secrets:ro", "-e", f"{variable}_FILE=/run/secrets/secret",
        "-e", f"ANTHROPIC_BASE_URL=http://127.0.0.1:{ENDPOINT_PORT}",
        "-e", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
    )  # fmt: skip
    own = ("--user", "0", "--entrypoint", "chown", "-v", f"{volume}:/v")
    docker("run", "--rm", *own, image, "1000:1000", "/v")
    try:
        for life in ("first", "second"):
            with running(Recipe(image, options, published=False)) as box:
                box.wait_ready()
                server = (PYTHON, "/claude_server.py", str(ENDPOINT_PORT), secret, NOTES)
                docker("exec", "--detach", box.name, *server)
                done = box.call("timeout", "110", "claude", "-p", "what is six times seven?")
                said = done.stdout + done.stderr
                assert (done.returncode, done.stdout.strip()) == (0, "forty-two"), (life, said)
                assert all(note["welcome"] for note in read_notes(box)), "no try with a wrong one"
                home = json.loads(box.execute("cat", "/home/dev8/.claude.json"))
                assert home["hasCompletedOnboarding"] is True
                assert secret not in json.dumps(home)
    finally:
        docker("volume", "rm", "--force", volume)

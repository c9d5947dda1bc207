"""Behind a proxy that inspects TLS: with DEV8_CA_FILE each tool of dev8-mvp trusts its certificate.

A server inside the container has a certificate of a private authority; that it is asked at all
shows that a tool trusts it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.settings.certificates import ADDED_VARIABLES, BUNDLE_VARIABLES, JAVA
from tests.e2e.conftest import NO_EDITOR, Login
from tests.worlds.authority import Authority
from tests.worlds.containers import HARDENED, MVP, Container, Recipe, running
from tests.worlds.fish import run_fish
from tests.worlds.inspection import PORT, URL, ask, inspected
from tests.worlds.waiting import wait_until

TOOLS = {
    "curl": f"curl --silent {URL}/curl",
    "git": f"git ls-remote {URL}/git",
    "git-lfs": f"cd /tmp && rm -rf lfs && git init -q lfs && cd lfs && git remote add origin "
               f"{URL}/git-lfs && GIT_LFS_SKIP_PUSH=1 git lfs locks",
    "node": f"node -e \"fetch('{URL}/node').catch(() => 0)\"",
    "npm": f"npm view left-pad --registry={URL}/npm/ --fetch-retries=0",
    "bun": f"bun -e \"await fetch('{URL}/bun').catch(() => 0)\"",
    "pip": f"pip download --no-deps --retries 0 --index-url {URL}/pip/ nothing",
    "python": f"python3 -c \"import urllib.request as u; u.urlopen('{URL}/python')\"",
    "go": f"cd /tmp && GOFLAGS=-mod=mod GONOSUMDB=* GOPROXY={URL}/go "
          f"go list -m example.com/x@v1.0.0",
    "gh": f"GH_HOST=localhost:{PORT} GH_ENTERPRISE_TOKEN=x GH_TOKEN=x gh api /gh",
    "aws": f"AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_REGION=x AWS_MAX_ATTEMPTS=1 "
           f"aws --endpoint-url {URL} s3api list-objects --bucket aws",
    "az": f"az rest --skip-authorization-header --url {URL}/az",
    "copilot": f"COPILOT_PROVIDER_BASE_URL={URL}/copilot COPILOT_PROVIDER_API_KEY=x "
               f"COPILOT_MODEL=gpt-4 COPILOT_AUTO_UPDATE=false copilot --prompt hello",
    "gallery": f"EXTENSIONS_GALLERY='{{\"serviceUrl\":\"{URL}/gallery\"}}' "
               f"code-server --install-extension octo.demo",
    "restic": f"RESTIC_PASSWORD=x restic --no-lock --retry-lock 0 -r rest:{URL}/restic cat config",
}  # fmt: skip
"""Tool -> a command in which it asks for a path with its name."""


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    folder = tmp_path_factory.mktemp("trusting")
    with inspected(MVP, folder, *HARDENED, "-e", "DEV8_CA_FILE=/tls/ca") as box:
        yield box


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    with inspected(MVP, tmp_path_factory.mktemp("plain")) as box:
        yield box


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_each_tool_trusts_it(trusting: Container, name: str) -> None:
    assert ask(trusting, name, TOOLS[name], trusted=True), name


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_no_tool_trusts_it_otherwise(plain: Container, name: str) -> None:
    assert not ask(plain, name, TOOLS[name], trusted=False), name


def test_the_public_ones_stay(trusting: Container) -> None:
    script = (
        "grep -c BEGIN /etc/ssl/certs/ca-certificates.crt $DEV8_RUNTIME_DIR/certificates/all.pem"
    )
    rows = trusting.execute("sh", "-c", script.replace(
        "$DEV8_RUNTIME_DIR", "/dev/shm/devcopilot-1000")).split()  # fmt: skip
    system, everything = (int(row.rpartition(":")[2]) for row in rows)
    assert everything == system + 1
    assert system > 100


def test_a_shell_by_docker_exec_has_them(trusting: Container) -> None:
    look = "echo $GIT_SSL_CAINFO"
    expected = "/dev/shm/devcopilot-1000/certificates/all.pem"
    assert trusting.execute("bash", "-lc", look) == expected
    assert trusting.execute("bash", "-ic", look) == expected
    assert trusting.execute("env", "GIT_SSL_CAINFO=/mine", "bash", "-lc", look) == "/mine"


@pytest.mark.parametrize("java", ["", "-Xmx1g -Da=b", "-Djavax.net.ssl.trustStore=/mine.jks"])
def test_a_fish_by_docker_exec_has_what_bash_has(
    trusting: Container, tmp_path: Path, java: str
) -> None:
    """Some of the variables somebody has set themselves, and some are empty, as compose has it."""
    given = {"PIP_CERT": "/mine.pem", "CURL_CA_BUNDLE": "", JAVA: java}
    options = [word for name, value in given.items() for word in ("-e", f"{name}={value}")]
    in_fish = run_fish(trusting, tmp_path, "env", *options)
    words = (f"{name}={value}" for name, value in given.items())
    in_bash = trusting.execute("env", *words, "bash", "-lc", "env")
    expected = find_led(in_bash)
    assert expected.keys() == {*BUNDLE_VARIABLES, *ADDED_VARIABLES, JAVA}
    assert find_led(in_fish) == expected


def find_led(environ: str) -> dict[str, str]:
    """Return the variables that lead tools to certificates, of what env has printed."""
    rows = (line.partition("=") for line in environ.splitlines())
    names = (*BUNDLE_VARIABLES, *ADDED_VARIABLES, JAVA)
    return {name: value for name, _, value in rows if name in names}


def test_ssh_logins_have_it_as_well(tmp_path: Path, login: Login) -> None:
    folder = tmp_path
    authority = Authority()
    folder.chmod(0o755)
    (folder / "ca.pem").write_bytes(authority.own.certificate)
    options = (
        *NO_EDITOR, "-v", f"{folder}:/tls:ro", "-e", "DEV8_CA_FILE=/tls/ca.pem",
        "-e", f"SSH_PUBLIC_KEY={login.public}",
    )  # fmt: skip
    with running(Recipe(MVP, options)) as box:
        box.wait_ready()
        wait_until(lambda: login.run(box, "echo $SSL_CERT_FILE"), "a login")
        found = login.run(box, "cat $SSL_CERT_FILE $NODE_EXTRA_CA_CERTS")
        assert found.count(authority.own.certificate.decode().split("\n")[1]) == 2

"""A container full of variables that would lead our servers elsewhere: they do not, and people in
terminals, sessions and CMD have every one of them."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Login
from tests.e2e.test_editor import PASSWORD, drive_browser
from tests.worlds.containers import MVP, Container, Recipe, running

ENVIRON = {
    "PORT": "3000", "HOST": "127.0.0.1", "CODE_SERVER_HOST": "127.0.0.1", "LOG_LEVEL": "trace",
    "EXTENSIONS_GALLERY": "{no json", "CODE_SERVER_CONFIG": "/missing/config.yaml",
    "CODE_SERVER_IDLE_TIMEOUT_SECONDS": "5", "CODE_SERVER_PARENT_PID": "1",
    "CODE_SERVER_SESSION_SOCKET": "/missing/socket", "VSCODE_OPTIONS": "--auth=none",
    "NODE_OPTIONS": "--require=/missing/x.js", "NODE_PATH": "/missing", "NODE_ENV": "development",
    "NODE_TLS_REJECT_UNAUTHORIZED": "0", "NODE_CHANNEL_FD": "77", "UV_THREADPOOL_SIZE": "1",
    "VSCODE_DEV": "1", "VSCODE_PORTABLE": "/missing", "ELECTRON_RUN_AS_NODE": "1",
    "OPENSSL_CONF": "/missing/openssl.cnf", "OPENSSL_MODULES": "/missing", "DEBUG": "*",
    "XDG_DATA_HOME": "/missing", "XDG_CONFIG_HOME": "/missing", "XDG_RUNTIME_DIR": "/missing",
    "TMPDIR": "/missing", "LISTEN_FDS": "3", "KRB5CCNAME": "/missing",
    "PYTHONPATH": "/missing", "PYTHONHOME": "/missing", "PYTHONSTARTUP": "/missing",
    "PYTHONINSPECT": "1", "BASH_ENV": "/missing", "GIT_DIR": "/missing", "GIT_TRACE": "1",
    "RCLONE_CONFIG": "/missing", "GODEBUG": "http2debug=2", "npm_config_prefix": "/missing",
}  # fmt: skip
PROBE = """\
tr '\\0' '\\n' </proc/$$/environ >/workspace/seen-environ
tr '\\0' '\\n' </proc/$PPID/environ >/workspace/seen-shell
"""


@pytest.fixture(scope="module")
def box(login: Login) -> Iterator[Container]:
    words = [word for pair in ENVIRON.items() for word in ("-e", "=".join(pair))]
    options = (
        *words, "-e", f"CODE_SERVER_PASSWORD={PASSWORD}", "-e", f"SSH_PUBLIC_KEY={login.public}",
        *("-e", "DEV8_TRUST=trusted"),
    )  # fmt: skip
    with running(Recipe(MVP, options, ("sleep", "infinity"))) as container:
        container.wait_ready()
        yield container


def read_pairs(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def find_lost(text: str) -> dict[str, str]:
    seen = read_pairs(text)
    return {name: value for name, value in ENVIRON.items() if seen.get(name) != value}


def test_the_editor_answers_where_it_was_asked_to(box: Container) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{box.ide_port}/", timeout=120) as answer:
        assert answer.status == 200
        assert "/login" in answer.url
    assert "ignored CODE_SERVER_HOST for code-server" in box.logs()


def test_a_terminal_of_the_editor_has_them(box: Container, tmp_path: Path) -> None:
    box.execute("sh", "-c", 'printf "%s" "$1" >/workspace/probe', "sh", PROBE)
    done = drive_browser(box, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert find_lost(box.execute("cat", "/workspace/seen-shell")) == {}
    assert "give-back" not in box.execute("cat", "/workspace/seen-environ")


def test_a_session_and_cmd_have_them(box: Container, login: Login) -> None:
    lost = find_lost(login.run(box, "env"))
    assert lost == {}
    main = box.execute("sh", "-c", "tr '\\0' '\\n' </proc/$(pgrep -o -x sleep)/environ")
    assert find_lost(main) == {}


def test_extensions_have_what_their_host_does_not_read(box: Container) -> None:
    helper = box.execute("sh", "-c", "echo /opt/devcopilot/lib/*/site-packages/agent/services")
    said = box.execute(
        *("env", "-i", "DEV8_RUNTIME_DIR=/dev/shm/devcopilot-1000"),
        *("/opt/code-server/node", "--require", f"{helper.strip()}/give-back.cjs"),
        *("-p", "JSON.stringify(process.env)", "--", "--type=extensionHost"),
    )
    environ = json.loads(said)
    assert environ["PORT"] == "3000"
    assert environ["XDG_CONFIG_HOME"] == "/missing"
    assert not {"NODE_OPTIONS", "VSCODE_DEV", "OPENSSL_CONF"} & set(environ)

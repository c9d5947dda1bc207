"""The doctor's checks of AI tools: hosts that refuse keys, and tools that say so of themselves."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.tools.checks import keys, login, sandbox, settings
from tests.worlds.machine import make_facts

OK, WARN, FAIL, SKIPPED, UNKNOWN = Result
GOOD = {
    "ANTHROPIC_API_KEY": ("/v1/models", "x-api-key", "sk-ant-good0123"),
    "OPENAI_API_KEY": ("/v1/models", "authorization", "Bearer sk-good01234"),
    "GEMINI_API_KEY": ("/v1beta/models", "x-goog-api-key", "gm-good012345"),
}
"""Where and how each host wants its key, and the one that it takes."""


class Host(BaseHTTPRequestHandler):
    """Lists models to whoever has a good key, and refuses others as the three hosts do."""

    answer: int | None = None
    asked: list[str] = []  # noqa: RUF012 - a new class for each test

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        known = [self.headers.get(header) == key for path, header, key in GOOD.values()
                 if self.path == path]  # fmt: skip
        status, body = (200, b"{}") if any(known) else (401, b"{}")
        if self.headers.get("x-goog-api-key") and status != 200:
            status, body = 400, b'{"error": {"details": [{"reason": "API_KEY_INVALID"}]}}'
        if self.path == "/v1/models" and self.headers.get("x-api-key"):
            status = status if self.headers.get("anthropic-version") else 400
        self.send_response(self.answer or status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def host(answer: int | None = None) -> Iterator[tuple[str, type[Host]]]:
    """Run the host; yield its address and what it was asked."""
    kind = type("Handler", (Host,), {"answer": answer, "asked": []})
    with HTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", kind
        finally:
            server.shutdown()
            thread.join()


def look(check: Check, root: Path, environ: dict[str, str], **variables: str) -> list[Finding]:
    facts = make_facts(root, **environ)
    return list(check.look(Context(variables, Settings.from_environ(variables), facts)))


def words(found: Sequence[Finding]) -> str:
    return "\n".join(f"{finding.summary} | {finding.fix}" for finding in found)


def bases(url: str) -> dict[str, str]:
    return {"ANTHROPIC_BASE_URL": url, "OPENAI_BASE_URL": f"{url}/v1",
            "GOOGLE_GEMINI_BASE_URL": f"{url}/"}  # fmt: skip


@pytest.mark.parametrize("variable", GOOD)
def test_a_host_takes_or_refuses_a_key(variable: str, tmp_path: Path) -> None:
    path, _, key = GOOD[variable]
    key = key.removeprefix("Bearer ")
    with host() as (url, kind):
        (found,) = look(keys.CHECK, tmp_path, bases(url), **{variable: key})
        assert found.result is OK, words([found])
        bad = "sk-bad0123456789"
        (found,) = look(keys.CHECK, tmp_path, bases(url), **{variable: bad})
        assert (found.result, found.part) == (FAIL, variable)
        assert f"put a valid key into {variable}_FILE" in found.fix
        assert bad not in words([found])
        assert kind.asked == [path, path], "no key is in an address"


@pytest.mark.parametrize("status", [404, 429, 500, 302])
def test_other_answers_show_nothing(status: int, tmp_path: Path) -> None:
    with host(status) as (url, _):
        (found,) = look(keys.CHECK, tmp_path, bases(url), OPENAI_API_KEY="sk-good01234")
    assert (found.result, found.facts["status"]) == (UNKNOWN, status)
    (found,) = look(keys.CHECK, tmp_path, bases(url), OPENAI_API_KEY="sk-good01234")
    assert (found.result, found.fix) == (UNKNOWN, "devcopilot doctor network")


def test_a_key_that_cannot_be_read(tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    (found,) = look(keys.CHECK, tmp_path, {}, OPENAI_API_KEY_FILE=missing)
    assert (found.result, "no such file" in found.summary) == (FAIL, True)
    assert look(keys.CHECK, tmp_path, {}) == []


def put(root: Path, name: str, script: str) -> dict[str, str]:
    """Put a program of this name on the PATH; return the environment."""
    folder = root / "bin"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("code", "given", "result"), [(0, False, OK), (1, False, SKIPPED), (1, True, FAIL)]
)
def test_a_tool_says_whether_it_is_signed_in(
    code: int, given: bool, result: Result, tmp_path: Path
) -> None:
    environ = put(tmp_path, "claude", f'[ "$*" = "auth status" ] && exit {code}; exit 3')
    variables = {"ANTHROPIC_API_KEY": "sk-ant-good0123"} if given else {}
    (found,) = look(login.CHECK, tmp_path, environ, **variables)
    assert (found.result, found.part) == (result, "claude")


def test_a_classic_token_is_no_use_for_copilot(tmp_path: Path) -> None:
    given = {"GITHUB_TOKEN": "ghp_classic0123456789", "DEV8_AI_TOOLS": "copilot"}
    (found,) = look(settings.CHECK, tmp_path, {}, **given)
    assert (found.result, found.part) == (WARN, "copilot")
    assert "github_pat_" in found.fix
    given["GITHUB_TOKEN"] = "github_pat_0123456789"
    assert look(settings.CHECK, tmp_path, {}, **given) == []


BWRAP = "echo 'bwrap: No permissions to create a new namespace' >&2; exit 1"


@pytest.mark.parametrize(
    ("script", "result", "said"),
    [
        ('[ "$1 $2" = "sandbox --" ] && shift 2 && exec "$@"', OK, "can run commands"),
        (BWRAP, WARN, "bwrap: No permissions"),
        ("exit 0", WARN, "it ran nothing"),
        ("echo 'error: unrecognized subcommand' >&2; exit 2", UNKNOWN, "unrecognized subcommand"),
    ],
)
def test_the_sandbox_of_codex(script: str, result: Result, said: str, tmp_path: Path) -> None:
    (found,) = look(sandbox.CHECK, tmp_path, put(tmp_path, "codex", script))
    assert (found.result, said in found.summary) == (result, True)
    if result is WARN:
        assert "the container is the sandbox" in found.fix
        setting = 'sandbox_mode = "danger-full-access"'
        assert f"put {setting} at the top of {tmp_path}/home/.codex/config.toml" in found.fix
        (tmp_path / "home/.codex").mkdir()
        (tmp_path / "home/.codex/config.toml").write_text(f"{setting}\n")
        (found,) = look(sandbox.CHECK, tmp_path, put(tmp_path, "codex", script))
        assert found.result is OK, "the fix fixes it, although `codex sandbox` still fails"

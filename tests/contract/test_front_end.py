"""deploy/front-end, the example of docs/front-end.md: who sees what, and what the page may do."""

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.worlds.containers import find_free_port
from tests.worlds.programs import Awaited
from tests.worlds.waiting import wait_until

SERVER = Path(__file__).resolve().parents[2] / "deploy/front-end/server.py"
LINK = {"url": "x", "action": "https://octo.example.com/devcopilot/open", "token": 'TX6_"<'}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, number = tmp_path_factory.mktemp("front"), find_free_port()
    (folder / "users.json").write_text(json.dumps({"octo": ["ada"], "later": ["ada"]}))
    (folder / "octo").write_text(json.dumps(LINK))
    argv = [sys.executable, str(SERVER), "--port", str(number), "--users", f"{folder}/users.json",
            "--open", f"cat {folder}/{{id}}"]  # fmt: skip
    with Awaited[bytes](argv, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: answers(number), "the front end")
            yield number
        finally:
            process.kill()


def answers(port: int) -> bool:
    with suppress(OSError):
        return ask(port, "/")[0] == 404
    return False


def ask(port: int, path: str, user: str = "") -> tuple[int, http.client.HTTPMessage, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        connection.request("GET", path, headers={"X-Forwarded-User": user} if user else {})
        found = connection.getresponse()
        return found.status, found.headers, found.read().decode()


def test_the_page_posts_the_token_into_the_frame(port: int) -> None:
    status, headers, page = ask(port, "/environments/octo/ide", "ada")
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert 'method="post" target="ide" action="https://octo.example.com/devcopilot/open"' in page
    assert 'name="token" value="TX6_&quot;&lt;"' in page
    policy = headers["Content-Security-Policy"]
    assert "frame-src https://octo.example.com; form-action https://octo.example.com;" in policy
    assert len(re.findall("sha256-", policy)) == 2
    assert "unsafe" not in policy


def test_a_tab_is_offered_and_has_a_link_of_its_own(port: int) -> None:
    _, _, framed = ask(port, "/environments/octo/ide/", "ada")
    assert '<a href="/environments/octo/tab" target="_blank" rel="noopener">' in framed
    status, headers, page = ask(port, "/environments/octo/tab", "ada")
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert 'method="post" target="_self" action="https://octo.example.com/devcopilot/open"' in page
    assert "<iframe" not in page


@pytest.mark.parametrize(
    ("path", "user"),
    [
        ("/environments/octo/ide", ""),
        ("/environments/octo/ide", "grace"),
        ("/environments/octo/tab", "grace"),
        ("/environments/hubot/ide", "ada"),
        ("/environments/../octo/ide", "ada"),
        ("/environments/octo;id/ide", "ada"),
        ("/", "ada"),
    ],
)
def test_nobody_sees_what_is_not_theirs(path: str, user: str, port: int) -> None:
    status, _, page = ask(port, path, user)
    assert status == 404
    assert "TX6" not in page


def test_a_workspace_that_gives_no_link_is_not_ready(port: int) -> None:
    status, _, page = ask(port, "/environments/later/ide", "ada")
    assert status == 503
    assert "not ready" in page

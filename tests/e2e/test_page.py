"""The workspace page in a real browser, behind the editor's login, with no network around it.

Its screenshots are in reports/page/.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.worlds import browsers
from tests.worlds.containers import (
    ANY_UID,
    BASE,
    MVP,
    NO_PRIVILEGES,
    Container,
    Recipe,
    docker,
    running,
)  # fmt: skip

PASSWORD = "correct horse battery staple"
EVIL = "<img src=x onerror=document.title='owned'>"
SECRET = "a-secret-of-somebody"
WORKSPACE = "/workspace:uid=12345,gid=0,mode=0770,size=64m"
PORT, SITE = "3000", "my own server"


@pytest.fixture(scope="module")
def box() -> Iterator[Container]:
    """A hardened workspace without a network, with a backup and a name that attacks.

    How full its disk is, is not the machine's: the page would tell of that.
    """
    options = (
        *("--read-only", "-v", "/home/dev8", "-v", "/tmp", "--tmpfs", WORKSPACE), *NO_PRIVILEGES,
        *ANY_UID, "--network", "none", "-e", f"CODE_SERVER_PASSWORD={PASSWORD}",
        "-e", f"ENVIRONMENT_ID={EVIL}", "-e", "BACKUP_DIR=/tmp/backups",
        "-e", "DEV8_BACKUP_SCHEDULE=off",
        "-e", f"GITHUB_TOKEN={SECRET}",
    )  # fmt: skip
    with running(Recipe(MVP, options, published=False)) as box:
        box.wait_ready()
        box.execute("devcopilot", "backup", "create")
        box.execute("sh", "-c", f"mkdir /tmp/site && echo '{SITE}' >/tmp/site/index.html")
        docker("exec", "--detach", box.name, "python3", "-m", "http.server", PORT,
               "--directory", "/tmp/site")  # fmt: skip
        box.execute("devcopilot", "wait", "--for", f"port:{PORT}", "--timeout", "110")
        yield box


@pytest.fixture(scope="module")
def seen(box: Container, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("page")
    words = (browsers.EDITOR, PASSWORD, "/out")
    found: dict[str, Any] = browsers.browse(box, folder, "page", "look_at_page.py", *words)
    return found


def test_it_tells_how_the_workspace_is(seen: dict[str, Any]) -> None:
    page = seen["page"]
    headline = page["headline"].removeprefix("Warning:").strip()
    assert page["title"] == f"{headline} · {EVIL}"
    assert page["sections"][:4] == ["Services", "GitHub", "AI tools", "Backups"]
    assert page["sections"][-2:] == ["Log", "Versions"]
    for words in ("code-server", "sshd", "local", "READY in"):
        assert words in page["text"], words
    assert re.search(r"just now|\b\d min ago", page["text"]), "when the backup was made"
    assert SECRET not in json.dumps(seen)


def test_it_is_one_request_and_the_policy_lets_it_work(seen: dict[str, Any]) -> None:
    assert seen["requests"] == ["http://127.0.0.1:8080/proxy/8079/"]
    assert seen["page"]["font"] == "600", "the style sheet counts"
    complaints = [line for line in seen["console"] if "ERR_INTERNET_DISCONNECTED" not in line]
    assert complaints == []


def test_without_its_slash_it_is_the_same(seen: dict[str, Any]) -> None:
    assert seen["bare"]["url"] == "http://127.0.0.1:8080/proxy/8079/"
    assert seen["bare"]["sections"] == seen["page"]["sections"]
    assert seen["bare"]["font"] == "600"


def test_everybody_can_read_it(seen: dict[str, Any]) -> None:
    assert {key: found for key, found in seen["audits"].items() if found} == {}
    assert seen["widths"] == {key: int(key.split()[1]) for key in seen["widths"]}, "no sideways"


def test_the_keyboard_reaches_everything_and_shows_where_it_is(seen: dict[str, Any]) -> None:
    assert seen["focus"][0][1] == "Skip to the details"
    assert [at for at in seen["focus"] if not at[2]] == []
    assert {"A", "BUTTON", "DIV"} == {at[0] for at in seen["focus"]}


def test_a_link_of_a_port_leads_to_its_server(seen: dict[str, Any]) -> None:
    for look in (seen["page"], seen["bare"]):
        assert look["links"] == [f"http://127.0.0.1:8080/proxy/{PORT}/"]
    assert seen["opened"] == SITE


def test_a_command_is_copied(seen: dict[str, Any]) -> None:
    assert seen["copied"] == seen["meant"]
    assert seen["copied"].startswith("devcopilot ")


def test_it_stays_fresh_and_says_when_it_cannot(seen: dict[str, Any]) -> None:
    assert seen["fresh"] == seen["page"]["headline"]
    assert seen["news"].startswith("The workspace does not answer")


def test_without_javascript_it_is_all_there(seen: dict[str, Any]) -> None:
    plain = seen["plain"]
    assert plain["headline"] == seen["page"]["headline"]
    assert (plain["refresh"], plain["buttons"]) == (1, 0), "it loads itself; no dead button"
    assert plain["sources"] == ["init"], "the link of a source works"


CURL = ("curl", "--silent", "--max-time", "20", "--output", "/dev/null", "--write-out",
        "%{http_code}")  # fmt: skip


def test_only_its_user_sees_it_and_nothing_can_be_changed(box: Container) -> None:
    page = "http://127.0.0.1:8079/"
    assert box.execute(*CURL, page) == "200"
    assert box.execute(*CURL, "--request", "POST", page) in ("405", "501")
    assert box.execute(*CURL, "--header", "Host: evil.example", page) == "403"
    assert box.execute(*CURL, page, user="23456:0") == "403"


def test_over_ssh_alone_it_is_there_as_well() -> None:
    with running(Recipe(BASE, ("-e", "DEV8_SSH=true"))) as box:
        box.wait_ready()
        assert "page      http://127.0.0.1:8079/" in box.execute("devcopilot", "status")
        assert box.execute(*CURL, "http://127.0.0.1:8079/") == "200"

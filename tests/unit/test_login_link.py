"""One-time links: what is kept of them, and what is said to browsers."""

import argparse
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent.commands import open as verb
from agent.commands.output import Printer
from agent.machine.errors import AgentError
from agent.machine.light.exits import Exit
from agent.machine.planning.resources import File
from agent.services import code_server, login_link
from agent.settings import context
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds.clocks import DrivenClock
from tests.worlds.machine import make_facts

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OTAxMjM0NQ"
SAME_SITE = "; SameSite=Lax; HttpOnly"
ANY_SITE = "; HttpOnly; Secure; SameSite=None; Partitioned"


def read_door(folder: Path, **environ: str) -> dict[str, str | None]:
    given = {"CODE_SERVER_HASHED_PASSWORD": HASH, "ENVIRONMENT_ID": "octo", **environ}
    items = code_server.resources(Context({}, Settings.from_environ(given), make_facts(folder)))
    (door,) = (item for item in items
               if isinstance(item, File) and item.path.name == login_link.DOOR)  # fmt: skip
    assert door.mode == 0o600
    found: dict[str, str | None] = json.loads(door.content)
    return found


@pytest.mark.parametrize(
    ("public", "reach", "flags", "origin"),
    [
        ("", "Path=/", SAME_SITE, None),
        ("http://127.0.0.1:8080", "Path=/", SAME_SITE, None),
        ("http://dev.example.com", "Domain=dev.example.com; Path=/", SAME_SITE, None),
        ("https://dev.example.com", "Domain=dev.example.com; Path=/", ANY_SITE,
         "https://dev.example.com"),
        ("https://Example.com:8443/octo/", "Domain=example.com; Path=/octo", ANY_SITE,
         "https://example.com:8443"),
        ("https://dev.example.com:443", "Domain=dev.example.com; Path=/", ANY_SITE,
         "https://dev.example.com"),
        ("https://10.0.0.1", "Path=/", ANY_SITE, "https://10.0.0.1"),
        ("https://octo.localhost", "Path=/", ANY_SITE, "https://octo.localhost"),
    ],
)  # fmt: skip
def test_the_cookie_goes_where_the_public_address_is(
    public: str, reach: str, flags: str, origin: str | None, tmp_path: Path
) -> None:
    door = read_door(tmp_path, DEV8_PUBLIC_URL=public)
    value = HASH.replace("$", "%24").replace("=", "%3D").replace(",", "%2C")
    assert door["name"] == "code-server-session-octo"
    assert door["cookie"] == f"code-server-session-octo={value}; {reach}{flags}"
    assert (door["flags"], door["origin"]) == (flags, origin)


@pytest.fixture
def current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    facts = make_facts(tmp_path, PATH=str(tmp_path))
    (tmp_path / "code-server").write_text("#!/bin/sh\n")
    (tmp_path / "code-server").chmod(0o755)
    environ = {"DEV8_PUBLIC_URL": "https://dev.example.com/octo"}
    made = Context(environ, Settings.from_environ(environ), replace(facts, clock=DrivenClock()))
    monkeypatch.setattr(context, "load", lambda: made)
    return made


def with_variables(current: Context, **environ: str) -> Context:
    return replace(current, settings=Settings.from_environ(environ))


def test_of_a_link_only_the_digest_is_kept(current: Context) -> None:
    link = login_link.make(current.settings, current.facts, 60)
    assert link.url == f"https://dev.example.com/octo/devcopilot/open#{link.token}"
    assert len(link.token) == 43
    folder = current.facts.runtime / login_link.LINKS
    (file,) = folder.iterdir()
    assert file.name == hashlib.sha256(link.token.encode()).hexdigest()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert json.loads(file.read_text()) == {"until": current.facts.clock.uptime() + 60}


def test_links_that_are_long_over_are_removed(current: Context) -> None:
    clock = current.facts.clock
    assert isinstance(clock, DrivenClock)
    first = login_link.make(current.settings, current.facts, 60)
    folder = current.facts.runtime / login_link.LINKS
    for file in folder.iterdir():
        file.rename(f"{file}.used")
    clock.go(hours=24)
    login_link.make(current.settings, current.facts, 60)
    assert len(list(folder.iterdir())) == 2, "one that is over is told from one that never was"
    clock.go(minutes=2)
    login_link.make(current.settings, current.facts, 60)
    assert hashlib.sha256(first.token.encode()).hexdigest() not in str(list(folder.iterdir()))
    assert len(list(folder.iterdir())) == 2


def run(seconds: float = 600.0) -> int:
    return verb.run(argparse.Namespace(seconds=seconds), Printer())


def test_the_link_is_all_of_the_output(
    current: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    assert current.settings.front.is_https
    assert run() == Exit.OK
    out, err = capsys.readouterr()
    assert out.startswith("https://dev.example.com/octo/devcopilot/open#")
    assert out.count("\n") == 1
    assert "it works once, in the next 10 min" in err


def test_without_a_password_there_is_only_the_address(
    current: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = with_variables(current, CODE_SERVER_AUTH="none")
    monkeypatch.setattr(context, "load", lambda: changed)
    assert run() == Exit.OK
    out, err = capsys.readouterr()
    assert out == "http://127.0.0.1:8080/\n"
    assert "DEV8_PUBLIC_URL is not set" in err
    assert not (current.facts.runtime / login_link.LINKS).exists()


def test_a_link_is_not_for_long(current: Context) -> None:
    assert current.settings.front.is_https
    with pytest.raises(AgentError) as caught:
        run(25 * 3600.0)
    assert caught.value.exit_code == Exit.USAGE


def test_without_an_editor_there_is_nothing_to_open(
    current: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = with_variables(current, DEV8_CODE_SERVER="false")
    monkeypatch.setattr(context, "load", lambda: changed)
    with pytest.raises(AgentError, match="code-server does not run here"):
        run()


def test_a_place_that_takes_no_file_is_an_error_with_a_cause(current: Context) -> None:
    (current.facts.runtime / login_link.LINKS).write_text("in the way")
    with pytest.raises(AgentError, match="cannot make a link"):
        run()

"""The editor's password and its hash: made once, kept, known again, never in clear."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent.machine.errors import AgentError, Problem
from agent.machine.light.exits import Exit
from agent.machine.planning.actions import WriteFile
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import Plan, apply, plan
from agent.machine.storage.volumes import Mounts, Volume
from agent.machine.system import Facts, System
from agent.services import editor_login
from agent.services.editor_login import PASSWORD, RECORD, Hash, Password
from agent.settings import argon2
from agent.settings.everything import Settings

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OTAxMjM0NQ"


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    (tmp_path / "home").mkdir(mode=0o755)
    return Facts(tmp_path / "home", 1, tmp_path / "run", tmp_path / "home/state")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every password that a hash was computed of."""
    real, found = argon2.hash_password, list[str]()

    def count(word: str) -> str:
        found.append(word)
        return real(word)

    monkeypatch.setattr(argon2, "hash_password", count)
    return found


def start(facts: Facts, ledger: Ledger | None = None, /, **environ: str) -> tuple[str, Plan]:
    """Do what a start of the container does; return the hash in use, and what was done."""
    found: list[str] = []

    def resources() -> object:
        for item in editor_login.resources(Settings.from_environ(environ), facts):
            if isinstance(item, Hash):
                found.append(item.text)
            else:
                yield item

    ledger = Ledger() if ledger is None else ledger
    planned = plan("code-server", resources(), facts, ledger)  # type: ignore[arg-type]
    assert apply(planned, System({}), ledger) == ()
    (text,) = found
    return text, planned


def test_a_password_is_hashed_once_and_again_only_when_it_changes(
    facts: Facts, made: list[str]
) -> None:
    first, _ = start(facts, CODE_SERVER_PASSWORD="one")
    assert start(facts, CODE_SERVER_PASSWORD="one")[0] == first
    other, _ = start(facts, CODE_SERVER_PASSWORD="two")
    back, _ = start(facts, CODE_SERVER_PASSWORD="one")
    assert made == ["one", "two", "one"]
    assert len({first, other, back}) == 3, "sessions of an earlier password have ended"
    assert (facts.state / RECORD).stat().st_mode & 0o777 == 0o600


def test_the_record_tells_nothing_of_the_password(facts: Facts) -> None:
    """The same password leaves other marks elsewhere: no table of guesses fits two records."""
    start(facts, CODE_SERVER_PASSWORD="correct horse")
    one = (facts.state / RECORD).read_text()
    (facts.state / RECORD).unlink()
    start(facts, CODE_SERVER_PASSWORD="correct horse")
    other = (facts.state / RECORD).read_text()
    assert "correct horse" not in one
    assert not set(json.loads(one).values()) & set(json.loads(other).values())


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"hash": 1, "salt": "zz", "mark": "00"}', b"[" * 99999],
)
def test_a_damaged_record_is_made_anew(facts: Facts, content: bytes) -> None:
    start(facts, CODE_SERVER_PASSWORD="one")
    (facts.state / RECORD).write_bytes(content)
    text, planned = start(facts, CODE_SERVER_PASSWORD="one")
    assert planned.problems == ()
    assert argon2.find_fault(text) is None
    assert json.loads((facts.state / RECORD).read_bytes())["hash"] == text


def test_a_record_with_a_hash_that_hangs_is_made_anew(facts: Facts) -> None:
    start(facts, CODE_SERVER_PASSWORD="one")
    record = json.loads((facts.state / RECORD).read_bytes())
    bad = HASH.replace("t=2", "t=4294967295")
    (facts.state / RECORD).write_text(json.dumps({**record, "hash": bad}))
    assert start(facts, CODE_SERVER_PASSWORD="one")[0] not in (bad, record["hash"])


def test_a_password_is_made_and_kept_and_told_of_once(facts: Facts, made: list[str]) -> None:
    text, planned = start(facts)
    kept = (facts.state / PASSWORD).read_text().strip()
    assert len(kept) >= 16
    assert (facts.state / PASSWORD).stat().st_mode & 0o777 == 0o600
    words = find_announcement(planned)
    assert "devcopilot password" in words
    assert kept not in words + repr(planned)
    again, planned = start(facts)
    assert (again, planned.actions) == (text, ())
    assert (made, text) == ([], find_fast_hash(kept)), "the start waits for no slow one"
    assert editor_login.find_password(Settings.from_environ({}), facts) == Password(kept, True)


def find_fast_hash(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def test_a_slow_hash_that_an_earlier_version_kept_logs_nobody_out(facts: Facts) -> None:
    start(facts)
    password = Password((facts.state / PASSWORD).read_text().strip(), made=True)
    mark = editor_login._mark(password, b"salt" * 4).hex()
    record = {"hash": HASH, "salt": (b"salt" * 4).hex(), "mark": mark}
    (facts.state / RECORD).write_text(json.dumps(record))
    text, planned = start(facts)
    assert (text, planned.problems) == (HASH, ())


def test_a_password_that_somebody_wrote_in_its_place_gets_a_slow_hash(
    facts: Facts, made: list[str]
) -> None:
    start(facts)
    (facts.state / PASSWORD).write_text("short\n")
    text, _ = start(facts)
    assert made == ["short"]
    assert argon2.find_fault(text) is None
    assert start(facts)[0] == text, "it is kept"


def test_the_hash_of_a_given_password_goes_with_it(facts: Facts) -> None:
    ledger = Ledger()
    start(facts, ledger, CODE_SERVER_PASSWORD="one")
    assert (facts.state / RECORD).exists()
    start(facts, ledger)
    assert not (facts.state / RECORD).exists()


def find_announcement(planned: Plan) -> str:
    (words,) = [item.announcement for item in planned.actions if isinstance(item, WriteFile)
                if item.announcement]  # fmt: skip
    return words


def test_who_wants_the_password_in_the_log_gets_it_there(facts: Facts) -> None:
    _, planned = start(facts, DEV8_LOG_PASSWORD="true")
    kept = (facts.state / PASSWORD).read_text().strip()
    assert find_announcement(planned).count(kept) == 1
    assert kept not in repr(planned)


@pytest.mark.parametrize("trouble", ["full", "folder", "empty"])
def test_a_password_that_cannot_be_kept_lasts_as_long_as_the_container(
    facts: Facts, monkeypatch: pytest.MonkeyPatch, trouble: str, made: list[str]
) -> None:
    kept, spare = facts.state / PASSWORD, facts.runtime / PASSWORD
    kept.parent.mkdir(parents=True)
    match trouble:
        case "full":
            monkeypatch.setattr(editor_login, "ROOM", 1 << 62)
        case "folder":
            kept.mkdir()
        case "empty":
            kept.touch()
    text, _ = start(facts)
    word = spare.read_text().strip()
    assert len(word) >= 16
    again, planned = start(facts)
    assert (again, planned.actions) == (text, ())
    assert (made, text) == ([], find_fast_hash(word))


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"CODE_SERVER_PASSWORD_FILE": "/no/such"}, "CODE_SERVER_PASSWORD_FILE"),
        ({"CODE_SERVER_PASSWORD": " \u00a0\ufeff"}, "CODE_SERVER_PASSWORD"),
        ({"CODE_SERVER_PASSWORD": "two\nlines"}, "CODE_SERVER_PASSWORD"),
        ({"CODE_SERVER_PASSWORD": "a bell\x07!"}, "CODE_SERVER_PASSWORD"),
    ],
)
def test_a_password_that_nobody_could_log_in_with_still_protects(
    facts: Facts, environ: dict[str, str], named: str
) -> None:
    _, planned = start(facts, **environ)
    (problem,) = planned.problems
    assert named in str(problem)
    assert (facts.state / PASSWORD).exists()


def test_what_is_hashed_is_what_code_server_compares(facts: Facts, made: list[str]) -> None:
    """It trims what is typed: with a space at its end a password never fitted."""
    start(facts, CODE_SERVER_PASSWORD="\ufeff pass word \u2003")
    start(facts, CODE_SERVER_PASSWORD="\x1c\x85")  # spaces for Python alone
    assert made == ["pass word", "\x1c\x85"]


def test_a_given_hash_is_used_as_it_is(facts: Facts, made: list[str]) -> None:
    text, planned = start(facts, CODE_SERVER_HASHED_PASSWORD=HASH)
    assert (text, planned.actions, made) == (HASH, (), [])
    settings = Settings.from_environ({"CODE_SERVER_HASHED_PASSWORD": HASH})
    assert editor_login.find_password(settings, facts) == Hash(HASH)


def test_a_hash_that_is_none_ends_the_start(facts: Facts) -> None:
    with pytest.raises(AgentError) as caught:
        Settings.from_environ({"CODE_SERVER_HASHED_PASSWORD": "5e884898da280471"})
    assert caught.value.exit_code == Exit.USAGE
    (problem,) = caught.value.problems
    assert "CODE_SERVER_HASHED_PASSWORD" in str(problem)
    assert "5e884898da280471" not in str(problem)


def test_a_hash_in_a_file_that_is_none_is_not_handed_on(facts: Facts, tmp_path: Path) -> None:
    path = tmp_path / "hash"
    path.write_text("5e884898da280471\n")
    text, planned = start(facts, CODE_SERVER_HASHED_PASSWORD_FILE=str(path))
    (problem,) = planned.problems
    assert "5e884898da280471" not in str(problem)
    assert text == find_fast_hash((facts.state / PASSWORD).read_text().strip())
    assert (facts.state / PASSWORD).exists()


def test_where_others_could_read_it_no_hash_is_kept(facts: Facts) -> None:
    """On a share with fixed modes: whoever reads the hash is let in."""
    share = Mounts(state=Volume(mode=0o777))
    text, _ = start(replace(facts, mounts=share), CODE_SERVER_PASSWORD="one")
    assert not (facts.state / RECORD).exists()
    assert json.loads((facts.runtime / RECORD).read_bytes())["hash"] == text


def test_the_hash_is_hidden_from_the_log(facts: Facts) -> None:
    text, _ = start(facts, CODE_SERVER_PASSWORD="one")
    assert (facts.runtime / "hidden/code-server-hash").read_text() == text


def test_a_second_look_changes_nothing_where_nothing_can_be_read(facts: Facts) -> None:
    """A state folder of somebody else's: both lie in the runtime folder then."""
    broken = replace(facts, state=facts.home / "file/state")
    (facts.home / "file").touch()
    items = list(editor_login.resources(Settings.from_environ({}), broken))
    places = {item.path.parent for item in items if not isinstance(item, Hash | Problem)}
    assert places == {facts.runtime / "code-server", facts.runtime / "hidden"}

"""No secret that is planted anywhere is in a support bundle, and it comes wherever it is made."""

import argparse
import base64
import gzip
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from agent.commands import support_bundle
from agent.commands.output import Printer
from agent.machine.errors import AgentError, Problem
from agent.machine.light import runtime
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import apply, plan
from agent.machine.records.unit_log import FOLDER as LOGS
from agent.machine.system import System
from agent.observe.bundle import all as members
from agent.observe.bundle import archive, cleaning, records
from agent.observe.bundle.archive import Archive, LeakError, pack, verify
from agent.observe.bundle.cleaning import Cleaner
from agent.observe.bundle.part import Content, Part, Source
from agent.settings import context, stored

KNOWN = {
    "GITHUB_TOKEN": "plain-token-nobody-knows-the-shape-of",
    "ANTHROPIC_API_KEY": "anthropic key value 0123",
    "OPENAI_API_KEY": "openai-value-0123456789",
    "GEMINI_API_KEY": "gemini-value-0123456789",
    "CODE_SERVER_PASSWORD": 'pass"word with \\ and ü',
    "DEV8_BACKUP_PASSWORD": "backup/pass+word=0123",
    "DEV8_BACKUP_S3_SECRET_ACCESS_KEY": "s3-secret-0123456789",
    "MY_OWN_SECRET": "the-users-own-0123456789",
    "DATABASE_URL": "postgres://me:url-password-01@db/x",
}
"""Given as variables."""
IN_STATE = {
    "backup/password": "made-for-backups-0123",
    "code-server/password": "made-for-editor-0123",
    "github-refresh/github.com": '{"token": "refresh-token-value-0123"}',
}
IN_HOME = {
    ".git-credentials": "https://me:stored-by-git-0123@example.com\n",
    ".netrc": "machine example.com login me password netrc-word-0123\n",
    ".config/gh/hosts.yml": "github.com:\n    oauth_token: gh-value-0123456789\n",
}
SHAPED = (
    "ghp_" + "a1B2" * 9, "github_pat_" + "A1b2_" * 8, "AKIAIOSFODNN7EXAMPLE",
    "sk-ant-api03-" + "x9Y8" * 6, "AIza" + "Sy0" * 10,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "tr0ub4dor-in-a-url", "bearer-value-0123", "signature%2Fvalue%3D",
    "MIIEpAIBAAKCAQEAxPl1a2b3c4d5e6f7g8h9i0jAkBlCmDnEoFpGqHrIsJtKuLvM", "assigned-value-0123",
)  # fmt: skip
"""Nobody knows them; only what they look like gives them away."""
LINES = (
    f"fetching with {SHAPED[0]}", f"and {SHAPED[1]}!", f"key {SHAPED[2]};", f"'{SHAPED[3]}'",
    SHAPED[4], f"token={SHAPED[5]}", f"https://user:{SHAPED[6]}@example.com/x",
    f"Authorization: Bearer {SHAPED[7]}", f"GET /x?sig={SHAPED[8]}&y=1",
    f"-----BEGIN RSA PRIVATE KEY-----\n{SHAPED[9]}\n-----END RSA PRIVATE KEY-----",
    f"MY_TOKEN={SHAPED[10]} ./run",
)  # fmt: skip
HARMLESS = (
    "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "https://github.com/octo/demo.git", "GITHUB_TOKEN_FILE=/run/secrets/token",
    "git@github.com:octo/demo.git", "the token of github.com ends in 12 min",
)  # fmt: skip


class Workspace:
    """A configured workspace; the agent does not run."""

    def __init__(self, root: Path) -> None:
        home = root / "home"
        (home / ".ssh").mkdir(parents=True)
        self.environ = {
            "HOME": str(home), "PATH": os.environ["PATH"], "WORKSPACE_DIR": str(home),
            "DEV8_RUNTIME_DIR": str(root / "runtime"), "DEV8_SSH_PORT": "2345", **KNOWN,
        }  # fmt: skip
        runtime.make(str(root / "runtime"), os.getuid())
        self.context = context.from_environ(self.environ)
        facts = self.context.facts
        planned = plan("test", stored.resources(self.environ, facts), facts, Ledger())
        assert apply(planned, System(facts.environ), Ledger()) == ()
        for folder, files in ((facts.state, IN_STATE), (facts.home, IN_HOME)):
            for name, text in files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text)
        self.logs = facts.runtime / LOGS
        self.logs.mkdir(exist_ok=True)

    def note(self, *lines: str, name: str = "recent") -> None:
        """Let a log hold these lines as they are: nothing has masked it."""
        (self.logs / name).write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    found = Workspace(tmp_path)
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in found.environ.items():
        if name not in KNOWN:
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(support_bundle, "CHECKS", ())
    return found


def make(*words: str) -> bytes:
    """Run the verb and return the archive."""
    parser = argparse.ArgumentParser()
    support_bundle.add_arguments(parser)
    assert support_bundle.run(parser.parse_args(["--out", "it.tar.gz", *words]), Printer()) == 0
    return Path("it.tar.gz").read_bytes()


def unpack(packed: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as found:
        files = {entry.name: found.extractfile(entry) for entry in found}
        return {name.partition("/")[2]: file.read() for name, file in files.items() if file}


def find_written(secret: str) -> Iterator[bytes]:
    """Yield a secret as programs write it."""
    yield secret.encode()
    yield json.dumps(secret)[1:-1].encode()
    yield quote(secret, safe="").encode()
    yield base64.b64encode(secret.encode())
    yield base64.b64encode(f"x-access-token:{secret}".encode())


ALL_KNOWN = (
    *(value for name, value in KNOWN.items() if name != "DATABASE_URL"), "url-password-01",
    "made-for-backups-0123", "made-for-editor-0123", "refresh-token-value-0123",
    "stored-by-git-0123", "netrc-word-0123", "gh-value-0123456789",
)  # fmt: skip


def test_no_planted_secret_is_in_it_in_any_form(workspace: Workspace) -> None:
    assert len(ALL_KNOWN) + len(SHAPED) >= 20
    lines = [form.decode() for secret in ALL_KNOWN for form in find_written(secret)]
    workspace.note(*lines, *LINES, *HARMLESS)
    workspace.note(*LINES, name="clone.log")
    packed = make()
    plain = gzip.decompress(packed)
    for secret in (*ALL_KNOWN, *SHAPED):
        for form in find_written(secret):
            assert form not in plain, secret
    files = unpack(packed)
    for line in HARMLESS:
        assert line in files["logs/recent"].decode()
    masked = json.loads(files["manifest.json"])["masked"]
    assert masked["known secret"] >= len(lines) * 0.9
    assert {"GitHub token", "PEM block", "login in a URL", "JSON web token"} <= set(masked)


def test_it_is_for_its_owner_alone_and_says_what_is_in_it(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.note("a line")
    files = unpack(make())
    assert Path("it.tar.gz").stat().st_mode & 0o777 == 0o600
    manifest = json.loads(files["manifest.json"])
    rows = {row["name"]: row for row in manifest["members"]}
    assert set(files) - {"manifest.json"} == {
        name for name, row in rows.items() if not row["error"]
    }
    assert rows["logs/recent"]["size"] == len(files["logs/recent"]) == len("a line\n")
    assert "docker logs" in str(manifest["elsewhere"])
    said = capsys.readouterr().out
    assert "without status.json: the agent is not running here" in said
    assert "look through it before you pass it on" in said


def test_settings_are_set_or_not_and_show_no_text(workspace: Workspace) -> None:
    assert workspace
    settings = json.loads(unpack(make())["settings.json"])
    rows = settings["variables"]
    assert rows["GITHUB_TOKEN"] == {"set": True, "as": ["GITHUB_TOKEN"], "value": None}
    assert rows["DEV8_SSH_PORT"] == {"set": True, "as": ["DEV8_SSH_PORT"], "value": "2345"}
    assert rows["DEV8_BACKUP_PRE"] == {"set": False, "as": [], "value": None}
    assert settings["own_secrets"] == ["DATABASE_URL", "MY_OWN_SECRET"]


def test_without_logs(workspace: Workspace) -> None:
    workspace.note("a line")
    assert not [name for name in unpack(make("--no-logs")) if name.startswith("logs")]


def test_a_folder_that_somebody_else_may_have_made_leads_to_no_logs(workspace: Workspace) -> None:
    """Its folder of logs could be a link to any files of whoever makes the bundle, such as root."""
    workspace.note("a line")
    workspace.logs.parent.chmod(0o755)
    files = unpack(make())
    assert not [name for name in files if name.startswith("logs")]
    rows = {row["name"]: row["error"] for row in json.loads(files["manifest.json"])["members"]}
    assert "is not a folder that only uid" in rows["logs"]


def test_of_a_long_log_there_is_the_end_and_no_half_of_a_secret(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "LONGEST_LOG", 1000)
    monkeypatch.setattr(records, "LONGEST_LOG", 1000)
    monkeypatch.setattr(records, "MARGIN", 20)
    secret = KNOWN["DEV8_BACKUP_PASSWORD"]
    for before in range(0, 60, 4):
        workspace.note("x" * 500 + secret, "first", "y" * (970 - before), "last")
        files = unpack(make())
        log = files["logs/recent"].decode()
        assert log.endswith("last\n")
        assert secret[-8:] not in log
        row = json.loads(files["manifest.json"])["members"][-1]
        assert row["truncated"]


def test_without_an_agent_it_is_made_of_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(support_bundle, "CHECKS", ())
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DEV8_RUNTIME_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("DEV8_SSH_PORT", "no port")  # nothing can be read of the settings
    files = unpack(make())
    rows = {row["name"]: row["error"] for row in json.loads(files["manifest.json"])["members"]}
    assert "cannot read the settings" in rows["settings.json"]
    assert rows["logs"] == f"cannot read {tmp_path / 'none'}: No such file or directory"
    assert rows["supervisord.json"] == "supervisord does not answer: No such file or directory"
    assert {"cgroup.json", "mounts.txt", "processes.txt", "versions.json"} <= set(files)


def test_a_folder_that_takes_nothing_is_found_out_at_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(support_bundle, "prepare", lambda: pytest.fail("it was begun"))
    with pytest.raises(AgentError, match="cannot write the bundle into") as caught:
        make()
    assert "--out" in caught.value.problems[0].hint
    assert workspace


# --- the second pass ----------------------------------------------------------------------------


def test_what_is_left_all_the_same_keeps_it_from_being_written(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.note(KNOWN["GITHUB_TOKEN"])
    monkeypatch.setattr(Cleaner, "clean", lambda _, data: data)
    with pytest.raises(LeakError, match="logs/recent") as caught:
        make()
    assert KNOWN["GITHUB_TOKEN"] not in str(caught.value)
    assert not Path("it.tar.gz").exists()


@pytest.mark.parametrize("name", ["logs/a secret value.log", "a"])
def test_names_of_members_are_searched_as_well(name: str) -> None:
    cleaner = Cleaner((b"a secret value",))
    packed = pack([(name, b"content")])
    if "secret" in name:
        with pytest.raises(LeakError):
            verify(packed, cleaner)
    else:
        verify(packed, cleaner)


def test_cleaning_twice_changes_nothing() -> None:
    cleaner = Cleaner((b"known-secret-value", b"known-secret"))
    once = cleaner.clean("\n".join([*LINES, *HARMLESS, "x known-secret-value y"]).encode())
    assert list(cleaner.find(once)) == []
    assert cleaner.clean(once) == once
    assert b"-value" not in once


def test_a_key_whose_beginning_was_cut_off() -> None:
    cleaner = Cleaner(())
    tail = f"{SHAPED[9]}\nAbCdEf0123456789AbCd==\n-----END OPENSSH PRIVATE KEY-----\nrest\n"
    assert cleaner.clean(tail.encode()) == b"***\nrest\n"


def test_a_long_log_of_long_words_takes_no_time() -> None:
    """Each rule reads its text once; else this would take minutes."""
    data = (b"A1b2" * 16 + b"\n") * 15_000
    assert b"A1b2" not in Cleaner(()).clean(data)
    assert Cleaner(()).clean(b"a" * 10**6) == b"a" * 10**6
    assert Cleaner(()).clean(b"x://" * 250_000)


# --- what goes wrong ----------------------------------------------------------------------------


def fail(_: Source) -> bytes:
    raise AgentError(Problem("it is broken with ghp_" + "a" * 36))


def break_down(_: Source) -> bytes:
    raise KeyError("a secret may be in here")


def test_a_part_that_fails_is_noted_and_stops_no_other(workspace: Workspace) -> None:
    source = Source(workspace.context.facts, workspace.context, ())
    made = Archive(Cleaner(()))
    parts = [
        Part("one", "", fail),
        Part("two", "", break_down),
        Part("three", "", lambda _: [Content("three/a", b"x" * 5), Content("three/b", b"y")]),
    ]
    made.collect(parts, source)
    assert [(member.name, member.error) for member in made.members] == [
        ("one", "it is broken with ***"), ("two", "internal error: KeyError"),
        ("three/a", ""), ("three/b", ""),
    ]  # fmt: skip


def test_it_cannot_grow_without_end(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST", 8)
    source = Source(workspace.context.facts, workspace.context, ())
    made = Archive(Cleaner(()))
    made.collect([Part("a", "", lambda _: b"123456"), Part("b", "", lambda _: b"123456")], source)
    assert [member.error for member in made.members] == ["", "the bundle would be too large"]


def test_every_member_says_what_it_is() -> None:
    names = [part.name for part in members.PARTS]
    assert len(names) == len(set(names))
    assert all(part.meaning for part in members.PARTS)
    assert len({shape.name for shape in cleaning.SHAPES}) == len(cleaning.SHAPES)

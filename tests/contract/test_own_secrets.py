"""Secrets under names of the user's own: for the user's programs, and nobody else."""

import base64
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from agent import catalogue
from agent.backup.checks import objects
from agent.backup.restic.client import make_environment
from agent.backup.target import LIMITED, find_targets
from agent.github.sources import command
from agent.github.token import Token
from agent.machine.light import runtime
from agent.machine.light.masking import Masker
from agent.machine.programs import user_commands
from agent.services import launchers
from agent.services.service import Service
from agent.settings import context
from agent.settings.everything import Settings
from tests.contract.homes import OPEN, Workspace

PEM = "-----BEGIN X-----\nTHEFIRSTLINEOFIT\n'quoted' \"lines\" $HOME `id`\n-----END X-----\n"
OWN = {
    "AWS_SECRET_ACCESS_KEY": "aws-secret-0123456789",
    "AWS_SESSION_TOKEN": "aws-session-0123456789",
    "MY_API_KEY": "my-own-0123456789",
    "MY_PRIVATE_KEY": PEM,
    "DATABASE_URL": "postgres://app:db-password-0123@db/app",
}
PLAIN = {"AWS_ACCESS_KEY_ID": "AKIA0123456789", "COLOUR": "red",
         "HTTPS_PROXY": "http://me:proxy-password-01@proxy:3128"}  # fmt: skip
MARKS = (*OWN.values(), "THEFIRSTLINEOFIT", "db-password-0123")


@pytest.fixture
def desk(tmp_path: Path) -> Workspace:
    desk = Workspace(tmp_path, {**OPEN, **OWN, **PLAIN}).prepare()
    desk.configure()
    return desk


def test_each_lies_in_its_own_private_file_and_nowhere_else(desk: Workspace) -> None:
    places = {
        path.relative_to(desk.runtime)
        for path in desk.runtime.rglob("*")
        if path.is_file() and any(mark.encode() in path.read_bytes() for mark in MARKS)
    }
    hidden = {path.relative_to(desk.runtime) for path in (desk.runtime / "hidden").glob("url-*")}
    files = {Path(runtime.OWN_SECRETS, name) for name in OWN}
    rest = places - hidden - files
    assert rest <= {Path("sshd_config")}, "sshd, where it can run, hands them to its sessions"
    assert files <= places
    for path in places:
        assert (desk.runtime / path).stat().st_mode & 0o777 == 0o600
    assert (desk.runtime / runtime.OWN_SECRETS).stat().st_mode & 0o777 == 0o700
    assert not any(
        mark.encode() in content for content in desk.files().values() for mark in MARKS
    ), "the home outlives the container"


def test_what_init_and_its_jobs_get_holds_none(desk: Workspace) -> None:
    boot = json.loads((desk.runtime / runtime.BOOT).read_bytes())
    assert not OWN.keys() & boot["environment"].keys()
    assert PLAIN.items() <= boot["environment"].items()


def test_another_verb_finds_them_again(desk: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runtime.VARIABLE, str(desk.runtime))
    facts = context.load().facts
    assert facts.own_secrets == OWN
    assert not OWN.keys() & facts.environ.keys()
    assert facts.user_environ == {**facts.environ, **OWN}


def test_the_next_life_forgets_them(desk: Workspace) -> None:
    runtime.clear(str(desk.runtime))
    assert list((desk.runtime / runtime.OWN_SECRETS).iterdir()) == []


@pytest.mark.parametrize("own", [True, False])
def test_a_service_of_the_users_gets_them_as_they_are(desk: Workspace, own: bool) -> None:
    facts = desk.context().facts
    service = Service("mine", ("/usr/bin/env", "-0"), own_secrets=own)
    stream = facts.runtime / runtime.STREAMS / "mine"
    for file in launchers.resources([service], facts):
        file.path.parent.mkdir(exist_ok=True)
        file.path.write_bytes(file.content)
    script = file.content
    assert not any(mark.encode() in script for mark in MARKS)
    subprocess.run(["bash", "-p"], input=script, env=dict(facts.environ), check=True)
    entries = stream.read_text().split("\0")[:-1]
    got = dict(entry.split("=", 1) for entry in entries)
    assert {name: got[name] for name in OWN if name in got} == (OWN if own else {})
    assert not any(name.startswith("_dev8") for name in got)


def test_commands_of_the_users_get_them(desk: Workspace) -> None:
    facts = desk.context().facts
    settings = Settings.from_environ({"DEV8_GITHUB_TOKEN_COMMAND": "printenv MY_API_KEY"})
    token = command.fetch(settings.github, facts)
    assert isinstance(token, Token)
    assert token.value.reveal() == OWN["MY_API_KEY"]
    argv = ("sh", "-c", f'test "$MY_API_KEY" = {OWN["MY_API_KEY"]}')
    assert user_commands.run("DEV8_BACKUP_PRE", argv, facts.user_environ, desk.home, 10.0) is None
    script = 'echo "$MY_API_KEY $COLOUR $RESTIC_REPOSITORY$AWS_ACCESS_KEY_ID"'
    words = [*LIMITED, "sh", "-c", script]
    restics = {runtime.VARIABLE: str(desk.runtime), "RESTIC_REPOSITORY": "x",
               "AWS_ACCESS_KEY_ID": "that of the backups"}  # fmt: skip
    done = subprocess.run(words, env=restics, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [OWN["MY_API_KEY"], "red", PLAIN["AWS_ACCESS_KEY_ID"]]


AZURE_KEY = base64.b64encode(b"a key").decode()
TARGETS_AND_OWN = {
    "folder": ({"BACKUP_DIR": "/backups"}, set()),
    "s3 by AWS's own login": ({"AWS_S3_BUCKET": "bucket"},
                              {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}),
    "s3 by a key for backups": ({"AWS_S3_BUCKET": "bucket", "DEV8_BACKUP_S3_ACCESS_KEY_ID": "i",
                                 "DEV8_BACKUP_S3_SECRET_ACCESS_KEY": "k"}, set()),
    "azure by a key": ({"AZURE_STORAGE_CONTAINER": "abc", "AZURE_STORAGE_ACCOUNT": "a",
                        "AZURE_STORAGE_KEY": AZURE_KEY}, set()),
    "azure by the login of az": ({"AZURE_STORAGE_CONTAINER": "abc", "AZURE_STORAGE_ACCOUNT": "a"},
                                 set()),
}  # fmt: skip


@pytest.mark.parametrize("case", TARGETS_AND_OWN)
def test_restic_and_rclone_get_what_the_target_needs(desk: Workspace, case: str) -> None:
    variables, wanted = TARGETS_AND_OWN[case]
    facts = desk.context().facts
    program = desk.home / "bin/rclone"
    program.parent.mkdir()
    program.write_text("")
    program.chmod(0o755)
    facts = replace(facts, environ={**facts.environ, "PATH": str(program.parent)})
    settings = Settings.from_environ({**variables, "DEV8_BACKUP_PASSWORD": "a password"})
    targets = find_targets(catalogue.TARGETS, settings, facts)
    assert targets.in_trouble == {}
    (target,) = targets.ready
    environments = [make_environment(target, facts)]
    if target.folder is None:
        seen = objects.find_object(target, facts, "x")
        environments.append(dict(getattr(seen, "environ", {})))
    for environment in environments:
        given = {name for name, value in OWN.items() if environment.get(name) == value}
        assert given <= wanted
        assert environment["HTTPS_PROXY"] == PLAIN["HTTPS_PROXY"]
    assert {name for name in wanted if environments[0].get(name) == OWN[name]} == wanted


def test_the_log_hides_them(desk: Workspace) -> None:
    masker = Masker(str(desk.runtime))
    masker.refresh()
    for mark in (*OWN.values(), "THEFIRSTLINEOFIT", "db-password-0123", "proxy-password-01"):
        line = mark.split("\n")[0]
        if not line.startswith("-----"):
            assert masker.mask_text(f"<{line}>") == "<***>"

"""Where backups go, as the variables say; no secret is in what restic is called with."""

import json
import os
import subprocess
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from agent import catalogue
from agent.backup import prerequisites
from agent.backup.restic.client import find_options, make_environment
from agent.backup.target import LIMITED, PASSWORD, Targets, find_targets
from agent.machine.errors import Problem
from agent.machine.planning.resources import Seed
from agent.machine.system import Facts
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts

S3 = {
    "AWS_S3_BUCKET": "bucket",
    "DEV8_BACKUP_S3_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "DEV8_BACKUP_S3_SECRET_ACCESS_KEY": "s3-secret",
}
AZURE_KEY = b64encode(b"azure-secret" * 6).decode()
AZURE = {
    "AZURE_STORAGE_CONTAINER": "container",
    "AZURE_STORAGE_ACCOUNT": "account",
    "AZURE_STORAGE_KEY": AZURE_KEY,
}
WORD = {"DEV8_BACKUP_PASSWORD": "a-password"}


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("restic", "rclone"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    return make_facts(tmp_path, PATH=str(programs))


def find(facts: Facts, **variables: str) -> Targets:
    return find_targets(catalogue.TARGETS, Settings.from_environ(variables), facts)


def test_without_variables_there_is_none(facts: Facts) -> None:
    assert not find(facts)
    assert not find(facts, AZURE_STORAGE_ACCOUNT="forthecli")


def test_all_three_at_once(facts: Facts) -> None:
    found = find(facts, BACKUP_DIR="/backups", **S3, **AZURE, **WORD)
    assert {target.name: target.repository for target in found.ready} == {
        "local": "/backups/workspace",
        "s3": "s3:https://s3.amazonaws.com/bucket/backups/workspace",
        "azure": "rclone:AZURE:container/backups/workspace",
    }
    assert not found.in_trouble


def test_each_workspace_has_a_repository_of_its_own(facts: Facts) -> None:
    (target,) = find(facts, BACKUP_DIR="/backups", ENVIRONMENT_ID="env-42").ready
    assert target.repository == "/backups/env-42"
    (target,) = find(facts, BACKUP_DIR="/backups", ENVIRONMENT_ID="../sneaky name").ready
    assert Path(target.repository).parent == Path("/backups")
    assert "sneaky" not in target.repository


def test_no_secret_is_in_an_argument(facts: Facts) -> None:
    found = find(facts, **S3, **AZURE, **WORD)
    for target in found.ready:
        shown = [target.repository, *find_options(target), repr(target)]
        assert not [text for text in shown if "-secret" in text or "a-password" in text]


def test_restic_gets_the_keys_and_no_other_repository_of_the_user(facts: Facts) -> None:
    mine = Facts(facts.home, facts.uid, facts.runtime, facts.state,
                 {**facts.environ, "RESTIC_REPOSITORY2": "x", "RESTIC_PASSWORD": "y"})  # fmt: skip
    (target,) = find(mine, **S3, **WORD).ready
    environment = make_environment(target, mine)
    assert environment["AWS_SECRET_ACCESS_KEY"] == "s3-secret"
    assert environment["AWS_SESSION_TOKEN"] == ""
    assert environment["RESTIC_PASSWORD_FILE"] == str(mine.runtime / "secrets/DEV8_BACKUP_PASSWORD")
    assert "RESTIC_PASSWORD" not in environment
    assert "RESTIC_REPOSITORY2" not in environment


def test_without_a_key_aws_is_asked_in_its_own_ways(facts: Facts) -> None:
    (target,) = find(facts, AWS_S3_BUCKET="bucket", **WORD).ready
    assert not {name for name in target.environment if name.startswith("AWS")}
    environ = {**facts.environ, "AWS_ACCESS_KEY_ID": '"AKIA"'}
    own = replace(facts, environ=environ, own_secrets={"AWS_SECRET_ACCESS_KEY": "'key'\r"})
    (target,) = find(own, AWS_S3_BUCKET="bucket", **WORD).ready
    got = make_environment(target, own)
    assert (got["AWS_ACCESS_KEY_ID"], got["AWS_SECRET_ACCESS_KEY"]) == ("AKIA", "key")


def test_a_server_like_s3_and_its_options(facts: Facts) -> None:
    extra = "--endpoint-url https://minio:9000/ --storage-class=STANDARD_IA --acl private"
    (target,) = find(facts, AWS_S3_EXTRA_ARGS=extra, AWS_REGION="eu-1", **S3, **WORD).ready
    assert target.repository == "s3:https://minio:9000/bucket/backups/workspace"
    assert set(target.options) == {"s3.storage-class=STANDARD_IA", "s3.region=eu-1"}


@pytest.mark.parametrize(("given", "host"), [
    ({"AWS_ENDPOINT_URL": "https://one"}, "https://one"),
    ({"AWS_ENDPOINT_URL": "https://one", "AWS_ENDPOINT_URL_S3": "https://two/"}, "https://two"),
    ({"AWS_ENDPOINT_URL_S3": "https://two", "AWS_S3_EXTRA_ARGS": "--endpoint-url https://three"},
     "https://three"),
    ({"AWS_ENDPOINT_URL": "https://one", "DEV8_BACKUP_S3_ENDPOINT": "https://four"},
     "https://four"),
    ({}, "https://s3.amazonaws.com"),
])  # fmt: skip
def test_the_server_is_that_of_the_aws_cli(facts: Facts, given: dict[str, str], host: str) -> None:
    (target,) = find(facts, **given, **S3, **WORD).ready
    assert target.repository == f"s3:{host}/bucket/backups/workspace"


def test_options_that_mean_nothing_are_told(facts: Facts) -> None:
    settings = Settings.from_environ({**S3, **WORD, "AWS_S3_EXTRA_ARGS": "--acl private --sse"})
    told = [str(item) for item in prerequisites.resources(catalogue.TARGETS, settings, facts)]
    assert [text.split(" ", 1)[0] for text in told] == ["--acl", "--sse"]


@pytest.mark.parametrize(("given", "option"), [
    ({"AZURE_STORAGE_KEY": AZURE_KEY}, ("KEY", AZURE_KEY)),
    ({"AZURE_BLOB_ACCOUNT_KEY": AZURE_KEY}, ("KEY", AZURE_KEY)),
    ({"AZURE_STORAGE_SAS_TOKEN": "?sv=1&sig=2"},
     ("SAS_URL", "https://account.blob.core.windows.net/container?sv=1&sig=2")),
    ({}, ("USE_AZ", "true")),
])  # fmt: skip
def test_ways_into_azure(facts: Facts, given: dict[str, str], option: tuple[str, str]) -> None:
    place = {name: text for name, text in AZURE.items() if name != "AZURE_STORAGE_KEY"}
    (target,) = find(facts, **place, **given, **WORD).ready
    assert target.environment[f"RCLONE_CONFIG_AZURE_{option[0]}"] == option[1]
    assert target.environment["RCLONE_CONFIG"] == "/dev/null"


@pytest.mark.parametrize("server", ["http://azurite:10000", "http://127.0.0.1:10000"])
@pytest.mark.parametrize(
    "given", [{}, {"AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=x"}, {"AZURE_STORAGE_KEY": AZURE_KEY}]
)
def test_what_opens_azure_is_not_sent_in_clear(
    facts: Facts, server: str, given: dict[str, str]
) -> None:
    """A key only signs: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key."""
    given = {"AZURE_STORAGE_KEY": "", **given, "DEV8_BACKUP_AZURE_ENDPOINT": server}
    found = find(facts, **{**AZURE, **WORD, **given})
    if "azurite" in server and not given["AZURE_STORAGE_KEY"]:
        assert found.ready == ()
        (problem,) = found.in_trouble.values()
        assert problem.message.startswith(f"cannot back up to azure: {server} would receive ")
        assert "DEV8_BACKUP_AZURE_ENDPOINT" in problem.hint
        assert "AZURE_STORAGE_KEY" in problem.hint
    else:
        assert [target.name for target in found.ready] == ["azure"]
        assert found.in_trouble == {}


@pytest.mark.parametrize("one", [name for name in S3 if "KEY" in name])
def test_one_half_of_a_key_to_s3_is_reported(facts: Facts, one: str) -> None:
    """Otherwise AWS's own variables would decide, silently."""
    given = {name: text for name, text in S3.items() if name != one}
    found = find(facts, **given, **WORD)
    assert f"is set without {one}" in str(found.in_trouble["s3"])


def test_azure_needs_rclone_and_an_account(facts: Facts, tmp_path: Path) -> None:
    found = find(facts, AZURE_STORAGE_CONTAINER="container", **WORD)
    assert found.ready == ()
    assert found.in_trouble["azure"].hint == "set AZURE_STORAGE_ACCOUNT"
    (tmp_path / "bin/rclone").unlink()
    found = find(facts, **AZURE, **WORD)
    assert found.ready == ()
    assert found.in_trouble["azure"].message == "cannot back up to azure: rclone is not installed"


@pytest.mark.parametrize("cloud", [S3, AZURE])
def test_a_cloud_without_a_password_is_refused_with_what_makes_one(
    facts: Facts, cloud: dict[str, str]
) -> None:
    found = find(facts, BACKUP_DIR="/backups", **cloud)
    assert [target.name for target in found.ready] == ["local"]
    ((name, problem),) = found.in_trouble.items()
    assert problem.message == f"cannot back up to {name}: no password is set"
    assert "devcopilot backup key make" in problem.hint


def test_a_local_folder_gets_a_password_once(facts: Facts) -> None:
    settings = Settings.from_environ({"BACKUP_DIR": "/backups"})
    first, *_ = prerequisites.resources(catalogue.TARGETS, settings, facts)
    assert isinstance(first, Seed)
    assert (first.path, first.mode) == (facts.state / PASSWORD, 0o600)
    assert "elsewhere" in first.announcement
    word = first.content()
    assert len(word) > 30
    assert word.decode().strip() not in first.announcement
    (target,) = find(facts, BACKUP_DIR="/backups").ready
    assert target.environment == {"RESTIC_PASSWORD_FILE": str(first.path)}


def test_a_password_that_was_given_is_used_and_none_is_made(facts: Facts, tmp_path: Path) -> None:
    file = tmp_path / "word"
    file.write_text("given\n")
    variables = {"BACKUP_DIR": "/backups", "DEV8_BACKUP_PASSWORD_FILE": str(file)}
    (target,) = find(facts, **variables).ready
    assert target.environment["RESTIC_PASSWORD_FILE"] == str(file)
    settings = Settings.from_environ(variables)
    assert not list(prerequisites.resources(catalogue.TARGETS, settings, facts))


def test_a_password_file_that_is_missing_is_told(facts: Facts) -> None:
    found = find(facts, **S3, DEV8_BACKUP_PASSWORD_FILE="/no/such")
    assert "DEV8_BACKUP_PASSWORD_FILE=/no/such" in str(found.in_trouble["s3"])


def test_a_command_for_the_password(facts: Facts, tmp_path: Path) -> None:
    given = {**S3, "DEV8_BACKUP_PASSWORD_COMMAND": "vault read 'a b'"}
    assert "there is no program vault" in str(find(facts, **given).in_trouble["s3"])
    (tmp_path / "bin/vault").symlink_to("restic")
    (target,) = find(facts, **S3, DEV8_BACKUP_PASSWORD_COMMAND="vault read 'a b'").ready
    assert target.environment["RESTIC_PASSWORD_COMMAND"].endswith(
        "'agent.backup.password_command' 'vault' 'read' 'a b'"
    )


@pytest.mark.parametrize(
    ("script", "code", "output", "words"),
    [
        ("echo word", 0, "word\n", ""),
        ("echo why >&2; exit 3", 3, "", "why\n"),
        ("kill -TERM $$", 143, "", ""),
        ("exec yes word", 125, "", "it printed more than 64 KiB\n"),
        ("exec yes word >&2", 125, "", "it printed more than 64 KiB\n"),
    ],
)
def test_what_a_command_for_the_password_says_is_limited(
    script: str, code: int, output: str, words: str, tmp_path: Path
) -> None:
    """restic would keep all of it in memory."""
    (tmp_path / "secrets").mkdir()
    stored = {"variables": {}, "environment": {"PATH": os.environ["PATH"]}}
    (tmp_path / "settings.json").write_text(json.dumps(stored))
    done = subprocess.run([*LIMITED, "sh", "-c", script], capture_output=True, text=True,
                          env={"DEV8_RUNTIME_DIR": str(tmp_path)}, check=False,
                          timeout=60)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (code, output, words)


def test_a_folder_in_the_workspace_is_refused(facts: Facts) -> None:
    found = find(facts, BACKUP_DIR="/workspace/backups")
    assert "in the workspace" in str(found.in_trouble["local"])


def test_no_restic_is_told(facts: Facts, tmp_path: Path) -> None:
    (tmp_path / "bin/restic").unlink()
    settings = Settings.from_environ({"BACKUP_DIR": "/backups"})
    found = [item for item in prerequisites.resources(catalogue.TARGETS, settings, facts)
             if isinstance(item, Problem)]  # fmt: skip
    assert "restic is not installed" in found[0].message


@pytest.mark.parametrize("case", ["pipe", "device", "folder", "large"])
def test_restic_is_given_no_password_that_it_cannot_read(facts: Facts, case: str) -> None:
    """It would wait for a pipe for ever, and take a device into its memory until that is full."""
    path = facts.state / PASSWORD
    path.parent.mkdir(parents=True)
    match case:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "large":
            path.touch()
            os.truncate(path, 4 << 30)
    found = find(facts, BACKUP_DIR="/backups")
    assert not found.ready
    assert f"cannot read {path}" in str(found.in_trouble["local"])

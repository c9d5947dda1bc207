"""What doctor finds out about destinations of backups, on the servers that others wrote."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from errno import ETIMEDOUT
from functools import partial
from pathlib import Path
from socket import gaierror

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from agent import catalogue
from agent.backup.checks import objects, repository, s3_request, write
from agent.backup.checks.objects import FolderObject, StoreError
from agent.backup.restic.client import Restic
from agent.backup.target import Target, find_targets
from agent.machine.network import web
from agent.machine.system import Facts
from agent.settings.check import Result
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.contract.vault import need_restic
from tests.worlds.backup_servers import BUCKET, Server, serving_moto, serving_rclone
from tests.worlds.machine import make_facts


def make_context(root: Path, variables: dict[str, str], **environ: str) -> Context:
    """Return a workspace with these variables and a password."""
    (root / "password").write_text("the same for all\n")
    facts = make_facts(root, **environ)
    given = {**variables, "DEV8_BACKUP_PASSWORD_FILE": str(root / "password")}
    return Context(given, Settings.from_environ(given), facts)


def connect(root: Path, server: Server) -> Context:
    trust = {name: path for name, path in server.variables.items() if name == "SSL_CERT_FILE"}
    return make_context(root, dict(server.variables), **trust)


def list_objects(server: Server, context: Context) -> str:
    """Return what is stored, as the server's own client lists it."""
    (target,) = find_targets(catalogue.TARGETS, context.settings, context.facts).ready
    if server.cloud == "azure":
        argv = ["rclone", "lsf", "-R", "AZURE:container"]
        environ = {**os.environ, **context.facts.environ, **target.environment}
        return subprocess.run(
            argv, env=environ, check=True, capture_output=True, text=True, timeout=120
        ).stdout
    client = boto3.client(
        "s3", endpoint_url=server.address, region_name="us-east-1",
        aws_access_key_id=target.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=target.environment["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    return str([row["Key"] for row in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])])


def test_one_object_is_written_read_and_removed(server: Server, tmp_path: Path) -> None:
    context = connect(tmp_path, server)
    (found,) = write.look(context)
    assert found.result is Result.OK, found
    assert write.PREFIX in found.facts["object"]
    assert found.part == server.cloud
    assert write.PREFIX not in list_objects(server, context)


def test_a_server_that_is_gone_is_said_and_what_to_do(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked once: rclone tries Azure for ten seconds."""
    context = connect(tmp_path, server)
    server.stop()
    for kind in (objects.S3Object, objects.RcloneObject):
        monkeypatch.setattr(kind, "remove", lambda _: pytest.fail("there is nothing to remove"))
    (found,) = write.look(context)
    assert (found.result, bool(found.fix)) == (Result.FAIL, True)
    assert f"cannot write to {server.cloud}" in found.summary


def test_a_server_that_never_answers_is_asked_once(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each further question would take as long."""
    context = connect(tmp_path, server)
    monkeypatch.setattr(objects, "TIMEOUT", 1.0)
    monkeypatch.setattr(web, "connect", partial(web.connect, timeout=1.0))
    for kind in (objects.S3Object, objects.RcloneObject):
        monkeypatch.setattr(kind, "remove", lambda _: pytest.fail("it is asked again"))
    with server.frozen():
        (found,) = write.look(context)
    assert (found.result, found.fix) == (Result.FAIL, write.REACH)
    assert f"cannot write to {server.cloud}: " in found.summary


@pytest.mark.parametrize(
    ("step", "error", "removed", "told"),
    [
        ("put", StoreError("AccessDenied: Access Denied"), True, False),
        ("put", TimeoutError("timed out"), False, True),
        ("put", TimeoutError(ETIMEDOUT, "it took longer than 3 s"), True, False),
        ("put", ConnectionResetError(104, "Connection reset by peer"), True, False),
        ("put", ConnectionRefusedError(111, "Connection refused"), False, False),
        ("put", gaierror(-2, "Name or service not known"), False, False),
        ("put", web.ConnectTimeoutError("timed out"), False, False),
        ("get", StoreError("AccessDenied: Access Denied"), True, False),
        ("get", ConnectionRefusedError(111, "Connection refused"), True, False),
        ("get", web.ConnectTimeoutError("timed out"), False, True),
    ],
)
def test_what_may_have_been_written_is_removed_or_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    error: Exception,
    removed: bool,
    told: bool,
) -> None:
    target, facts = find_local(tmp_path)
    seen: list[FolderObject] = []

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(FolderObject, step, fail)
    monkeypatch.setattr(FolderObject, "remove", lambda found: seen.extend([found]))
    found = write.try_target(target, facts)
    doing = "write to" if step == "put" else "read from"
    assert found.summary.startswith(f"cannot {doing} local: ")
    assert bool(seen) is removed
    assert found.summary.endswith(f"; {found.facts['object']} may have stayed there") is told


def test_a_wrong_secret_is_told_from_a_server_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with serving_rclone(tmp_path / "server") as server:
        given = {**server.variables, "DEV8_BACKUP_S3_SECRET_ACCESS_KEY": "another-secret-of-16"}
        (found,) = write.look(make_context(tmp_path, given))
    assert found.result is Result.FAIL
    assert "SignatureDoesNotMatch" in found.summary
    assert "another-secret" not in str(found)
    assert found.fix != write.REACH


READ_ONLY = """{"Version": "2012-10-17", "Statement": [
 {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}]}"""
WITHOUT_DELETE = READ_ONLY.replace('"s3:GetObject"', '"s3:GetObject", "s3:PutObject"')


@contextmanager
def allowed(server: Server, policy: str) -> Iterator[dict[str, str]]:
    """Yield the variables of a key that this policy allows something, and nothing else."""
    options = {"endpoint_url": server.address, "region_name": "us-east-1"}
    root = {"aws_access_key_id": "anyone", "aws_secret_access_key": "anything"}
    iam = boto3.client("iam", **options, **root)
    iam.create_user(UserName="backups")
    iam.put_user_policy(UserName="backups", PolicyName="policy", PolicyDocument=policy)
    key = iam.create_access_key(UserName="backups")["AccessKey"]
    status, *_ = web.ask("POST", f"{server.address}/moto-api/reset-auth", {}, {}, b"0")
    assert status == 200  # from now on it asks what a key may do
    yield {
        **server.variables,
        "DEV8_BACKUP_S3_ACCESS_KEY_ID": key["AccessKeyId"],
        "DEV8_BACKUP_S3_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


def test_a_key_that_only_reads(tmp_path: Path) -> None:
    with serving_moto(tmp_path) as server, allowed(server, READ_ONLY) as variables:
        (found,) = write.look(make_context(tmp_path, variables))
    assert found.result is Result.FAIL
    assert found.summary.startswith("cannot write to s3: AccessDenied: Access Denied")
    assert "permission" in found.fix


def test_a_key_that_may_not_delete_says_what_has_stayed(tmp_path: Path) -> None:
    with serving_moto(tmp_path) as server, allowed(server, WITHOUT_DELETE) as variables:
        (found,) = write.look(make_context(tmp_path, variables))
    assert found.result is Result.FAIL
    assert "cannot delete on s3: AccessDenied" in found.summary
    assert re.search(rf"{write.PREFIX}[0-9a-f]{{16}}", found.fix)


def test_a_bucket_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with serving_moto(tmp_path / "server") as server:
        found = list(
            write.look(make_context(tmp_path, {**server.variables, "AWS_S3_BUCKET": "gone"}))
        )
    (finding,) = found
    assert finding.result is Result.FAIL
    assert "bucket does not exist" in finding.summary
    assert finding.fix == "create the bucket first, or check its name"


def test_keys_of_aws_itself_are_tried_by_rclone(tmp_path: Path) -> None:
    """Such as a profile: no key is in the settings."""
    (tmp_path / "server").mkdir()
    with serving_rclone(tmp_path / "server") as server:
        names = ("DEV8_BACKUP_S3_ACCESS_KEY_ID", "DEV8_BACKUP_S3_SECRET_ACCESS_KEY")
        given = {name: value for name, value in server.variables.items() if name not in names}
        context = make_context(tmp_path, given, AWS_PROFILE="backups")
        folder = context.facts.home / ".aws"
        folder.mkdir()
        (folder / "credentials").write_text(
            f"[backups]\naws_access_key_id = {server.variables[names[0]]}\n"
            f"aws_secret_access_key = {server.variables[names[1]]}\n"
        )
        (found,) = write.look(context)
        assert found.result is Result.OK, found
        without = replace(context.facts, environ={**context.facts.environ, "PATH": "/nonexistent"})
        (found,) = write.look(replace(context, facts=without))
    assert found.result is Result.UNKNOWN
    assert "rclone" in found.summary


# --- a folder -----------------------------------------------------------------------------------


def find_local(root: Path) -> tuple[Target, Facts]:
    context = make_context(root, {"BACKUP_DIR": str(root / "backups")})
    (target,) = find_targets(catalogue.TARGETS, context.settings, context.facts).ready
    return target, context.facts


def test_a_folder_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    target, facts = find_local(tmp_path)
    found = write.try_target(target, facts)
    assert found.result is Result.OK
    assert not (tmp_path / "backups").exists()
    assert not list(tmp_path.glob(f"**/{write.PREFIX}*"))


def test_a_folder_that_is_full_or_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, facts = find_local(tmp_path)
    (tmp_path / "backups").mkdir()

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    found = write.try_target(target, facts)
    assert found.result is Result.FAIL
    assert "No space left on device" in found.summary
    assert "free some space" in found.fix
    assert list((tmp_path / "backups").iterdir()) == []


def test_who_breaks_off_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, facts = find_local(tmp_path)
    (tmp_path / "backups").mkdir()

    def stop(*_: object) -> bytes:
        assert list((tmp_path / "backups").iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(FolderObject, "get", stop)
    with pytest.raises(KeyboardInterrupt):
        write.try_target(target, facts)
    assert list((tmp_path / "backups").iterdir()) == []


# --- the repository -----------------------------------------------------------------------------


def test_the_password_and_the_locks_of_a_repository(tmp_path: Path) -> None:
    need_restic()
    context = make_context(tmp_path, {"BACKUP_DIR": str(tmp_path / "backups")})
    (found,) = repository.look(context)
    assert found.result is Result.SKIPPED
    assert "no repository" in found.summary
    (target,) = find_targets(catalogue.TARGETS, context.settings, context.facts).ready
    restic = Restic(target, context.facts)
    restic.check("make it", "init")
    (found,) = repository.look(context)
    assert (found.result, found.facts) == (Result.OK, {"backups": 0})
    (tmp_path / "password").write_text("another one\n")
    (found,) = repository.look(context)
    assert found.result is Result.FAIL
    assert "DEV8_BACKUP_PASSWORD_FILE" in found.fix


def test_a_lock_of_a_program_that_is_gone(tmp_path: Path) -> None:
    need_restic()
    context = make_context(tmp_path, {"BACKUP_DIR": str(tmp_path / "backups")})
    (target,) = find_targets(catalogue.TARGETS, context.settings, context.facts).ready
    Restic(target, context.facts).check("make it", "init")
    assert target.folder
    lock = target.folder / "locks" / ("0" * 64)
    lock.write_bytes(b"not a lock")
    found = list(repository.look(context))
    assert [each.result for each in found] == [Result.OK, Result.OK]
    seen = context.facts.state / "backup/locks.json"
    seen.write_text('{"local": {"%s": "2020-01-01T00:00:00Z"}}' % ("0" * 64))
    found = list(repository.look(context))
    assert found[0].result is Result.WARN
    assert "backup create" in found[0].fix


# --- the signature ------------------------------------------------------------------------------


def test_the_signature_is_that_of_awss_own_library() -> None:
    login = s3_request.Login(
        "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "t/k=="
    )
    url = "http://host.example:8443/bucket/a%20folder/x-y_z.1~"
    request = AWSRequest("PUT", url, data=b"content")
    keys = Credentials(login.key, login.secret, login.token)
    S3SigV4Auth(keys, "s3", "us-east-1").add_auth(request)
    stamp = request.headers["X-Amz-Date"]
    now = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = s3_request.sign("PUT", url, login, b"content", now)
    theirs = request.headers["Authorization"].replace(", ", ",")
    assert ours["Authorization"] == theirs
    assert login.secret not in repr(login)

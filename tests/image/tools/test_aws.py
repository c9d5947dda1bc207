"""The AWS CLI against a real S3 server on loopback: rclone's, which checks signatures."""

from collections.abc import Iterator

import pytest
from testinfra.host import Host

pytestmark = pytest.mark.needs_tools("aws", "rclone")

PORT = 15002
KEY, SECRET = "TESTKEYTESTKEY", "TESTSECRETTESTSECRET"
AWS = f"aws --endpoint-url http://127.0.0.1:{PORT}"


@pytest.fixture
def keys(host: Host) -> Iterator[None]:
    """The settings that `aws configure` writes."""
    for name, value in (("aws_access_key_id", KEY), ("aws_secret_access_key", SECRET)):
        host.run_expect([0], f"aws configure set {name} {value}")
    host.run_expect([0], "aws configure set region us-east-1")
    yield
    host.run_expect([0], "rm -r /home/dev8/.aws")


@pytest.fixture
def store(host: Host) -> Iterator[str]:
    """The folder that the S3 server keeps its buckets in."""
    folder = host.check_output("mktemp -d")
    serve = f"rclone serve s3 --addr 127.0.0.1:{PORT} --auth-key {KEY},{SECRET} {folder}"
    host.run_expect([0], f"{serve} >{folder}.log 2>&1 & echo $! >{folder}.pid")
    answers = f"curl --silent --output /dev/null http://127.0.0.1:{PORT}/"
    host.run_expect([0], f"timeout 110 sh -c 'until {answers}; do :; done'")
    yield folder
    host.run_expect([0], f"kill $(cat {folder}.pid)")


def test_keeps_objects(host: Host, keys: None, store: str) -> None:
    host.run_expect([0], f"{AWS} s3 mb s3://box && echo text | {AWS} s3 cp - s3://box/a/file")
    assert "file" in host.check_output(f"{AWS} s3 ls s3://box/a/")
    assert host.check_output(f"cat {store}/box/a/file") == "text"
    assert "a/file" in host.check_output(f"{AWS} s3api list-objects-v2 --bucket box --output text")


def test_a_wrong_secret_is_refused(host: Host, keys: None, store: str) -> None:
    host.run_expect([0], "aws configure set aws_secret_access_key WRONGWRONGWRONG")
    assert "SignatureDoesNotMatch" in host.run_expect([254, 255], f"{AWS} s3 ls").stderr


@pytest.mark.parametrize("service", ["s3", "ec2", "iam", "lambda"])
def test_explains_its_services(host: Host, service: str) -> None:
    assert f"{service.upper()}()" in host.check_output(f"PAGER=cat aws {service} help")

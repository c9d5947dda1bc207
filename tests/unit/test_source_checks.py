"""Each credential is tried at the start, without network, as its consumer uses it."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from agent.github import start
from agent.machine.errors import Problem
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.workspace import given
from tests.worlds.machine import make_facts

KEY = rsa.generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
PEM, PLAIN = Encoding.PEM, NoEncryption()


def check(root: Path, **environ: str) -> list[str]:
    """Return what is reported before anything runs."""
    context = Context(environ, Settings.from_environ(environ), make_facts(root))
    found = [*start.resources(context), *given.check_secrets(context)]
    return list(dict.fromkeys(str(item) for item in found if isinstance(item, Problem)))


@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_a_key_of_an_app_that_signs_is_fine(tmp_path: Path, form: PrivateFormat) -> None:
    text = KEY.private_bytes(PEM, form, PLAIN).decode()
    assert check(tmp_path, GITHUB_APP_ID="1", GITHUB_APP_PRIVATE_KEY=text) == []


@pytest.mark.parametrize(
    ("pem", "cause"),
    [
        (b"garbage", "is not an RSA key in PEM"),
        (CURVE.private_bytes(PEM, PrivateFormat.PKCS8, PLAIN), "is not an RSA key in PEM"),
        (KEY.private_bytes(PEM, PrivateFormat.OpenSSH, PLAIN), "is not an RSA key in PEM"),
        (
            KEY.public_key().public_bytes(PEM, PublicFormat.SubjectPublicKeyInfo),
            "is not an RSA key in PEM",
        ),
        (
            KEY.private_bytes(PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")),
            "is locked with a passphrase",
        ),
    ],
    ids=["garbage", "curve", "openssh", "public", "locked"],
)
@pytest.mark.parametrize("as_file", [False, True])
def test_a_key_of_an_app_that_cannot_sign_is_reported(
    tmp_path: Path, pem: bytes, cause: str, as_file: bool
) -> None:
    name, value = "GITHUB_APP_PRIVATE_KEY", pem.decode()
    if as_file:
        name, value = f"{name}_FILE", str(tmp_path / "key.pem")
        (tmp_path / "key.pem").write_bytes(pem)
    (line,) = check(tmp_path, GITHUB_APP_ID="1", **{name: value})
    assert line.startswith(f"cannot make a token for github.com: GITHUB_APP_PRIVATE_KEY {cause} (")


@pytest.mark.parametrize(
    "name", ["GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_CLIENT_SECRET", "DEV8_GITHUB_TOKEN_URL_BEARER"]
)
def test_a_secret_that_is_only_needed_later_is_read_at_once(tmp_path: Path, name: str) -> None:
    needed = {"GITHUB_APP_ID": "1"} if name == "GITHUB_APP_PRIVATE_KEY" else {}
    (line,) = check(tmp_path, **needed, **{f"{name}_FILE": "/no/one"})
    assert line.startswith(f"cannot read {name}_FILE=/no/one: no such file")


@pytest.mark.parametrize(("program", "lines"), [("/bin/sh", 0), ("sh", 0), ("no-such-one", 1)])
def test_the_program_of_a_command_is_there(tmp_path: Path, program: str, lines: int) -> None:
    found = check(tmp_path, DEV8_GITHUB_TOKEN_COMMAND=f"{program} -c 'a b'")
    assert [line.partition(" (")[0] for line in found] == [
        "cannot run DEV8_GITHUB_TOKEN_COMMAND: there is no program no-such-one"
    ] * lines


def test_a_quoted_command_that_is_no_program_is_explained(tmp_path: Path) -> None:
    (line,) = check(tmp_path, DEV8_GITHUB_TOKEN_COMMAND='"/bin/sh -c true"')
    assert "quotes around the whole command make it one word" in line

"""A GitHub with an App, for the tests that need no other one."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contract.apps import APP, INSTALLATION, make_key, make_public_pem
from tests.fakes.github import FakeGitHub


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    """The App's."""
    return make_key()


@pytest.fixture
def hub(key: rsa.RSAPrivateKey) -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_app(app_id=APP, public_key_pem=make_public_pem(key), client_id="Iv1.test",
                    client_secret="client-secret-0123")  # fmt: skip
        hub.add_installation(APP, INSTALLATION, "octo", repositories=["demo", "other"])
        yield hub

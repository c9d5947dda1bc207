"""What several files use: a GitHub with an App, a workspace with backups, a host to clone from."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contract.apps import APP, INSTALLATION, make_key, make_public_pem
from tests.contract.clones import FILES, Place
from tests.contract.restore_box import MINE, RestoreBox
from tests.contract.vault import need_restic
from tests.fakes.github import FakeGitHub
from tests.worlds.backup_servers import SERVERS, Server
from tests.worlds.git_host import GitHost, serve
from tests.worlds.needs import need, need_other_users
from tests.worlds.quick_key import find_password, place_repository


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


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """Each kind of server that keeps backups, in turn."""
    need_restic()
    (tmp_path / "server").mkdir()
    with SERVERS[request.param](tmp_path / "server") as found:
        yield found


@pytest.fixture
def box() -> Iterator[RestoreBox]:
    need(shutil.which("restic"), "needs restic 0.18")
    need_other_users()
    folder = Path(tempfile.mkdtemp(prefix="restore-"))
    folder.chmod(0o755)
    found = RestoreBox(folder)
    for name in ("home", "workspace", "backups", "run"):
        (folder / name).mkdir(mode=0o700)
        os.chown(folder / name, MINE, MINE)
    found.configure()
    place_repository(folder / "backups/workspace", find_password(found.home), MINE)
    yield found
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitHost]:
    with serve(tmp_path / "host") as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, host: GitHost) -> Place:
    host.add("octo/demo", FILES)
    return Place(tmp_path, host)

"""Object stores that others wrote, on the loopback that a workspace shares with them.

moto and rclone speak S3, Azurite Azure Blob Storage. The workspace joins the network namespace
of such a server, in which there is nothing but loopback. For a workspace without a container there
is tests/worlds/backup_servers.py.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from tests.worlds.backup_servers import (
    ACCOUNT,
    BUCKET,
    KEY,
    SECRET,
    azure_variables,
    s3_variables,
)
from tests.worlds.containers import MVP, TOOLS, Container, Recipe, running
from tests.worlds.waiting import wait_until

S3_PORT, AZURE_PORT = 9000, 10000
S3 = f"http://127.0.0.1:{S3_PORT}"
AZURE = f"http://127.0.0.1:{AZURE_PORT}/{ACCOUNT}"
_AZURITE = (
    "/opt/programs/node/bin/node",
    "/opt/programs/emulate/node_modules/azurite/dist/src/blob/main.js",
    *("--blobHost", "127.0.0.1", "--blobPort", str(AZURE_PORT), "--location", "/tmp/azure"),
    *("--skipApiVersionCheck", "--disableTelemetry", "--silent"),
)
_RCLONE = f"mkdir -p /tmp/s3/{BUCKET}; exec rclone serve s3 --addr 127.0.0.1:{S3_PORT} --auth-key"


@dataclass(frozen=True)
class Storage:
    """A server that runs."""

    box: Container
    cloud: str
    """The agent's target: s3 or azure."""
    address: str
    variables: dict[str, str] = field(repr=False)
    """What names it to a workspace."""

    @property
    def network(self) -> tuple[str, ...]:
        """How a workspace shares its network."""
        return ("--network", f"container:{self.box.name}")

    @property
    def options(self) -> tuple[str, ...]:
        """How a workspace uses it."""
        given = (word for item in self.variables.items() for word in ("-e", "=".join(item)))
        return (*self.network, *given)

    def silent(self) -> AbstractContextManager[None]:
        """Let it take connections and answer nothing, until the end."""
        return self.box.paused()


@contextmanager
def serving_s3_by_rclone() -> Iterator[Storage]:
    """Run rclone's S3 server, which refuses a wrong key and knows one bucket."""
    words = ("-c", f"{_RCLONE} {KEY},{SECRET} /tmp/s3")
    with _serving(MVP, ("--entrypoint", "sh"), words, S3) as box:
        yield Storage(box, "s3", S3, s3_variables(S3))


@contextmanager
def serving_s3_by_moto() -> Iterator[Storage]:
    """Run moto's S3 server."""
    words = ("/opt/outside/bin/moto_server", "-H", "127.0.0.1", "-p", str(S3_PORT))
    with _serving(TOOLS, (), words, S3) as box:
        box.execute("curl", "--fail", "--silent", "--request", "PUT", f"{S3}/{BUCKET}")
        yield Storage(box, "s3", S3, s3_variables(S3))


@contextmanager
def serving_azure() -> Iterator[Storage]:
    """Run Azurite."""
    with _serving(TOOLS, (), _AZURITE, AZURE) as box:
        yield Storage(box, "azure", AZURE, azure_variables(AZURE))


SERVERS = {
    "moto": serving_s3_by_moto,
    "rclone": serving_s3_by_rclone,
    "azurite": serving_azure,
}


@contextmanager
def _serving(
    image: str, options: tuple[str, ...], words: tuple[str, ...], address: str
) -> Iterator[Container]:
    recipe = Recipe(image, ("--network", "none", *options), words, published=False)
    with running(recipe) as box:
        wait_until(lambda: box.call("curl", "--silent", address).returncode == 0, f"{words[0]}")
        yield box

"""Object stores that others wrote, on loopback: moto and rclone for S3, Azurite for Azure Blob.

They are children of the test, as its own user, with what they keep in a folder of the test's:

    with serving_azurite(tmp_path) as server:
        run(["restic", *server.options("ws"), "init"], env={**server.environment, …})
        with server.frozen(): …        # takes connections and answers nothing
        server.stop(); server.start()  # gone, and back at the same address (moto has forgotten all)

scripts/programs.sh fetches what they need. In containers: tests/e2e/storage.py.
"""

import http.client
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.worlds.containers import find_free_port
from tests.worlds.needs import need
from tests.worlds.quick_key import place_repository
from tests.worlds.waiting import wait_until

TOP = Path(__file__).resolve().parents[2]
PROGRAMS = TOP / ".cache/programs"
AZURITE = PROGRAMS / "azurite/node_modules/azurite/dist/src/blob/main.js"
BUCKET, CONTAINER = "bucket", "container"
KEY, SECRET = "TESTACCESSKEY", "test-secret-of-sixteen"
"""rclone's server denies access to shorter ones."""
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""Azurite's own, which its documentation names:
https://github.com/Azure/Azurite#default-storage-account"""
PLACE = "backups/workspace"
"""Where the agent of a workspace without a name has its repository on a server."""
GRACE = 10.0
"""Seconds in which a server ends by itself."""


def find_program(name: str) -> str:
    """Return the path of restic, rclone, node or rsync; skip the test where it cannot be had."""
    found = shutil.which(name, path=f"{PROGRAMS / 'bin'}:{os.environ['PATH']}")
    need(found, f"there is no {name}")
    return str(found)


def s3_variables(address: str) -> dict[str, str]:
    """Return what names an S3 server to a workspace."""
    return {
        "AWS_S3_BUCKET": BUCKET,
        "DEV8_BACKUP_S3_ENDPOINT": address,
        "DEV8_BACKUP_S3_ACCESS_KEY_ID": KEY,
        "DEV8_BACKUP_S3_SECRET_ACCESS_KEY": SECRET,
    }


def azure_variables(address: str) -> dict[str, str]:
    """Return what names Azurite to a workspace."""
    return {
        "AZURE_STORAGE_CONTAINER": CONTAINER,
        "AZURE_STORAGE_ACCOUNT": ACCOUNT,
        "AZURE_STORAGE_KEY": ACCOUNT_KEY,
        "DEV8_BACKUP_AZURE_ENDPOINT": address,
    }


def name_to_rclone(cloud: str, address: str) -> dict[str, str]:
    """Return what names a server to rclone, as `find_remote` does."""
    if cloud == "s3":
        options = {"TYPE": "s3", "PROVIDER": "Other", "ACCESS_KEY_ID": KEY,
                   "SECRET_ACCESS_KEY": SECRET, "NO_CHECK_BUCKET": "true"}  # fmt: skip
    else:
        options = {"TYPE": "azureblob", "ACCOUNT": ACCOUNT, "KEY": ACCOUNT_KEY}
    named = {f"RCLONE_CONFIG_STORE_{name}": value for name, value in options.items()}
    return {"RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_STORE_ENDPOINT": address, **named}


def find_remote(cloud: str) -> str:
    """Return what rclone calls the bucket or the container of such a server."""
    return f"STORE:{BUCKET if cloud == 's3' else CONTAINER}"


START = 120.0
"""Seconds: on a loaded machine Node alone takes ten."""


@dataclass
class Server:
    """A server: its address, what names it to clients, and its process while it runs."""

    cloud: str
    """The agent's target: s3 or azure."""
    address: str
    argv: list[str] = field(repr=False)
    folder: Path
    """Where it keeps what it stores, and its log."""
    authority: Path | None = None
    """The certificate that clients must trust, if it speaks TLS."""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def variables(self) -> dict[str, str]:
        """Return what names it to a workspace."""
        make = s3_variables if self.cloud == "s3" else azure_variables
        return {**make(self.address), **self._trust()}

    @property
    def environment(self) -> dict[str, str]:
        """Return what restic alone needs to reach it, beside PATH and a password."""
        if self.cloud == "s3":
            return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        return {**name_to_rclone(self.cloud, self.address), **self._trust()}

    def options(self, path: str) -> list[str]:
        """Return restic's options for a repository there."""
        if self.cloud == "s3":
            return ["--repo", f"s3:{self.address}/{BUCKET}/{path}"]
        program = f"rclone.program={find_program('rclone')}"
        return ["-o", program, "--repo", f"rclone:{find_remote(self.cloud)}/{path}"]

    def place(self, password: Path, path: str = PLACE) -> None:
        """Put an empty repository there as `place_repository` does, before anybody has looked."""
        with tempfile.TemporaryDirectory(prefix="repository-") as name:
            place_repository(Path(name), password)
            argv = [find_program("rclone"), "copy", name, f"{find_remote(self.cloud)}/{path}"]
            environ = {**os.environ, **name_to_rclone(self.cloud, self.address), **self._trust()}
            subprocess.run(argv, env=environ, check=True, timeout=120)

    def start(self) -> None:
        """Start it and wait until it answers. Raises TimeoutError, with its log."""
        log = self.folder / "log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        try:
            wait_until(
                lambda: self._has_ended() or self.answers(), f"the start of {self.argv}", START
            )
            if self._has_ended():
                raise TimeoutError("it ended")
        except TimeoutError as error:
            self.stop()
            raise TimeoutError(f"{error}:\n{log.read_text()}") from None

    def stop(self) -> None:
        """End it for good, with all its processes; connections to it are refused from now on."""
        process, self.process = self.process, None
        if not process:
            return
        for number in (signal.SIGCONT, signal.SIGTERM):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(GRACE)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it take connections and answer nothing, until the end of the block."""
        assert self.process
        group = self.process.pid
        os.killpg(group, signal.SIGSTOP)
        os.waitid(os.P_PID, group, os.WSTOPPED)  # until then threads of it may still answer
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGCONT)

    def answers(self) -> bool:
        """Tell whether it answers a request, whatever it says."""
        with suppress(OSError, http.client.HTTPException):
            self.ask("GET", "/", timeout=2)
            return True
        return False

    def ask(self, method: str, path: str, timeout: float = 30) -> int:
        """Send a request without a signature and return the status."""
        parts = urllib.parse.urlsplit(self.address)
        assert parts.hostname
        if self.authority:
            trust = ssl.create_default_context(cafile=str(self.authority))
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout, context=trust
            )
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        try:
            connection.request(method, path)
            return connection.getresponse().status
        finally:
            connection.close()

    def _has_ended(self) -> bool:
        return not self.process or self.process.poll() is not None

    def _trust(self) -> dict[str, str]:
        return {"SSL_CERT_FILE": str(self.authority)} if self.authority else {}


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def serving_moto(folder: Path) -> Iterator[Server]:
    """Run moto, which keeps everything in memory and believes every key."""
    port = find_free_port()
    argv = [f"{sys.prefix}/bin/moto_server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(Server("s3", f"http://127.0.0.1:{port}", argv, folder)) as server:
        assert server.ask("PUT", f"/{BUCKET}") == 200
        yield server


@contextmanager
def serving_rclone(folder: Path) -> Iterator[Server]:
    """Run rclone's S3 server, which refuses a wrong key and knows one bucket, a folder."""
    address = f"127.0.0.1:{find_free_port()}"
    (folder / "data" / BUCKET).mkdir(parents=True)
    argv = [find_program("rclone"), "serve", "s3", "--config", "/dev/null", "--addr", address,
            "--auth-key", f"{KEY},{SECRET}", str(folder / "data")]  # fmt: skip
    with _running(Server("s3", f"http://{address}", argv, folder)) as server:
        yield server


@contextmanager
def serving_azurite(folder: Path) -> Iterator[Server]:
    """Run Azurite with TLS, as Azure has it, and with a container."""
    node, port = find_program("node"), find_free_port()
    if not AZURITE.exists():
        find_program("azurite")
    key, certificate = make_certificate(folder)
    argv = [
        *(node, str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", str(port)),
        *("--location", str(folder / "data"), "--cert", str(certificate), "--key", str(key)),
        *("--skipApiVersionCheck", "--disableTelemetry", "--silent"),
    ]
    address = f"https://127.0.0.1:{port}/{ACCOUNT}"
    with _running(Server("azure", address, argv, folder, certificate)) as server:
        make = [find_program("rclone"), "mkdir", find_remote("azure")]
        subprocess.run(make, env={**os.environ, **server.environment}, check=True, timeout=120)
        yield server


SERVERS = {"moto": serving_moto, "rclone": serving_rclone, "azurite": serving_azurite}


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a key and a certificate for 127.0.0.1 that is its own authority; return their paths."""
    key, certificate = folder / "key.pem", folder / "authority.pem"
    argv = [
        *(find_program("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
        *("-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=127.0.0.1"),
        *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
    ]
    subprocess.run(argv, check=True, capture_output=True, timeout=120)
    return key, certificate

"""Measure what a machine has to pull: `python -m tests.bench.pull [--images base,mvp] [--runs 3]`.

The images go to a registry on loopback, as `make push` sends them, and from there with buildah into
an empty store: all layers are fetched and unpacked, and no network slows that down. An update in
which only the agent changed fetches the last layer.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.layers import shorten
from scripts.variants import VARIANTS
from tests.bench import machine
from tests.bench.rows import Row, format_table
from tests.e2e.image_registry import PASSWORD, USER, Registry, serving
from tests.worlds.containers import DOCKER, TAG

MEGABYTE = 1e6
TIMEOUT = 1800.0
BARS = {"base": (130.0, 30.0), "mvp": (800.0, 180.0)}
"""Image -> megabytes that are pulled, and seconds that it may take on two processors."""
UPDATE_BAR = 5.0
"""Megabytes of an update in which only the agent changed."""
SETTINGS = Path(__file__).resolve().parents[2] / "scripts/lib/containers.conf"


@dataclass(frozen=True)
class Layer:
    """A layer as the registry has it."""

    megabytes: float
    origin: str


@dataclass(frozen=True)
class Desk:
    """A registry, and a folder with the credentials for it."""

    registry: Registry
    folder: Path

    def run(self, *words: str, stdin: str | None = None) -> str:
        """Run a command. Raises CalledProcessError."""
        done = subprocess.run(
            words, check=True, capture_output=True, text=True, input=stdin, timeout=TIMEOUT
        )
        return done.stdout.strip()

    def docker(self, *words: str, stdin: str | None = None) -> str:
        """Run the engine with the credentials."""
        return self.run(DOCKER, "--config", str(self.folder), *words, stdin=stdin)

    @contextmanager
    def published(self, local: str, name: str) -> Iterator[str]:
        """Push an image; yield the name that it has in the registry."""
        remote = f"{self.registry.host}/bench/{name}"
        self.docker("tag", local, remote)
        try:
            self.docker("push", "--quiet", remote)
            yield remote
        finally:
            self.docker("image", "rm", remote)

    def read_layers(self, name: str) -> list[Layer]:
        """Return the layers of an image in the registry, lowest first."""
        path, _, tag = name.partition(":")
        manifest = json.loads(self.registry.get(f"bench/{path}/manifests/{tag}"))
        image = json.loads(self.registry.get(f"bench/{path}/blobs/{manifest['config']['digest']}"))
        steps = [step for step in image["history"] if not step.get("empty_layer")]
        return [
            Layer(part["size"] / MEGABYTE, shorten(step.get("created_by", "")))
            for part, step in zip(manifest["layers"], steps, strict=True)
        ]

    def pull(self, remote: str, store: Path) -> float:
        """Pull an image into a store; return the seconds that it took."""
        start = time.monotonic()
        self.run(
            "env", f"CONTAINERS_CONF={SETTINGS}", "buildah",
            "--root", str(store / "root"), "--runroot", str(store / "run"),
            "--storage-driver", "overlay", "pull", "--quiet", "--tls-verify=false",
            "--authfile", str(self.folder / "config.json"), f"docker://{remote}",
        )  # fmt: skip
        return time.monotonic() - start


@contextmanager
def empty_store() -> Iterator[Path]:
    """Yield a folder for the layers that are pulled."""
    folder = Path(tempfile.mkdtemp(prefix="dev8-pull-", dir="/var/tmp"))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder / "root/overlay"], check=False,
                       stderr=subprocess.DEVNULL)  # fmt: skip
        shutil.rmtree(folder)


def measure(desk: Desk, image: str, runs: int) -> list[Row]:
    """Return the figures of an image; its layers are printed."""
    local, name = f"dev8-{image}:{TAG}", f"dev8-{image}:1"
    size_bar, time_bar = BARS[image]
    with desk.published(local, name) as remote:
        layers = desk.read_layers(name)
        for layer in layers:
            print(f"{layer.megabytes:8.1f} MB  {layer.origin}".rstrip())
        seconds = []
        for _ in range(runs):
            with empty_store() as store:
                seconds.append(desk.pull(remote, store))
        size = sum(layer.megabytes for layer in layers)
        agent = layers[-1].megabytes
    unpacked = int(desk.docker("image", "inspect", "--format", "{{.Size}}", local)) / MEGABYTE
    return [
        Row(f"dev8-{image}, unpacked", unpacked, VARIANTS[image].megabytes, "MB"),
        Row(f"dev8-{image}, compressed", size, size_bar, "MB"),
        Row(f"dev8-{image}, pulled and unpacked", min(seconds), time_bar, "s", f"best of {runs}"),
        Row(f"dev8-{image}, update of the agent alone", agent, UPDATE_BAR, "MB"),
    ]


def main() -> int:
    """Print the layers and a table; exit 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pull", description=__doc__)
    parser.add_argument("--images", default="base,mvp")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("bench-pull.json"))
    arguments = parser.parse_args()
    if not shutil.which("buildah"):
        sys.exit("error: cannot pull into an empty store: buildah is missing (install buildah)")
    rows: list[Row] = []
    with serving() as registry, tempfile.TemporaryDirectory() as folder:
        desk = Desk(registry, Path(folder))
        desk.docker("login", "--username", USER, "--password-stdin", registry.host, stdin=PASSWORD)
        for image in arguments.images.split(","):
            print(f"==> dev8-{image}", file=sys.stderr, flush=True)
            rows += measure(desk, image, arguments.runs)
    print(format_table(rows))
    arguments.output.write_text(json.dumps({"rows": machine.note(rows)}, indent=2) + "\n")
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

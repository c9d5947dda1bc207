"""Images as the engine saves them: for one of 2 GB that takes 20 s of its processor time."""

import subprocess
from pathlib import Path

from tests.worlds.containers import DOCKER
from tests.worlds.side_by_side import hold

SAVE_TIMEOUT = 600.0


def save_image(folder: Path, image: str) -> Path:
    """Have the engine save an image to this folder, unless another worker has; return the path."""
    path = folder / f"{image.replace(':', '-')}.tar"
    with hold(folder / "saving"):
        if not path.exists():
            part = path.with_suffix(".part")
            part.unlink(missing_ok=True)  # of a worker that died; podman writes over no file
            subprocess.run([DOCKER, "save", "--output", part, image], check=True,
                           timeout=SAVE_TIMEOUT)  # fmt: skip
            part.rename(path)
    return path

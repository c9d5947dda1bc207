#!/usr/bin/env python3
"""Take out of an image what names the containers that built it; nothing that runs it reads that.

Usage: seal_image.py FOLDER, which buildah wrote with `push IMAGE dir:FOLDER`. What BuildKit
writes has none of these fields: https://github.com/moby/docker-image-spec/blob/main/spec.md. The
folder stays an image that `buildah push dir:FOLDER docker://…` publishes.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

NAMES = ("id", "parent", "container", "container_config")
NAMES_IN_CONFIG = ("Hostname", "Image")


def seal(image: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of an image without the names of containers and parents."""
    sealed = {key: value for key, value in image.items() if key not in NAMES}
    sealed["config"] = {
        key: value for key, value in image["config"].items() if key not in NAMES_IN_CONFIG
    }
    sealed["history"] = [
        {key: value for key, value in step.items() if key != "comment"} for step in image["history"]
    ]
    return sealed


def seal_folder(folder: Path) -> None:
    """Replace the configuration of an image in a folder, and what its manifest says of it."""
    manifest = json.loads((folder / "manifest.json").read_text())
    old = folder / manifest["config"]["digest"].removeprefix("sha256:")
    content = json.dumps(seal(json.loads(old.read_text())), sort_keys=True).encode()
    name = hashlib.sha256(content).hexdigest()
    old.unlink()
    (folder / name).write_bytes(content)
    manifest["config"] |= {"digest": f"sha256:{name}", "size": len(content)}
    (folder / "manifest.json").write_text(json.dumps(manifest, sort_keys=True))


if __name__ == "__main__":
    seal_folder(Path(sys.argv[1]))

#!/usr/bin/env python3
"""Show what each layer of an image holds, and what of it is wasted.

Usage: layers.py ENGINE IMAGE

Wasted is what a later layer deletes or writes anew: it is in the image, and nobody can see it.
Needs nothing but Python, and reads what `docker save` and `podman save` write.
"""

import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, Any

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
"""How a layer says that a name, or all that was in a folder, is gone: OCI image-spec, layer.md."""
MOST_SHOWN = 10
"""Wasted files that are named."""


@dataclass
class Layer:
    """What one layer adds (bytes by path) and takes away (paths, folders), and how it was made."""

    origin: str = ""
    files: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    emptied: set[str] = field(default_factory=set)

    @property
    def size(self) -> int:
        """Return the bytes in its files."""
        return sum(self.files.values())

    @property
    def name(self) -> str:
        """Return the file that is most of it, or the folder that most of it is in."""
        path, size = max(self.files.items(), key=lambda item: item[1], default=("", 0))
        if size * 2 < self.size:
            folders: Counter[str] = Counter()
            for path, size in self.files.items():
                folders["/".join(PurePosixPath(path).parts[:-1][:2])] += size
            path = folders.most_common(1)[0][0]
        return f"/{path}"


def shorten(origin: str) -> str:
    """Return what an instruction of a Dockerfile is about, in a few words."""
    if not origin:
        return "the base system"
    packages = re.search(r"apt-get install (.*?)(;|&&|$)", origin)
    if packages:
        words = [word for word in packages[1].split() if not re.search("^[-/]|=", word)]
        return f"packages: {' '.join(words)}"[:70]
    if origin.startswith("COPY"):
        return ""  # what it copies is said by where it lies
    text = re.sub(r"# buildkit$|#\(nop\)|^RUN |/bin/sh -\w+|\|\d+ (\w+=\S* )+|set -eu;", "", origin)
    return " ".join(text.split())[:70]


def read_layer(stream: IO[bytes], origin: str) -> Layer:
    """Read one layer's archive."""
    layer = Layer(origin)
    with tarfile.open(fileobj=stream) as archive:
        for entry in archive:
            path = PurePosixPath(entry.name)
            if path.name == OPAQUE:
                layer.emptied.add(str(path.parent))
            elif path.name.startswith(WHITEOUT):
                layer.gone.add(str(path.with_name(path.name.removeprefix(WHITEOUT))))
            elif not entry.isdir():
                layer.files[str(path)] = entry.size  # 0 for a link
    return layer


def read_image(path: str) -> list[Layer]:
    """Return the layers in what the engine saved, lowest first."""
    with tarfile.open(path) as archive:

        def read(name: str) -> Any:
            return archive.extractfile(name)

        manifest: dict[str, Any] = json.load(read("manifest.json"))[0]
        history = json.load(read(manifest["Config"]))["history"]
        origins = [made.get("created_by", "") for made in history if not made.get("empty_layer")]
        return [
            read_layer(read(name), origin)
            for name, origin in zip(manifest["Layers"], origins, strict=True)
        ]


def find_waste(layers: list[Layer]) -> Counter[str]:
    """Return the bytes of each path that a later layer hides."""
    waste: Counter[str] = Counter()
    seen: dict[str, int] = {}
    for layer in layers:
        hidden = {path for path in layer.files if path in seen}
        hidden |= {path for path in seen if is_hidden(path, layer)}
        for path in hidden:
            waste[path] += seen.pop(path)
        seen |= layer.files
    return waste


def is_hidden(path: str, layer: Layer) -> bool:
    """Tell whether a layer above takes the path away, or a folder that it is in."""
    if not (layer.gone or layer.emptied):
        return False
    parents = {str(parent) for parent in PurePosixPath(path).parents}
    return path in layer.gone or not parents.isdisjoint(layer.gone | layer.emptied)


def save_and_read(engine: str, image: str) -> list[Layer]:
    """Have the engine save the image, and return its layers, lowest first."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/image.tar"
        subprocess.run([engine, "save", "--output", path, image], check=True)
        return read_image(path)


def main() -> None:
    """Print a table of the layers and the wasted files."""
    engine, image = sys.argv[1:]
    layers = save_and_read(engine, image)
    waste = find_waste(layers)
    total, wasted = sum(layer.size for layer in layers), sum(waste.values())
    print(image)
    for layer in layers:
        print(f"{layer.size / 1e6:8.1f} MB  {layer.name:<24} {shorten(layer.origin)}".rstrip())
    print(f"{total / 1e6:8.1f} MB  in all")
    print(f"{wasted / 1e6:8.1f} MB  wasted, {100 * wasted / total:.2f} %; most of it:")
    for path, size in waste.most_common(MOST_SHOWN):
        print(f"{size / 1e6:8.1f} MB      /{path}")


if __name__ == "__main__":
    main()

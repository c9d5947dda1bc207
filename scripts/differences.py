#!/usr/bin/env python3
"""Compare two images.

Usage: differences.py ONE OTHER, folders that buildah wrote with `push IMAGE dir:FOLDER`

Equal means bit for bit: the same configuration and the same layers. Otherwise each file that
differs is listed with what differs of it, and exit code 1. Needs nothing but Python.
"""

import hashlib
import json
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

MOST_SHOWN = 30
"""Differing files of one layer that are listed."""


@dataclass(frozen=True)
class Entry:
    """What a layer says of one file."""

    kind: str
    mode: str
    owner: str
    time: float
    link: str
    size: int
    content: str


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of an image."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return manifest


def find_blob(folder: Path, digest: str) -> Path:
    """Return the file with that content."""
    return folder / digest.removeprefix("sha256:")


def read_layer(path: Path) -> dict[str, Entry]:
    """Return path -> entry of a layer, compressed or not."""
    with tarfile.open(path, "r|*") as archive:
        return {member.name: read_entry(archive, member) for member in archive}


def read_entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    """Return what the archive says of one member."""
    file = archive.extractfile(member) if member.isfile() else None
    content = hashlib.file_digest(file, "sha256").hexdigest() if file else ""  # type: ignore[arg-type]
    return Entry(
        kind=member.type.decode(),
        mode=oct(member.mode),
        owner=f"{member.uid}:{member.gid}",
        time=member.mtime,
        link=member.linkname,
        size=member.size,
        content=content,
    )


def compare_entries(one: dict[str, Entry], other: dict[str, Entry]) -> Iterator[str]:
    """Yield a line for each path that is not the same in both."""
    for path in sorted(one.keys() | other.keys()):
        if path not in other:
            yield f"{path}: only in the first"
        elif path not in one:
            yield f"{path}: only in the second"
        elif one[path] != other[path]:
            here, there = vars(one[path]), vars(other[path])
            words = [f"{key} {here[key]} {there[key]}" for key in here if here[key] != there[key]]
            yield f"{path}: {', '.join(words)}"


def compare_configurations(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Yield a line for each value of two JSON documents that is not the same."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from compare_configurations(one.get(key), other.get(key), f"{path}.{key}")
    elif one != other:
        yield f"configuration{path}: {json.dumps(one)[:200]} {json.dumps(other)[:200]}"


def compare_layers(one: Path, other: Path) -> Iterator[str]:
    """Yield lines about each pair of layers that is not the same."""
    pairs = zip_longest(read_manifest(one)["layers"], read_manifest(other)["layers"])
    for number, (first, second) in enumerate(pairs):
        if first is None or second is None:
            yield f"layer {number}: only in the {'second' if first is None else 'first'}"
        elif first["digest"] != second["digest"]:
            lines = list(
                compare_entries(
                    read_layer(find_blob(one, first["digest"])),
                    read_layer(find_blob(other, second["digest"])),
                )
            )
            yield f"layer {number}: {len(lines) or 'the order of its'} files differ"
            yield from (f"    {line}" for line in lines[:MOST_SHOWN])


def compare_images(one: Path, other: Path) -> list[str]:
    """Return what differs between two images, a line each; nothing if they are the same."""
    digests = [read_manifest(folder)["config"]["digest"] for folder in (one, other)]
    if digests[0] == digests[1]:
        return list(compare_layers(one, other))  # the compression may differ all the same
    documents = [
        json.loads(find_blob(folder, digest).read_text())
        for folder, digest in zip((one, other), digests, strict=True)
    ]
    return [*compare_layers(one, other), *compare_configurations(*documents)]


def main() -> None:
    """Print the digest that both have, or what differs."""
    one, other = (Path(word) for word in sys.argv[1:])
    if found := compare_images(one, other):
        print(*found, sep="\n")
        sys.exit("error: the two builds differ")
    digest = hashlib.sha256((one / "manifest.json").read_bytes()).hexdigest()
    print(f"{one.name}: both builds are sha256:{digest}")


if __name__ == "__main__":
    main()

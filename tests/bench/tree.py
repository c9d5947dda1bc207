"""A workspace as people have it: make FOLDER FILES MEGABYTES, or change FOLDER (1 % of its files).

It runs in a container, by its Python: standard library only.
"""

import random
import sys
from pathlib import Path

STEMS = ("load", "value", "request", "state", "user", "file", "name", "token", "render", "node")
WORDS = [stem + end for stem in STEMS for end in ("", "s", "er", "List", "Map", "Of", "Id")]
SMALL, BIG = 3_000, 700_000
"""Bytes of a source file, on average, and of a binary one."""


def make(folder: Path, files: int, megabytes: int) -> None:
    """Make it: node_modules of small texts, a source tree, and binaries that do not compress."""
    chance = random.Random(1)
    left = megabytes * 1_000_000
    texts = [bytes(" ".join(chance.choices(WORDS, k=9)), "ascii") for _ in range(4000)]
    binaries = max(1, (left - files * SMALL) // BIG)
    for number in range(files - binaries):
        top = "node_modules" if number % 10 < 8 else "src"
        place = folder / top / f"package{number // 60}" / ("lib" if number % 3 else "dist")
        if number % 20 < 3:
            place.mkdir(parents=True, exist_ok=True)
        elif not place.exists():
            place.mkdir(parents=True)
        count = chance.randrange(10, 90)
        lines = (b"%d " % chance.randrange(10**6) + text for text in chance.choices(texts, k=count))
        (place / f"file{number}.js").write_bytes(b"\n".join(lines))
    (folder / "build").mkdir(exist_ok=True)
    for number in range(binaries):
        (folder / "build" / f"{number}.bin").write_bytes(chance.randbytes(BIG))


def change(folder: Path) -> None:
    """Add a line to one of a hundred files, and a few new ones."""
    paths = sorted(path for path in folder.rglob("*.js"))
    for path in paths[::100]:
        with path.open("a") as file:
            file.write("changed;\n")
    for number in range(5):
        (folder / "build" / f"new{number}.bin").write_bytes(random.Random(number).randbytes(BIG))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        change(Path(sys.argv[2]))

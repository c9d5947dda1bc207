"""Keep the generated parts of the documentation in step with the code.

Without options: exit with 1 when one is out of date. The parts stand between `begin` and `end`
markers; `agent.settings.reference` says what belongs there, and the command which verbs it has.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from agent import catalogue
from agent.__main__ import VERBS
from agent.settings import reference
from scripts.variants import VARIANTS, list_languages

ROOT = Path(__file__).parent.parent
TRIED = ROOT / "docs/tried.json"
"""What `make faults`, `make fuzz` and `make floods` keep; see tests/faults/tally.py."""
DOCUMENTS = (
    "docs/activity.md",
    "docs/settings.md",
    "docs/migration.md",
    "docs/doctor.md",
    "docs/guarantees.md",
    "docs/images.md",
    "docs/metrics.md",
)

MEND = ".venv/bin/python scripts/documents.py --write"

_PART = re.compile(
    r"(?P<begin><!-- begin: (?P<name>[a-z ]+) -->\n).*?(?P<end><!-- end: (?P=name) -->)", re.DOTALL
)


def parts() -> dict[str, str]:
    """Return all generated parts, by the name in their markers."""
    verbs = ((f"`devcopilot {verb}`", meaning) for verb, meaning in VERBS.items())
    sections = reference.sections(reference.find_files(catalogue.DOCUMENTS))
    checks = (
        (check.group, f"`{check.name}`", check.purpose, "yes" if check.network else "")
        for check in catalogue.CHECKS
    )
    metrics = (
        (f"`{each.name}`", each.kind, " ".join(f"`{name}`" for name in each.labels), each.meaning)
        for each in catalogue.FAMILIES
    )
    images = (
        (f"`dev8-{image.name}`", image.description, ", ".join(list_languages(image)),
         f"{image.megabytes} MB")
        for image in VARIANTS.values()
    )  # fmt: skip
    signals = ((f"`{each.name}`", each.meaning, each.rule) for each in catalogue.SIGNALS)
    tried = add_up(json.loads(TRIED.read_text()))
    counts = (
        (f"`{name}`", f"{row['tried']:,}", str(row["failed"]), row["date"])
        for name, row in sorted(tried.items())
    )
    return {
        **sections,
        "tried": reference.table(("test", "tried", "failed", "date"), counts),
        "signals": reference.table(("signal", "what is seen", "counts"), signals),
        "commands": reference.table(("command", "what it does"), verbs),
        "checks": reference.table(("group", "name", "what it checks", "network"), checks),
        "images": reference.table(("image", "contents", "languages", "at most"), images),
        "metrics": reference.table(("metric", "kind", "labels", "what it says"), metrics),
    }


def add_up(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the tries of each test; of the fuzzed ones, of each file: they are many."""
    found: dict[str, dict[str, Any]] = {}
    for name, row in rows.items():
        group = name.partition("::")[0] if name.startswith("fuzz/") else name
        before = found.setdefault(group, {"tried": 0, "failed": 0, "date": ""})
        found[group] = {
            "tried": before["tried"] + row["tried"],
            "failed": before["failed"] + row["failed"],
            "date": max(before["date"], row["date"]),
        }
    return found


def fill_in(text: str) -> str:
    """Return the text with every marked part written anew. Raises KeyError for an unknown part."""
    desired = parts()
    return _PART.sub(
        lambda found: f"{found['begin']}{desired[found['name']]}\n{found['end']}", text
    )


def main(words: list[str]) -> int:
    """Check the documents, or with --write bring them up to date; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="bring the parts up to date")
    arguments = parser.parse_args(words)
    code = 0
    for path in (ROOT / name for name in DOCUMENTS):
        present = path.read_text()
        desired = fill_in(present)
        if desired == present:
            continue
        if arguments.write:
            path.write_text(desired)
        else:
            print(f"{path} is out of date ({MEND} fixes it)", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""docker/vex.json is OpenVEX 0.2.0, which scanners read: https://github.com/openvex/spec."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scripts.variants import VARIANTS

TOP = Path(__file__).resolve().parents[2]
DOCUMENT = json.loads((TOP / "docker/vex.json").read_text())
STATUSES = {"not_affected", "affected", "fixed", "under_investigation"}
JUSTIFICATIONS = {
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
}
IMAGES = {f"pkg:oci/dev8-{name}" for name in VARIANTS}


def test_the_document_says_who_and_when() -> None:
    assert DOCUMENT["@context"] == "https://openvex.dev/ns/v0.2.0"
    assert DOCUMENT["@id"] and DOCUMENT["author"]
    assert isinstance(DOCUMENT["version"], int)
    assert datetime.fromisoformat(DOCUMENT["timestamp"]) <= datetime.now(UTC)


def test_no_vulnerability_has_two_answers() -> None:
    names = [statement["vulnerability"]["name"] for statement in DOCUMENT["statements"]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "statement", DOCUMENT["statements"], ids=lambda part: part["vulnerability"]["name"]
)
def test_a_statement_is_complete(statement: dict[str, Any]) -> None:
    assert re.fullmatch(r"CVE-\d{4}-\d{4,}", statement["vulnerability"]["name"])
    assert {product["@id"] for product in statement["products"]} == IMAGES
    assert all(product["subcomponents"] for product in statement["products"])
    assert statement["status"] in STATUSES
    if statement["status"] == "not_affected":
        assert statement["justification"] in JUSTIFICATIONS
        assert statement["impact_statement"].endswith(".")
    else:
        assert "justification" not in statement
    if statement["status"] == "affected":
        assert statement["action_statement"]

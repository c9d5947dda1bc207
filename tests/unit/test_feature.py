"""What a devcontainer client needs of the Feature before it builds anything."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).resolve().parents[2]
FEATURE = TOP / "deploy/devcontainer/src/devcopilot-agent"


@pytest.fixture
def document() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FEATURE / "devcontainer-feature.json").read_text())
    return read


def test_it_has_the_version_of_the_agent(document: dict[str, Any]) -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    assert (document["id"], document["version"]) == (project["name"], project["version"])
    assert document["id"] == FEATURE.name


def test_the_entrypoint_survives_yaml_and_compose(document: dict[str, Any]) -> None:
    """The client writes it into a quoted text of a Compose file, which knows variables as well."""
    filled = document["entrypoint"].replace("${containerWorkspaceFolder}", "/workspaces/demo")
    assert not re.search(r'["$\\\n]', filled)


def test_two_entrypoints_start_one_agent(tmp_path: Path) -> None:
    """As where the Feature is installed twice; ENTRYPOINT and CMD of the image follow."""
    share = "/usr/local/share/devcopilot"
    entrypoint = tmp_path / "entrypoint"
    script = (FEATURE / "entrypoint").read_text().replace(share, str(tmp_path))
    entrypoint.write_text(script)
    (tmp_path / "options").write_text("devcopilot_pid1=true\n")
    enter = f"devcopilot_workspace=/work; . {entrypoint}"
    done = subprocess.run(
        ["sh", "-c", f'{enter}\n{enter}\necho "$@"', "-", "own", "words"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    blocked = "env --block-signal=TERM,INT,HUP,QUIT"
    assert done.stdout == f"{blocked} {tmp_path}/start /work own words\n"


def test_nothing_is_asked_of_a_registry_before_it_is_installed(document: dict[str, Any]) -> None:
    """Clients fetch what these name, and fail without a network."""
    assert not {"installsAfter", "dependsOn", "legacyIds"} & set(document)


def test_each_option_is_read(document: dict[str, Any]) -> None:
    script = (FEATURE / "install.sh").read_text()
    defaults = {name.upper(): option["default"] for name, option in document["options"].items()}
    assert defaults == dict.fromkeys(re.findall(r"\$\{([A-Z0-9]+):-true\}", script), True)


def test_all_that_any_image_promises_says_what_fixes_it() -> None:
    """`make check-image` prints it; a test without a promise would be a finding without words."""
    for path in (TOP / "tests/image/any").glob("test_*.py"):
        text = path.read_text()
        tests = len(re.findall(r"(?m)^def test_", text))
        promised = len(re.findall(r"(?m)^@promise\(", text))
        assert tests - text.count("@pytest.mark.parametrize") == promised, path.name

"""scripts/sbom.sh: the list of what dev8-base is made of, against what is really in it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.worlds.containers import BASE, DOCKER, docker

TOP = Path(__file__).resolve().parents[2]


def call(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [TOP / "scripts/sbom.sh", *words],
        env=os.environ | variables, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def written() -> Path:
    """What the script wrote: a file, beside which is another."""
    done = call("base")
    assert done.returncode == 0, done.stderr
    architecture = docker("image", "inspect", "--format", "{{.Architecture}}", BASE)
    return TOP / f"reports/dev8-base-{architecture}.cdx.json"


@pytest.fixture(scope="module")
def components(written: Path) -> dict[str, dict[str, str]]:
    """The names and versions of what the list has, by kind."""
    document = json.loads(written.read_text())
    found: dict[str, dict[str, str]] = {}
    for component in document["components"]:
        kind = component.get("purl", "pkg:none/").partition(":")[2].partition("/")[0]
        found.setdefault(kind, {})[component["name"]] = component.get("version", "")
    return found


def run(*words: str) -> str:
    """Run a command in the image, with nothing of the agent around it."""
    return docker("run", "--rm", "--network", "none", "--entrypoint", words[0], BASE, *words[1:])


def test_every_package_of_the_system_is_listed(components: dict[str, dict[str, str]]) -> None:
    lines = run("dpkg-query", "--show", "--showformat", "${Package} ${Version}\\n").splitlines()
    assert components["deb"] == dict(line.split() for line in lines)


def test_every_package_of_the_agent_is_listed(components: dict[str, dict[str, str]]) -> None:
    script = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.metadata['Name'].lower().replace('_', '-'): d.version"
        " for d in m.distributions()}))"
    )
    installed = json.loads(run("/opt/devcopilot/bin/python", "-I", "-c", script))
    assert "devcopilot-agent" in installed
    assert installed.items() <= components["pypi"].items()


def test_what_gh_was_linked_from_is_listed(components: dict[str, dict[str, str]]) -> None:
    assert "github.com/cli/go-gh/v2" in components["golang"]


def test_the_short_list_names_each_package_of_the_system(
    written: Path, components: dict[str, dict[str, str]]
) -> None:
    text = written.with_name(written.name.replace(".cdx.json", ".packages.txt")).read_text()
    lines = text.splitlines()
    assert lines == sorted(set(lines))
    found = [line.split()[1:] for line in lines if line.startswith("deb ")]
    assert dict(found) == components["deb"]


def test_what_is_known_of_vulnerabilities_is_of_packages_that_are_there(
    components: dict[str, dict[str, str]],
) -> None:
    document = json.loads((TOP / "docker/vex.json").read_text())
    named = {
        part["@id"]
        for statement in document["statements"]
        for product in statement["products"]
        for part in product["subcomponents"]
    }
    listed = {
        f"pkg:{kind}/debian/{name}" if kind == "deb" else f"pkg:{kind}/{name}"
        for kind, names in components.items()
        for name in names
    }
    assert named <= listed


@pytest.mark.skipif(Path(DOCKER).name == "podman", reason="the names of images differ")
def test_an_image_that_is_not_there_is_one_line() -> None:
    done = call("base", VERSION="nowhere")
    assert done.returncode == 1
    assert "error: there is no image dev8-base:nowhere (make build IMAGE=base)" in done.stderr

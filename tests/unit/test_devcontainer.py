"""devcontainer.json: its variables, what is not followed, and which container this is."""

from pathlib import Path
from typing import Any

import pytest

from agent.machine.light.cgroup import Cgroup
from agent.settings.devcontainer_file import Devcontainer, find
from agent.units import container
from agent.units.devcontainer.properties import find_notes, find_shortages, read_amount
from agent.units.devcontainer.substitution import make_substitute

FILE = Devcontainer(Path("/workspace/demo"), ".devcontainer.json")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${localEnv:SET}", "it is"),
        ("${containerEnv:SET}", "it is"),
        ("${env:SET}", "it is"),
        ("a ${localEnv:UNSET} b", "a  b"),
        ("${localEnv:UNSET:default}", "default"),
        ("${localEnv:UNSET:http://host:80/}", "http://host:80/"),
        ("${localEnv:SET:default}", "it is"),
        ("${localEnv:EMPTY:default}", ""),
        ("${localWorkspaceFolder}/x", "/workspace/demo/x"),
        ("${containerWorkspaceFolder}", "/workspace/demo"),
        ("${localWorkspaceFolderBasename}", "demo"),
        ("${containerWorkspaceFolderBasename}", "demo"),
        *((text, text) for text in ("${unknown}", "${unknown:x}", "${localEnv}", "$HOME ${")),
        (["${localEnv:SET}", 1, None, {"${localEnv:SET}": "${env:SET}"}],
         ["it is", 1, None, {"${localEnv:SET}": "it is"}]),
    ],
)  # fmt: skip
def test_variables(text: Any, value: Any) -> None:
    assert make_substitute(FILE, {"SET": "it is", "EMPTY": ""})(text) == value


def test_a_value_is_not_looked_at_twice() -> None:
    environ = {"A": "${localEnv:B}", "B": "b"}
    assert make_substitute(FILE, environ)("${localEnv:A}") == "${localEnv:B}"


def test_the_identifier_is_of_the_file() -> None:
    found = make_substitute(FILE, {})("${devcontainerId}")
    assert len(found) == 52
    assert found.isalnum()
    assert found == make_substitute(FILE, {"A": "b"})("${devcontainerId}")
    other = Devcontainer(FILE.folder, ".devcontainer/devcontainer.json")
    assert found != make_substitute(other, {})("${devcontainerId}")


def note(tmp_path: Path, **given: Any) -> list[str]:
    return [
        str(each) for each in find_notes(Devcontainer(tmp_path, "x", given), {"SET": ""}, "dev8")
    ]


def test_whoever_started_the_container_may_run_the_hooks(tmp_path: Path) -> None:
    """A devcontainer client does; then the agent must not do it again."""
    (tmp_path / ".devcontainer.json").write_text('{"postCreateCommand": "true"}')
    assert find(tmp_path)
    assert find(tmp_path, "off") is None


def test_what_is_not_followed(tmp_path: Path) -> None:
    assert note(tmp_path, name="demo", remoteUser="dev8", features={}, mounts=[], init=None) == []
    assert note(tmp_path, features={"a": {}}, remoteUser="root") == [
        "features has no effect: the image is already built (bake them into the image)",
        "remoteUser has no effect: everything runs as dev8",
    ]


def test_secrets_that_are_missing(tmp_path: Path) -> None:
    secrets = {"SET": {}, "KEY": {"description": "for the\x1b[31m API"}, "BARE": None}
    assert note(tmp_path, secrets=secrets) == [
        "the repository asks for the secret KEY (for the\\x1b[31m API) (set KEY)",
        "the repository asks for the secret BARE (set BARE)",
    ]


def test_a_machine_that_is_too_small(tmp_path: Path) -> None:
    assert note(tmp_path, hostRequirements={"cpus": 1, "memory": "1mb", "gpu": True}) == []
    (line,) = note(tmp_path, hostRequirements={"memory": "99999tb"})
    assert line.startswith("the repository asks for 99999tb of memory; here are ")
    assert note(tmp_path, hostRequirements=[], secrets="x") == []


def test_requirements_are_compared_with_the_limits_of_the_container(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{2**31}\n")
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    cgroup = Cgroup(str(tmp_path), str(tmp_path / "none"))
    wanted = {"cpus": 1, "memory": "4gb", "storage": "1mb"}
    assert [str(each) for each in find_shortages(wanted, tmp_path, cgroup)] == [
        "the repository asks for 1 of cpus; here are 0.5",
        "the repository asks for 4gb of memory; here are 2.0 GiB",
    ]
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert list(find_shortages({"cpus": 1, "memory": "1mb"}, tmp_path, cgroup)) == []


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (4, 4),
        ("8gb", 8 * 2**30),
        ("2 TB", 2 * 2**40),
        ("512", 512),
        (True, 0),
        ("much", 0),
        (None, 0),
    ],
)
def test_amounts(value: Any, amount: int) -> None:
    assert read_amount(value) == amount


# --- which container ---

ROOT = (
    "600 500 0:50 / / rw - overlay overlay rw,lowerdir=/l,upperdir=/var/lib/{0}/diff,workdir=/w\n"
)
HOSTNAME = "610 600 8:1 /docker/containers/{0}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n"
PLAIN = "600 500 8:1 / / rw - ext4 /dev/sda1 rw\n"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((ROOT.format("a"), "x"), (ROOT.format("a"), "x"), True),
        ((ROOT.format("a"), "x"), (ROOT.format("b"), "x"), False),
        ((PLAIN + HOSTNAME.format("a"), "x"), (PLAIN + HOSTNAME.format("a"), "x"), True),
        ((PLAIN + HOSTNAME.format("a"), "x"), (PLAIN + HOSTNAME.format("b"), "x"), False),
        ((PLAIN, "x"), (PLAIN, "y"), False),
        (("garbage\n\x00", "x"), ("", "x"), True),
    ],
)
def test_a_container_has_a_name_of_its_own(
    tmp_path: Path, one: tuple[str, str], other: tuple[str, str], same: bool
) -> None:
    found = []
    for number, (text, name) in enumerate((one, other)):
        (tmp_path / str(number)).write_text(text)
        found.append(container.find_identity(tmp_path / str(number), name))
    assert (found[0] == found[1]) == same

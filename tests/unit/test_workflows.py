"""What linters do not hold of .github/workflows: they call our scripts, may little, are pinned."""

import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

TOP = Path(__file__).resolve().parents[2]
FILES = sorted((TOP / ".github/workflows").glob("*.yml"))
READ = {"contents": "read"}
MAY_WRITE = {
    "scan": {"security-events"},
    "publish": {"packages", "id-token", "attestations"},
    "announce": {"contents"},
}
"""The jobs that may change something on GitHub, and what."""
MAY_WRITE_IN_A_RELEASE = {
    **MAY_WRITE,
    "feature": MAY_WRITE["publish"],
    "images": {"packages"},
    "variants": {"packages"},
}
PROGRAMS = {"gh", "make", "printenv", "printf", "tee"}
PINNED = re.compile(r"(?m)^ *(?:- )?uses: ([\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$")

Job = dict[str, Any]


def load(file: Path) -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load(file.read_text())
    return document


def list_jobs() -> Iterator[tuple[str, str, Job]]:
    for file in FILES:
        for name, job in load(file)["jobs"].items():
            yield file.stem, name, job


def list_steps() -> Iterator[Job]:
    for _, _, job in list_jobs():
        yield from job["steps"]


def list_commands() -> list[str]:
    return sorted({step["run"] for step in list_steps() if "run" in step})


def test_every_action_is_pinned_and_to_one_version() -> None:
    pins: dict[str, set[tuple[str, str]]] = {}
    for file in FILES:
        text = file.read_text()
        found = PINNED.findall(text)
        assert len(found) == text.count("uses:")
        for name, commit, version in found:
            pins.setdefault("/".join(name.split("/")[:2]), set()).add((commit, version))
    assert {name: versions for name, versions in pins.items() if len(versions) > 1} == {}


def test_nothing_runs_with_rights_for_code_of_others() -> None:
    for file in FILES:
        events = load(file)[True]  # YAML 1.1 reads `on` as true
        assert events.keys() <= {"pull_request", "push", "schedule", "workflow_dispatch"}


def test_jobs_may_only_what_they_need() -> None:
    assert all(load(file)["permissions"] == {} for file in FILES)
    for workflow, name, job in list_jobs():
        allowed = (MAY_WRITE_IN_A_RELEASE if workflow == "release" else MAY_WRITE).get(name, set())
        assert job["permissions"] == READ | dict.fromkeys(allowed, "write"), name


def test_every_job_ends_some_day() -> None:
    assert all(0 < job["timeout-minutes"] <= 90 for _, _, job in list_jobs())


def test_no_checkout_keeps_the_token() -> None:
    checkouts = [step for step in list_steps() if "actions/checkout@" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_a_secret_reaches_only_the_step_that_needs_it() -> None:
    for file in FILES:
        document = load(file)
        for job in document["jobs"].values():
            for step in job.pop("steps"):
                if "secrets." in str(step):
                    assert step["run"].startswith(("printenv REGISTRY_PASSWORD |", "scripts/rel"))
        assert "secrets." not in str(document)


def test_a_release_waits_for_its_protected_environment() -> None:
    """A secret of an environment is given only to jobs that its rules let through."""
    for workflow, name, job in list_jobs():
        writes = "write" in job["permissions"].values()
        if "secrets." in str(job["steps"]) or (workflow == "release" and writes):
            assert job.get("environment") == "release", (workflow, name)
        else:
            assert "environment" not in job, (workflow, name)


def test_only_githubs_registry_gets_the_workflows_token() -> None:
    """DOCKER_REGISTRY may name any other, which must not see it."""
    text = (TOP / ".github/workflows/release.yml").read_text()
    passwords = re.findall(r"REGISTRY_PASSWORD: \$\{\{ (.*) \}\}", text)
    only = "startsWith(env.DOCKER_REGISTRY, 'ghcr.io/') && secrets.GITHUB_TOKEN || ''"
    assert passwords == [f"secrets.REGISTRY_PASSWORD || {only}"] * 4


def test_a_failure_is_a_failure() -> None:
    for file in FILES:
        assert load(file)["defaults"]["run"]["shell"] == "bash", "the default has no pipefail"
        assert "continue-on-error" not in file.read_text()
    assert not [command for command in list_commands() if "||" in command]


@pytest.mark.parametrize("command", list_commands())
def test_a_command_is_a_line_that_calls_what_is_there(command: str) -> None:
    assert "\n" not in command
    assert "${{" not in command
    for part in command.split(" | "):
        words = [word for word in part.split() if word != "sudo" and not word.startswith("--pre")]
        program = words[0]
        if program.startswith("scripts/"):
            assert (TOP / program).stat().st_mode & 0o111
        else:
            assert program in PROGRAMS
        if program == "make":
            targets = {word for word in words[1:] if "=" not in word}
            assert targets <= set(re.findall(r"(?m)^([a-z-]+):", (TOP / "Makefile").read_text()))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="shellcheck's package is for x86_64")
@pytest.mark.parametrize("command", list_commands())
def test_a_command_passes_shellcheck(command: str) -> None:
    program = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run(
        [program, "--shell=bash", "-"], input=command, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_what_jobs_ask_of_each_other_is_given() -> None:
    for file in FILES:
        jobs = load(file)["jobs"]
        for job in jobs.values():
            asked = set(re.findall(r"needs\.(\w+)\.outputs\.(\w+)", str(job)))
            needs = job.get("needs", [])
            for name, output in asked:
                assert name in needs
                assert output in jobs[name]["outputs"]


def test_the_parts_that_are_asked_for_are_told() -> None:
    outputs = load(TOP / ".github/workflows/ci.yml")["jobs"]["changes"]["outputs"]
    told = subprocess.run(
        [TOP / "scripts/changes.sh", "HEAD"], check=True, capture_output=True, text=True
    ).stdout
    assert outputs.keys() <= {line.partition("=")[0] for line in told.splitlines()}
    assert all(text == f"${{{{ steps.changes.outputs.{name} }}}}" for name, text in outputs.items())

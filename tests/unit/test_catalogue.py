"""The catalogue's jobs, as init gets them."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent import __main__, catalogue
from agent.machine.light import moments, runtime
from agent.machine.light.boot_file import Boot, Job, read_boot
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.workspace.jobs import JobKind, find_jobs
from tests.worlds.machine import make_facts

MOMENTS = {value for name, value in vars(moments).items() if name.isupper()}
VARIABLES = {"GITHUB_TOKEN_FILE": "/run/token", "DEV8_TOKEN_REFRESH_INTERVAL": "7s"}


@pytest.mark.parametrize("kind", catalogue.JOBS, ids=lambda kind: kind.job.name)
def test_a_job_runs_a_verb_at_known_moments(kind: JobKind, tmp_path: Path) -> None:
    job = kind.job
    if job.name != "activity":  # a script of its own, which must be light
        log, verb = job.argv[len(runtime.DEVCOPILOT) :][:2]
        assert log == "--log", "what ends it is an event of the log"
        assert verb in __main__.VERBS
    current = Context({}, Settings.from_environ({}), make_facts(tmp_path))
    assert job.at or job.sockets or kind.sockets or any(kind.watch(current))
    assert {*job.at, job.announces} <= MOMENTS | {""}


@pytest.mark.parametrize("kind", catalogue.JOBS, ids=lambda kind: kind.job.name)
def test_a_job_that_starts_once_is_repeated_if_it_was_killed(kind: JobKind) -> None:
    """Otherwise what it was to do is never done: nothing else starts it."""
    wanted = {"DEV8_IDLE_TIMEOUT": "1h", "GITHUB_TOKEN": "x"}
    starts_once = not {moments.BOOT, moments.READY}.isdisjoint(kind.job.at)
    interval = kind.interval(Settings.from_environ(wanted))
    assert kind.job.retry or interval or not starts_once


def test_one_job_announces_that_the_workspace_is_ready() -> None:
    assert [kind.job.name for kind in catalogue.JOBS if kind.job.announces == moments.READY] == [
        "ready"
    ]


def make_boot(jobs: Sequence[Job]) -> Boot:
    return Boot(
        environment={}, log_format="json", log_level=None, streams=(), supervisord=(),
        essential=(), jobs=jobs, stop_timeout=8.0,
    )  # fmt: skip


def test_init_reads_the_jobs_as_they_were_written(tmp_path: Path) -> None:
    jobs = find_jobs(Context({}, Settings.from_environ(VARIABLES), make_facts(tmp_path)))
    boot = make_boot(jobs)
    (tmp_path / "boot.json").write_bytes(boot.encode())
    read = read_boot(str(tmp_path)).jobs
    for written, found in zip(jobs, read, strict=True):
        seen = {**vars(found), "retry": vars(found.retry) if found.retry else None}
        assert seen == json.loads(json.dumps(vars(written), default=vars))
    (refresh,) = (job for job in read if job.name == "refresh")
    assert (refresh.interval, refresh.watch) == (7.0, ["/run/token"])


@pytest.mark.parametrize(
    ("variables", "gives_way"),
    [
        ({}, True),
        ({"GITHUB_TOKEN": "ghp_0123456789abcdefghijklmnopqrstuvwxyz"}, True),
        ({"DEV8_GITHUB_TOKEN_COMMAND": "vault read token"}, False),
    ],
)
def test_a_first_refresh_that_fetches_nothing_lets_the_services_start(
    tmp_path: Path, variables: dict[str, str], gives_way: bool
) -> None:
    jobs = find_jobs(Context({}, Settings.from_environ(variables), make_facts(tmp_path)))
    found = {job.name: job.gives_way > 0 for job in jobs}
    assert [name for name in found if found[name]] == ["refresh"] * gives_way


def test_an_unknown_field_of_a_job_is_refused(tmp_path: Path) -> None:
    (job, *_) = find_jobs(Context({}, Settings.from_environ({}), make_facts(tmp_path)))
    boot = json.loads(make_boot([job]).encode())
    boot["jobs"][0]["nonsense"] = 1
    (tmp_path / "boot.json").write_text(json.dumps(boot))
    with pytest.raises(TypeError):
        read_boot(str(tmp_path))


@pytest.mark.parametrize("text", ["{}", '{"jobs": []}', '{"jobs": [{}]}', "[]", "null"])
def test_a_boot_file_that_lacks_something_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "boot.json").write_text(text)
    with pytest.raises(TypeError):
        read_boot(str(tmp_path))


def test_every_stage_of_configure_has_a_name_of_its_own() -> None:
    """The ledger knows files by it: two of one name would take each other's away."""
    names = [kind.name for kind in (*catalogue.STEPS, *catalogue.SERVICES)]
    assert sorted(set(names)) == sorted(names)

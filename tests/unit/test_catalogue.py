"""The catalogue's jobs, as init gets them."""

import json
from pathlib import Path

import pytest

from agent import __main__, catalogue
from agent.init.boot import read_boot
from agent.machine import moments
from agent.machine.boot import Boot
from agent.settings.everything import Settings
from agent.workspace.jobs import JobKind, find_jobs

MOMENTS = {value for name, value in vars(moments).items() if name.isupper()}
VARIABLES = {"GITHUB_TOKEN_FILE": "/run/token", "DEV8_TOKEN_REFRESH_INTERVAL": "7s"}


@pytest.mark.parametrize("kind", catalogue.JOBS, ids=lambda kind: kind.name)
def test_a_job_runs_a_verb_at_known_moments(kind: JobKind) -> None:
    assert kind.words[0] in __main__.VERBS
    assert kind.at or kind.socket
    assert {*kind.at, kind.announces} <= MOMENTS | {""}


def test_one_job_announces_that_the_workspace_is_ready() -> None:
    assert [kind.name for kind in catalogue.JOBS if kind.announces == moments.READY] == ["ready"]


def test_init_reads_the_jobs_as_they_were_written(tmp_path: Path) -> None:
    jobs = find_jobs(Settings.from_environ(VARIABLES))
    boot = Boot({}, "json", None, (), (), (), jobs, 8.0)
    (tmp_path / "boot.json").write_bytes(boot.encode())
    read = read_boot(str(tmp_path)).jobs
    for written, found in zip(jobs, read, strict=True):
        seen = {**vars(found), "retry": vars(found.retry) if found.retry else None}
        assert seen == json.loads(json.dumps(vars(written), default=vars))
    (refresh,) = (job for job in read if job.name == "refresh")
    assert (refresh.interval, refresh.watch) == (7.0, ["/run/token"])


def test_an_unknown_field_of_a_job_is_refused(tmp_path: Path) -> None:
    (job, *_) = find_jobs(Settings.from_environ({}))
    boot = json.loads(Boot({}, "json", None, (), (), (), (job,), 8.0).encode())
    boot["jobs"][0]["nonsense"] = 1
    (tmp_path / "boot.json").write_text(json.dumps(boot))
    with pytest.raises(TypeError):
        read_boot(str(tmp_path))

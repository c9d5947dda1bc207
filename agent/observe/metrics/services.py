"""The services and the jobs."""

from collections.abc import Callable

from agent.observe.metrics.family import Family, Kind, Sample, moment
from agent.observe.status import Job, Status
from agent.services.report import Row
from agent.services.supervisord import RUNNING


def each(find: Callable[[Row], float | None]) -> Callable[[Status], list[Sample]]:
    """Return what reads a value of each service, where it is known."""
    return lambda status: [
        Sample(value, {"service": row.name})
        for row in status.services
        if (value := find(row)) is not None
    ]


def each_job(find: Callable[[Job], float | None]) -> Callable[[Status], list[Sample]]:
    """Return what reads a value of each job, where it is known."""
    return lambda status: [
        Sample(value, {"job": name})
        for name, job in status.jobs.items()
        if (value := find(job)) is not None
    ]


FAMILIES = (
    Family[Status](
        "devcopilot_service_up", Kind.GAUGE, "1 while the service runs.",
        each(lambda row: row.state == RUNNING), ("service",),
    ),
    Family[Status](
        "devcopilot_service_start_time_seconds", Kind.GAUGE, "When the service was last started.",
        each(lambda row: moment(row.since)), ("service",),
    ),
    Family[Status](
        "devcopilot_service_restarts_total", Kind.COUNTER,
        "How often the service was started again since the container was started.",
        each(lambda row: row.restarts), ("service",),
    ),
    Family[Status](
        "devcopilot_job_runs_total", Kind.COUNTER,
        "How often the agent has run the job since the container was started.",
        each_job(lambda job: job.runs), ("job",),
    ),
    Family[Status](
        "devcopilot_job_last_run_timestamp_seconds", Kind.GAUGE, "When the job was last started.",
        each_job(lambda job: moment(job.last_started)), ("job",),
    ),
    Family[Status](
        "devcopilot_job_last_exit_code", Kind.GAUGE, "Exit code of the job's last run; 0: good.",
        each_job(lambda job: job.last_exit), ("job",),
    ),
)  # fmt: skip

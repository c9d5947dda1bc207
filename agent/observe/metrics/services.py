"""The services and the jobs."""

from agent.observe.metrics.family import Family, Kind, labelled, moment
from agent.observe.status import Job, Status
from agent.services.status import Row
from agent.services.supervisord import RUNNING


def find_services(status: Status) -> list[tuple[str, Row]]:
    """Return the services."""
    return [(row.name, row) for row in status.services]


def find_jobs(status: Status) -> list[tuple[str, Job]]:
    """Return the jobs."""
    return list(status.jobs.items())


each = labelled("service", find_services)
"""Makes what reads a value of each service, where it is known."""
each_job = labelled("job", find_jobs)
"""Makes what reads a value of each job, where it is known."""


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

"""All members of a bundle, in one visible tuple. To add one, write a function and add one line."""

from agent.observe.bundle import records
from agent.observe.bundle.part import Part

PARTS = (
    Part("doctor.json", "what `devcopilot doctor --offline` finds now, and what it found last",
         records.make_doctor, timeout=30.0),
    Part("status.json", "the status", records.make_status, timeout=15.0),
    Part("settings.json", "which variables are set; values of switches, numbers and paths only",
         records.make_settings),
    Part("versions.json", "versions of the agent, its programs and the system",
         records.make_versions, timeout=15.0),
    Part("services.json", "names of the services", records.make_services),
    Part("supervisord.json", "what supervisord says of the services", records.make_supervisord),
    Part("metrics.txt", "the metrics", records.make_metrics, timeout=15.0),
    Part("cgroup.json", "limits and use of memory, processes and processors", records.make_cgroup),
    Part("mounts.txt", "the table of mounts", records.make_mounts),
    Part("processes.txt", "the processes, without the words of their commands",
         records.make_processes),
    Part("logs", "the end of each log that the container keeps: recent lines, units",
         records.make_logs, timeout=15.0, is_log=True),
)  # fmt: skip

"""What an init must do: one list of named cases.

The names and what must be seen come from the test suites and bug trackers of tini, dumb-init,
supervisord and s6-overlay.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.pid1.conformance import of_command, of_services
from tests.pid1.conformance.places import World


@dataclass(frozen=True)
class Case:
    """One case of the list."""

    check: Callable[[World], None]
    action: str
    must_see: str
    slow: bool = False
    """Not in `make test`: something else there holds the same."""

    @property
    def name(self) -> str:
        return self.check.__name__.replace("_", "-")


CASES = (
    Case(of_command.exit_codes, "CMD exits with 0, 1, 2, 32, 64, 127, 254, 255", "the same"),
    Case(of_command.exit_by_signal, "CMD kills itself by TERM, INT, QUIT, KILL", "128+n"),
    Case(of_command.no_such_cmd, "CMD is missing, or not executable", "127, 126, one line"),
    Case(of_command.usage, "an unknown option, and -h", "not 0, and 0"),
    Case(of_command.proxy_all, "HUP INT QUIT USR1 USR2 TERM WINCH", "CMD gets each once, in order"),
    Case(of_services.nonfatal_usr2, "USR2 while services run", "they stay"),
    Case(of_command.group, "TERM, CMD has four children", "each gets it"),
    Case(of_command.pgroup_ignorer, "USR1, which CMD ignores", "its child gets it"),
    Case(of_command.reap_one, "an orphan ends", "no zombie"),
    Case(of_command.reap_many, "200 orphans end", "no zombie half a second later"),
    Case(of_command.subprocess_safe, "2,000 orphans while CMD runs 200 programs",
         "200 right statuses"),
    Case(of_services.foreign_status, "an orphan of a service fails", "the service stays"),
    Case(of_command.exec_orphans, "100 health checks leave orphans", "no more processes"),
    Case(of_services.term_twice, "TERM, and TERM again", "a faster stop, no traceback"),
    Case(of_services.stop_wait, "a service needs time after TERM", "it gets it"),
    Case(of_services.stop_ignore, "a service ignores TERM", "KILL at the deadline"),
    Case(of_services.no_idle_grace, "all end at once", "no fixed wait"),
    Case(of_services.stop_order, "TERM, two services", "both get it before either ends"),
    Case(of_command.cmd_stop, "TERM", "CMD gets it, and its status is the container's"),
    Case(of_command.startup_term, "TERM 0 to 100 ms after the start", "the end"),
    Case(of_services.fatal_exit, "a service keeps failing", "an exit code that is not 0"),
    Case(of_services.svd_crash, "KILL for what keeps the services", "they get TERM; not 0"),
    Case(of_services.backoff, "a service keeps failing", "at most 10 starts, and the end"),
    Case(of_services.env_percent, "a variable with % \" ' ; \\ and a newline",
         "the service has it"),
    Case(of_services.logs_pipe, "10 MB to standard output, a pipe", "the last line"),
    Case(of_services.readonly_log, "the log cannot be kept", "services run, a warning"),
    Case(of_services.cpu_idle, "20 s of rest", "less than 0.1 % of a processor", slow=True),
    Case(of_command.nohup, "signals are ignored at the start", "CMD ignores them"),
    Case(of_services.clean_signals, "no signal is ignored at the start",
         "CMD and services ignore and block none"),
)  # fmt: skip
"""All of them, in the order of the table."""

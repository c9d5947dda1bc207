"""Launchers: the scripts that supervisord runs, each of which becomes the program of a service."""

import os
import shlex
from collections.abc import Iterator, Sequence

from agent.machine.light import runtime
from agent.machine.planning.resources import File
from agent.machine.system import Facts
from agent.services.service import MARK, Service

END_REST = "end-rest.sh"
"""What each launcher begins with. No service has a dot in its name."""
REST_SECONDS = 3
"""What remains of a former run has this long to end before it is killed."""

_LAUNCHER = """\
# Starts {name}. Bash, since other shells drop variables with a dot in their name.
exec >{stream} 2>&1
. {end_rest} {group}{mark}
{own_secrets}{change_directory}exec /usr/bin/env --default-signal {words}
"""

_OWN_SECRETS = """\
for _dev8_file in {folder}/*; do
    IFS= read -r -d '' _dev8_value <"$_dev8_file"
    export "${{_dev8_file##*/}}=$_dev8_value"
done
unset _dev8_file _dev8_value
"""
"""They are in no argument and in no other file."""

_END_REST = """\
# Ends leftovers of a service's previous run, such as a server whose wrapper was killed: it would
# hold the port. The file $1 has the number of that run's process group. Where there is a process
# of this number, or the group is of another session, the number has come to somebody else. What
# has $2, if given, in its environment is of that run as well, whatever session it has made.
find_group() { # GROUP SESSION: print the processes of these
    local stat line
    for stat in /proc/[0-9]*/stat; do
        { read -r line <"$stat"; } 2>/dev/null || continue
        set -- "$1" "$2" ${line##*) } # $3 state, $4 parent, $5 group, $6 session; proc(5)
        [[ $3 == Z || $5 != "$1" || $6 != "$2" ]] || { stat=${stat%%/stat}; echo "${stat##*/}"; }
    done
}
find_marked() { # MARK: print the processes that have it; an environment ends each text with a NUL
    grep --files-with-matches --no-messages --fixed-strings --line-regexp --null-data \
        --regexp "$1" /proc/[0-9]*/environ | grep --only-matching '[0-9]*'
}
find_rest() { # GROUP SESSION MARK
    [[ ! $1 ]] || find_group "$1" "$2"
    [[ ! $3 ]] || find_marked "$3"
}
wait_for_end() { # GROUP SESSION MARK
    for _ in {1..%(steps)d}; do
        [[ $(find_rest "$@") ]] || return 0
        sleep 0.1
    done
    return 1
}
end() { # FILE [MARK]
    local group line parts rest
    { read -r group <"$1"; } 2>/dev/null
    echo $$ >"$1"
    [[ $group ]] || return # the first start
    [[ ! -e /proc/$group ]] && kill -0 -- "-$group" 2>/dev/null || group=
    read -r line </proc/$$/stat
    read -ra parts <<<"${line##*) }"
    rest=$(find_rest "$group" "${parts[3]}" "$2")
    [[ $rest ]] || return
    echo 'ending leftover processes of the previous run'
    kill -TERM $rest
    kill -CONT $rest
    wait_for_end "$group" "${parts[3]}" "$2" && return
    kill -KILL $(find_rest "$group" "${parts[3]}" "$2")
    wait_for_end "$group" "${parts[3]}" "$2"
} 2>/dev/null
end "$@"
"""

_UNSET = ("SUPERVISOR_ENABLED", "SUPERVISOR_SERVER_URL", "SUPERVISOR_PROCESS_NAME",
          "SUPERVISOR_GROUP_NAME", "OLDPWD", "SHLVL", "_")  # fmt: skip
"""What supervisord and the shell add to the environment."""


def find_mark(service: Service) -> str:
    """Return NAME=VALUE that all of a service's processes have; empty: it has none."""
    name = service.environment.get(MARK)
    return f"{MARK}={name}" if name else ""


def resources(services: Sequence[Service], facts: Facts) -> Iterator[File]:
    """Yield the launchers of these services, and what they share."""
    place = facts.runtime / runtime.LAUNCHERS
    end_rest = _END_REST % {"steps": REST_SECONDS * 10}
    yield File(place / END_REST, end_rest.encode(), 0o600, adopt=True)
    for service in services:
        yield File(place / service.name, render(service, facts), 0o600, adopt=True)


def render(service: Service, facts: Facts) -> bytes:
    """Return the script that becomes the service's program, whose output goes to the FIFO.

    First it ends the remains of the former run.

    supervisord is not in between: while the log stood still, it would stand still as well.
    Python, and so supervisord, ignores SIGPIPE and hands that down; programs expect the default.
    """
    place = facts.runtime / runtime.LAUNCHERS
    words = [f"-u{name}" for name in (*_UNSET, *service.without)]
    words += [f"{name}={value}" for name, value in service.environment.items()]
    text = _LAUNCHER.format(
        name=service.name,
        stream=shlex.quote(str(facts.runtime / runtime.STREAMS / service.name)),
        end_rest=shlex.quote(str(place / END_REST)),
        group=shlex.quote(str(place / f"{service.name}.group")),
        mark=f" {mark}" if (mark := find_mark(service)) else "",
        own_secrets=_OWN_SECRETS.format(
            folder=shlex.quote(str(facts.runtime / runtime.OWN_SECRETS))
        ) if service.own_secrets and facts.own_secrets else "",
        change_directory=f"cd -- {shlex.quote(str(service.directory))} || exit\n"
        if service.directory else "",
        words=shlex.join([*words, *service.argv]))  # fmt: skip
    return os.fsencode(text)

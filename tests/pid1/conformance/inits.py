"""The inits that the suite compares, and how each is started with a CMD and services.

Each is set up as its own documentation advises, with what it needs to do the most. An init that
knows no services gets them the way Docker's manual shows: a shell starts them and waits.
"""

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.machine.light import runtime
from agent.services.service import Service
from tests.pid1.boxes import BLOCKED, INIT, booted, change, give, with_services

SIGNALS = {"HUP": "-h", "INT": "-i", "QUIT": "-q", "USR1": "-1", "USR2": "-2", "WINCH": "-y"}
"""Those that s6 can hand on, and s6-svc's option for each; TERM ends the tree."""


@dataclass(frozen=True)
class Setup:
    """What an init is started for."""

    folder: Path
    """Its own, empty; writable by whoever it runs as."""
    command: tuple[str, ...]
    services: tuple[Service, ...]
    stop_timeout: float
    """Seconds after which a service that ignores TERM is killed."""
    environment: Mapping[str, str]


@dataclass(frozen=True)
class InitKind:
    """One of the inits."""

    name: str
    program: str
    """Its file, or where PATH finds it."""
    usage: tuple[str, ...]
    """What its options are added to."""
    start: Callable[[Setup], Sequence[str]]
    """Writes what it needs into the setup's folder and returns the argv of PID 1."""
    keeper: str = ""
    """Words of the process that keeps the services, where that is not PID 1."""
    log_folder: str = ""
    """Where it keeps its log, below the setup's folder; empty: it keeps none."""


def start_ours(setup: Setup) -> Sequence[str]:
    """Start `devcopilot init`, or with services what `devcopilot run` becomes."""
    if not setup.services:
        return (*BLOCKED, *INIT, *setup.command)
    boot = with_services(
        setup.folder, *setup.services, impatient=True, stop_timeout=setup.stop_timeout
    )
    environment = {**boot.environment, **setup.environment}
    return (*BLOCKED, *booted(setup.folder, change(boot, environment=environment), *setup.command))


def start_below(*init: str) -> Callable[[Setup], Sequence[str]]:
    """Return how an init for one command is started: of services a shell takes care.

    https://docs.docker.com/engine/containers/multi-service_container/
    """

    def start(setup: Setup) -> Sequence[str]:
        if not setup.services:
            return (*init, *setup.command)
        programs = [service.argv for service in setup.services]
        if setup.command:
            programs.append(setup.command)
        script = "".join(f"{shlex.join(words)} &\n" for words in programs)
        return (*init, "bash", "-c", f"{script}wait -n\nexit $?")

    return start


def start_s6(setup: Setup) -> Sequence[str]:
    """Start s6-svscan. CMD is a service, whose end is the tree's; its code is handed on."""
    scan, code = setup.folder / "scan", setup.folder / "code"
    programs = {service.name: service.argv for service in setup.services}
    if setup.command:
        programs["cmd"] = setup.command
    for name, words in programs.items():
        write_script(scan / name / "run", f"exec {shlex.join(words)}")
        (scan / name / "timeout-kill").write_text(f"{setup.stop_timeout * 1000:.0f}\n")
    own = scan / ".s6-svscan"
    if setup.command:
        write_script(
            scan / "cmd/finish",
            f"test $1 -lt 256 && echo $1 >{code} || echo $((128 + $2)) >{code}\n"
            f"exec s6-svscanctl -t {scan}",
        )
        for name, option in SIGNALS.items():
            write_script(own / f"SIG{name}", f"exec s6-svc {option} {scan}/cmd")
    write_script(own / "finish", f"test -e {code} && exit $(cat {code})\nexit 0")
    give(setup.folder)
    return ("s6-svscan", str(scan))


def start_supervisord(setup: Setup) -> Sequence[str]:
    """Start supervisord. A program of CMD is not started again."""
    log = setup.folder / "log"
    log.mkdir(exist_ok=True)
    programs = {service.name: service.argv for service in setup.services}
    if setup.command:
        programs["cmd"] = setup.command
    text = (
        f"[supervisord]\nnodaemon=true\nlogfile={log}/supervisord.log\n"
        f"pidfile={setup.folder}/pid\nminfds=16\n"
    )
    for name, words in programs.items():
        script = setup.folder / f"{name}.sh"
        write_script(script, f"exec {shlex.join(words)}")
        own = "autorestart=false\nstartsecs=0\n" if name == "cmd" else "startretries=1\n"
        text += (
            f"[program:{name}]\ncommand={script}\nstopasgroup=true\nkillasgroup=true\n{own}"
            f"stopwaitsecs={max(1, setup.stop_timeout):.0f}\n"
            "stdout_logfile=/dev/fd/1\nstdout_logfile_maxbytes=0\n"
            "stderr_logfile=/dev/fd/2\nstderr_logfile_maxbytes=0\n"
        )
    file = setup.folder / "supervisord.conf"
    file.write_text(text)
    give(setup.folder)
    return (sys.executable, "-I", "-m", "supervisor.supervisord", "-c", str(file))


def write_script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


OURS = InitKind(
    "ours", sys.executable, INIT[:-1], start_ours, "supervisor.supervisord",
    f"run/{runtime.LOG}",
)  # fmt: skip
STRANGERS = (
    InitKind("tini", "tini", ("tini",), start_below("tini", "-s", "-g", "--"), "bash -c"),
    InitKind("dumb-init", "dumb-init", ("dumb-init",), start_below("dumb-init", "--"), "bash -c"),
    InitKind("s6-svscan", "s6-svscan", ("s6-svscan",), start_s6, "s6-supervise a"),
    InitKind(
        "supervisord", sys.executable, (sys.executable, "-I", "-m", "supervisor.supervisord"),
        start_supervisord, "", "log",
    ),
)  # fmt: skip
"""Debian's packages, and the supervisord that is below ours."""
INITS = (OURS, *STRANGERS)

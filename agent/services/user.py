"""The user's own services: services.d/NAME.toml. Each file is checked; none becomes raw INI."""

from pathlib import Path
from typing import Any, Final

from agent.machine.errors import Problem
from agent.machine.formats.parsing import parse_toml
from agent.machine.light.expressions import regex
from agent.machine.light.files import SETTINGS, read_file
from agent.machine.storage import layered_folders
from agent.services.service import MARK, CommandProbe, HttpProbe, PortProbe, Probe, Service
from agent.settings.context import Context

SYSTEM_FOLDER = layered_folders.SYSTEM / "services.d"
USER_FOLDER = f"{layered_folders.USER}/services.d"
"""In the home folder; DEV8_SERVICES_DIR names another."""
RESERVED: Final = ("agent", "supervisord", "log", "init")
"""Names of other sources of the log."""
_NAME = regex(r"[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?")
_VARIABLE = regex(r"[A-Za-z_][A-Za-z0-9_.-]*")
_URL = regex(r"http://(?:127\.0\.0\.1|localhost):(\d{1,5})(/[!-~]*)?")


class _MistakeError(Exception):
    """What is wrong with a file: "`key` …", for a Problem."""


def find_services(context: Context) -> list[Service | Problem]:
    """Return a service for each file, or what is wrong with it; a bad file stops no other."""
    own = context.settings.agent.services_dir or context.facts.home / USER_FOLDER
    found = layered_folders.find_files(own, SYSTEM_FOLDER)
    return [item if isinstance(item, Problem) else read_service(item) for item in found]


def read_service(path: Path) -> Service | Problem:
    """Return the service that a file describes, or what is wrong with the file."""
    try:
        return _make_service(path.stem, parse_toml(read_file(path, SETTINGS)))
    except OSError as error:
        cause = error.strerror or str(error)
    except ValueError as error:
        cause = f"it is not TOML: {error}"
    except _MistakeError as error:
        cause = str(error)
    return Problem(f"cannot add the service of {path}: {cause}")


def _make_service(name: str, table: dict[str, Any]) -> Service:
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise _MistakeError(
            "its name must consist of up to 64 characters of a-z, 0-9, - and _, and be none of "
            + ", ".join(RESERVED)
        )
    known = ("command", "essential", "probe", "environment", "directory")
    for key in table:
        if key not in known:
            raise _MistakeError(f"unknown key `{key}`; the keys are {', '.join(known)}")
    if "command" not in table:
        raise _MistakeError('`command` is missing, such as command = ["sleep", "1h"]')
    essential = table.get("essential", False)
    if not isinstance(essential, bool):
        raise _MistakeError("`essential` must be true or false")
    return Service(
        name=name,
        argv=_read_command("command", table["command"]),
        essential=essential,
        probe=_read_probe(table["probe"]) if "probe" in table else None,
        environment={**_read_environment(table.get("environment", {})), MARK: name},
        directory=_read_directory(table["directory"]) if "directory" in table else None,
    )


def _read_command(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(map(_is_text, value)):
        raise _MistakeError(f'`{key}` must be a list of texts, such as ["sleep", "1h"]')
    if not value[0] or "=" in value[0] or value[0].startswith("-"):
        raise _MistakeError(f"`{key}` must begin with a program")
    return tuple(value)


def _read_environment(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _MistakeError('`environment` must be a table, such as { COLOUR = "red" }')
    for name, text in value.items():
        if not _VARIABLE.fullmatch(name):
            raise _MistakeError(f"`environment.{name}` is not the name of a variable")
        if not _is_text(text):
            raise _MistakeError(f"`environment.{name}` must be a text")
    return value


def _read_directory(value: object) -> Path:
    if not _is_text(value) or not str(value).startswith("/"):
        raise _MistakeError("`directory` must be an absolute path")
    return Path(str(value))


def _read_probe(value: object) -> Probe:
    """Return the probe: { http = URL }, { port = N } or { command = […] }."""
    match value:
        case {"http": str(url), **rest} if not rest:
            if (found := _URL.fullmatch(url)) and _is_port(port := int(found[1])):
                return HttpProbe(port, found[2] or "/")
            raise _MistakeError("`probe.http` must be a URL such as http://127.0.0.1:3000/health")
        case {"port": port, **rest} if not rest:
            if _is_port(port):
                return PortProbe(port)
            raise _MistakeError("`probe.port` must be a number from 1 to 65535")
        case {"command": words, **rest} if not rest:
            return CommandProbe(_read_command("probe.command", words))
    raise _MistakeError('`probe` must be one of { http = "http://127.0.0.1:PORT/path" }, '
                   "{ port = PORT }, { command = [...] }")  # fmt: skip


def _is_port(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value

"""The services of this life of the container: what supervisord was given, and what it was not.

`configure` writes it at the start. `services.d` may change later, and what counts is what runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, field
from pathlib import Path
from typing import Any, get_args

from agent.machine.light import runtime
from agent.machine.records.documents import RUNTIME, Document
from agent.machine.values import frozen
from agent.services.service import Probe, Service

PROBES: dict[str, Callable[..., Probe]] = {kind.__name__: kind for kind in get_args(Probe)}


@frozen
class Roster:
    """The services that run, and why others of the agent's own do not."""

    services: tuple[Service, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    """A service that is switched on and cannot run here -> why, as one line."""


def _parse(document: dict[str, Any]) -> Roster:
    return Roster(tuple(map(_decode_service, document["services"])), document["refused"])


def _dump(roster: Roster) -> dict[str, Any]:
    rows = [_encode_service(service) for service in roster.services]
    return {"services": rows, "refused": dict(roster.refused)}


ROSTER = Document(
    RUNTIME, runtime.SERVICES, "services that this container was started with", _parse,
    hint="run this inside a container that the agent started", dump=_dump,
)  # fmt: skip


def _encode_service(service: Service) -> dict[str, Any]:
    row = asdict(service)
    for name, probe in (("probe", service.probe), ("first", service.first)):
        if probe:
            row[name] = {"kind": type(probe).__name__, **row[name]}
    return {**row, "directory": str(service.directory) if service.directory else None}


def _decode_service(row: dict[str, Any]) -> Service:
    typed = {
        "argv": tuple(row["argv"]),
        "probe": _decode_probe(**row["probe"]) if row["probe"] else None,
        "first": _decode_probe(**row["first"]) if row["first"] else None,
        "without": tuple(row["without"]),
        "directory": Path(row["directory"]) if row["directory"] else None,
    }
    return Service(**{**row, **typed})


def _decode_probe(kind: str, **row: Any) -> Probe:
    typed = {name: tuple(value) for name, value in row.items() if isinstance(value, list)}
    return PROBES[kind](**{**row, **typed})

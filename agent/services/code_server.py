"""code-server: the editor in the browser."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

from agent import store
from agent.addresses import find_asked, join_port
from agent.errors import Problem
from agent.plan import File, Resource, Seed, find_hint
from agent.secret import Secret
from agent.settings import Settings
from agent.system import Facts
from agent.values import HttpProbe, Service

NAME = "code-server"
AT_ONCE = "code-server-service"
"""dev8-mvp's own start of the same program, without a process before it: half of the time."""
CONFIG = "code-server.yaml"
PASSWORD = "code-server/password"  # noqa: S105 - a file's name, in the state folder
PASSWORD_BYTES = 18
ROOM = 16 * 1024
"""Bytes that must be free where a password is to be kept."""


def resources(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield the configuration, and the password that is made when none is given."""
    options: dict[str, object] = {
        "bind-addr": join_port(settings.editor.address, settings.editor.port),
        "auth": settings.editor.auth,
        "cert": False,
    }
    if settings.editor.auth == "none":
        yield Problem(
            "code-server asks for no password (CODE_SERVER_AUTH=none): "
            f"everyone who reaches port {settings.editor.port} has a shell here",
            "unset CODE_SERVER_AUTH",
        )
    else:
        for item in find_password(settings, facts):
            if isinstance(item, dict):
                options |= item
            else:
                yield item
    # JSON is YAML: no value can be taken for anything else.
    lines = "".join(f"{name}: {json.dumps(value)}\n" for name, value in options.items())
    yield File(facts.runtime / CONFIG, lines.encode(), 0o600, adopt=True)


def find_password(
    settings: Settings, facts: Facts
) -> Iterator[dict[str, str] | Resource | Problem]:
    """Yield the option that sets the password, and what else there is to do or to tell."""
    for option, source in (
        ("hashed-password", settings.editor.hashed_password),
        ("password", settings.editor.password),
    ):
        found = facts.secret(source)
        if isinstance(found, Problem):
            yield found
        elif found is not None:
            yield {option: found.reveal()}
            return
    yield from make_password(facts)


def make_password(facts: Facts) -> Iterator[dict[str, str] | Resource | Problem]:
    """Yield the password that was made, or is made now, and its file.

    Where it cannot be kept it lasts as long as the container.
    """
    kept, spare = facts.state / PASSWORD, facts.runtime / PASSWORD
    found = {path: _read_password(path, facts) for path in (kept, spare)}
    yield from (item for item in found.values() if isinstance(item, Problem))
    for word in found.values():
        if isinstance(word, str):
            yield store.hide("code-server-password", Secret(word), facts)
            yield {"password": word}
            return
    word = secrets.token_urlsafe(PASSWORD_BYTES)
    path, place = kept, f"kept in {kept}"
    if found[kept] is not None or not facts.has_room(kept.parent, ROOM):
        path, place = spare, f"in {spare} until the container ends, since {kept} is no use"
    yield Seed(path, f"{word}\n".encode, 0o600,
               f"a password was made for code-server: {word} ({place})")  # fmt: skip
    yield store.hide("code-server-password", Secret(word), facts)
    yield {"password": word}


def _read_password(path: Path, facts: Facts) -> str | Problem | None:
    """Return the password in this file, what is wrong with the file, or None if there is none."""
    try:
        content = facts.read(path)
    except OSError as error:
        return Problem(f"cannot read {path}: {error.strerror}", find_hint(error, path))
    if content is None:
        return None
    word = content.decode(errors="replace").strip()
    return word or Problem(f"cannot use {path}: it is empty", f"remove {path}")


def service(settings: Settings, facts: Facts) -> Service | Problem | None:
    """Return how to run it; None when it is switched off or not in this image."""
    if not settings.editor.enabled or facts.which(NAME) is None:
        return None
    return Service(
        name=NAME,
        argv=(
            AT_ONCE if facts.which(AT_ONCE) else NAME,
            *("--config", str(facts.runtime / CONFIG)),
            *("--disable-telemetry", "--disable-update-check"),
            str(settings.workspace.folder),
        ),
        probe=HttpProbe(settings.editor.port, "/healthz", find_asked(settings.editor.address)),
        # These would take the place of the password in the file.
        environment={"PASSWORD": "", "HASHED_PASSWORD": ""},
    )

"""code-server: the editor in the browser."""

import json
import secrets
from collections.abc import Iterator

from agent.addresses import find_asked, join_port
from agent.errors import Problem
from agent.plan import File, HttpProbe, Resource, Seed, Service
from agent.settings import Settings
from agent.system import Facts

NAME = "code-server"
CONFIG = "code-server.yaml"
PASSWORD = "code-server/password"  # noqa: S105 - a file's name, in the state folder
PASSWORD_BYTES = 18


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
    path = facts.state / PASSWORD
    try:
        kept = (facts.read(path) or b"").decode(errors="replace").strip()
    except OSError as error:
        yield Problem(f"cannot read {path}: {error.strerror}", f"remove {path}")
        kept = ""
    made = kept or secrets.token_urlsafe(PASSWORD_BYTES)
    yield Seed(path, f"{made}\n".encode, 0o600,
               f"a password was made for code-server: {made} (kept in {path})")  # fmt: skip
    yield {"password": made}


def service(settings: Settings, facts: Facts) -> Service | Problem | None:
    """Return how to run it; None when it is switched off or not in this image."""
    if not settings.editor.enabled or facts.which(NAME) is None:
        return None
    return Service(
        name=NAME,
        argv=(
            NAME,
            *("--config", str(facts.runtime / CONFIG)),
            *("--disable-telemetry", "--disable-update-check"),
            str(settings.workspace.folder),
        ),
        probe=HttpProbe(settings.editor.port, "/healthz", find_asked(settings.editor.address)),
        # These would take the place of the password in the file.
        environment={"PASSWORD": "", "HASHED_PASSWORD": ""},
    )

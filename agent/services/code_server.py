"""code-server: the editor in the browser."""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.machine.errors import Problem
from agent.machine.formats.lines import split_lines
from agent.machine.network.addresses import find_asked, join_port
from agent.machine.places import find_xdg
from agent.machine.planning.resources import Edit, File, Resource
from agent.machine.programs import steering
from agent.machine.storage.volumes import find_top
from agent.machine.system import Facts
from agent.services import editor_login, front, login_link, login_page
from agent.services.editor_login import ROOM, Hash
from agent.services.service import HttpProbe, Service, ServiceKind
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.extensions import encode_gallery
from agent.settings.project import find_editor_path

NAME = "code-server"
AT_ONCE = "code-server-service"
"""dev8-mvp's own start of the same program, without a process before it: half of the time."""
CONFIG = "code-server.yaml"
DATA = "code-server"
"""In the folder of data: settings, extensions, logs."""
STRINGS = "code-server.strings.json"
"""File with what the login page says in other words than code-server's own."""
BY_HAND = "code-server/config.yaml"
"""In the folder of settings: what `code-server` in a terminal reads. Where there is none it makes
one, also with --install-extension, with another password, in clear."""
OURS = b"# The agent keeps this up to date; without this line the file is yours.\n"
INSTEAD = {
    "CODE_SERVER_HOST": "set DEV8_CODE_SERVER_ADDRESS",
    "CODE_SERVER_COOKIE_SUFFIX": "set DEV8_CODE_SERVER_COOKIE_SUFFIX",
}
TAKEN = "code-server.taken.json"
"""File in the runtime folder with the variables that code-server starts without."""
GIVE_BACK = Path(__file__).parent / "give-back.cjs"
"""Module of Node that gives them to extensions and terminals."""
FIRST_PAGE = Path(__file__).parent / "first-page.cjs"
"""Module of Node that adds to the editor's page what the agent knows of the workspace."""
LOGIN_LINK = Path(__file__).parent / "login-link.cjs"
"""Module of Node that lets in whoever has a one-time link."""


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield the configuration, and the password that is made when none is given."""
    settings, facts = context.settings, context.facts
    editor = settings.editor
    options: dict[str, object] = {
        "bind-addr": join_port(editor.address, editor.port),
        "auth": editor.auth,
        "cert": False,
        "app-name": login_page.find_name(context),
    }
    options |= front.find_options(settings)
    yield from front.check(settings)
    if editor.auth == "none":
        yield Problem(
            "code-server asks for no password (CODE_SERVER_AUTH=none): everyone who can reach port "
            f"{editor.port} gets a shell",
            "unset CODE_SERVER_AUTH",
        )
    else:
        for item in editor_login.resources(settings, facts):
            if isinstance(item, Hash):
                options["hashed-password"] = item.text
                suffix = front.name_cookie(item, settings, facts)
                options["cookie-suffix"] = suffix
                door = login_link.encode_door(item, front.name_session(suffix), settings.front)
                yield File(facts.runtime / login_link.DOOR, door, 0o600, adopt=True)
            else:
                yield item
        options["i18n"] = str(facts.runtime / STRINGS)
        strings = login_page.make_strings(context, find_editor_path(context))
        yield File(facts.runtime / STRINGS, json.dumps(strings).encode(), 0o600, adopt=True)
    yield from share_login(options, facts)
    yield from check_taken(facts)
    yield File(facts.runtime / TAKEN, encode_taken(facts), 0o600, adopt=True)
    yield File(facts.runtime / CONFIG, encode(options), 0o600, adopt=True)


def share_login(options: Mapping[str, object], facts: Facts) -> Iterator[Resource | Problem]:
    """Yield the same login for a code-server that somebody starts by hand; a file of theirs stays.

    Says nothing where that cannot be: perhaps nobody ever starts one.
    """
    path = find_by_hand(facts)
    wanted: bytes | None = None
    if "hashed-password" in options:
        names = ("auth", "hashed-password", "cookie-suffix", "cert")
        login = {name: options[name] for name in names}
        wanted = OURS + encode({"bind-addr": "127.0.0.1:8080", **login})
    with contextlib.suppress(OSError):
        present = facts.read(path)
        if present is None or present.startswith(OURS):
            inside = facts.home in path.parents
            if inside and facts.mounts.home.is_private and facts.has_room(path.parent, ROOM):
                yield Edit(path, lambda _: wanted)
        elif re.search(rb"(?m)^password:", present):
            yield Problem(
                f"{path} contains a plain-text password that is not the editor password; a "
                "code-server that you start yourself uses it",
                f"the editor password: devcopilot password; remove {path}: the next start creates "
                "it again",
                level="info",
            )


def find_by_hand(facts: Facts) -> Path:
    """Return the file that `code-server` in a terminal reads."""
    given = facts.environ.get("CODE_SERVER_CONFIG", "")
    if given.startswith("/"):
        return Path(given)
    return find_xdg(facts, "XDG_CONFIG_HOME", ".config") / BY_HAND


def find_taken(facts: Facts) -> dict[str, str]:
    """Return the variables that would steer code-server, which starts without them."""
    environ = facts.user_environ
    return {**steering.EDITOR.choose(environ), **steering.RUNTIME.choose(environ)}


def encode_taken(facts: Facts) -> bytes:
    """Return what GIVE_BACK reads: what extensions may have again, and what terminals."""
    taken, runtime = find_taken(facts), steering.RUNTIME
    extensions = {name: value for name, value in taken.items() if not runtime.takes(name, value)}
    return json.dumps({"extensions": extensions, "terminals": taken}).encode()


def check_taken(facts: Facts) -> Iterator[Problem]:
    """Yield a problem for each variable that people set for code-server alone, to no effect."""
    for name, value in sorted(find_taken(facts).items()):
        if not value:  # as compose.yaml passes on what is not set
            continue
        if name == "EXTENSIONS_GALLERY":
            yield Problem(
                "ignored EXTENSIONS_GALLERY for code-server: it is not a JSON object",
                "use the format that code-server documents, or unset it",
            )
        elif name.startswith("CODE_SERVER_") and name != "CODE_SERVER_CONFIG":  # see find_by_hand
            yield Problem(
                f"ignored {name} for code-server: the agent configures it",
                INSTEAD.get(name, "`devcopilot settings` lists the variables"),
            )


def encode(options: Mapping[str, object]) -> bytes:
    """Return the options as YAML. JSON is YAML: no value can be taken for anything else."""
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in options.items()).encode()


def read_options(facts: Facts) -> dict[str, Any]:
    """Return what code-server was given when the container started; nothing if there is none."""
    content = (facts.read(facts.runtime / CONFIG) or b"").decode()
    pairs = (line.partition(": ") for line in split_lines(content))
    return {name: json.loads(value) for name, _, value in pairs}


def find_probes(settings: Settings) -> tuple[HttpProbe, HttpProbe]:
    """Return what to ask again and again, and what once, until the workspace is ready.

    A GET of /healthz is answered without the login, and beside a login that hangs. Any other method
    there goes the way of every page, cookie and all; like that GET, and unlike every page, it does
    not count as use of the editor. Asked for HTML the answer is read from a file, in one of the
    few threads in which passwords are checked. The first page needs all of the editor.
    """
    port, host = settings.editor.port, find_asked(settings.editor.address)
    if settings.editor.auth == "none":
        return HttpProbe(port, "/healthz", host), HttpProbe(port, "/", host, expected=(200, 302))
    login = HttpProbe(port, "/healthz", host, "POST", expected=(401,), accept="text/html")
    return login, HttpProbe(port, "/", host, expected=(302,))


def service(context: Context) -> Service | Problem | None:
    """Return how to run it; None when it is switched off or not in this image."""
    settings, facts = context.settings, context.facts
    if not settings.editor.enabled or facts.which(NAME) is None:
        return None
    probe, first = find_probes(settings)
    return Service(
        name=NAME,
        argv=(
            AT_ONCE if facts.which(AT_ONCE) else NAME,
            *("--config", str(facts.runtime / CONFIG)),
            *("--disable-telemetry", "--disable-update-check"),
            "--disable-getting-started-override",  # an advertisement
            *find_data_options(facts),
            str(find_editor_path(context)),
        ),
        probe=probe,
        first=first,
        environment=make_environment(settings),
        without=(*find_taken(facts), *({front.SUFFIX} & facts.user_environ.keys())),
    )


def make_environment(settings: Settings) -> dict[str, str]:
    """Return what code-server gets beside the clean environment."""
    modules = (GIVE_BACK, LOGIN_LINK, FIRST_PAGE)
    found = {"NODE_OPTIONS": " ".join(f"--require={json.dumps(str(path))}" for path in modules)}
    if address := settings.front.proxy_uri:
        found["VSCODE_PROXY_URI"] = address
    if gallery := settings.extensions.gallery:
        found["EXTENSIONS_GALLERY"] = encode_gallery(gallery)
    return found


def find_extensions(facts: Facts) -> Path:
    """Return the folder in which code-server has its extensions."""
    words = find_data_options(facts)
    options = dict(zip(words[::2], words[1::2], strict=True))
    if "--extensions-dir" in options:
        return Path(options["--extensions-dir"])
    usual = find_xdg(facts, "XDG_DATA_HOME", ".local/share") / DATA
    return Path(options.get("--user-data-dir", usual)) / "extensions"


def find_data_options(facts: Facts) -> tuple[str, ...]:
    """Return where code-server keeps its data if its usual place is no use.

    Of a mount at its extensions, say, an engine makes the folders above as root.
    """
    usual = find_xdg(facts, "XDG_DATA_HOME", ".local/share") / DATA
    try:
        if os.access(find_top(usual), os.W_OK | os.X_OK):
            return ()
    except OSError:
        pass
    extensions = ("--extensions-dir", str(usual / "extensions"))
    usable = os.access(usual / "extensions", os.W_OK | os.X_OK)
    return ("--user-data-dir", str(facts.state / NAME / "data"), *(extensions if usable else ()))


SERVICE = ServiceKind("code-server", resources, service)

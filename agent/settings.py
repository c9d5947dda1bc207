"""Every variable that the agent reads, in one place; its documentation is generated from here.

`Settings.from_environ` takes strings and only looks at strings: it reads no file. All that is
wrong is reported together, before anything is changed.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from agent import compatibility
from agent.errors import AgentError, Problem
from agent.exits import Exit
from agent.secret import Secret, SecretInput
from agent.texts import (
    absolute_path,
    address,
    host_name,
    http_url,
    one_of,
    port,
    positive_duration,
    single_line,
    switch,
    text,
)

PREFIX = "DEV8_"
_VARIABLE = "variable"
_KUBERNETES_NAME = re.compile(r"DEV8_\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_\w+)")
_KUBERNETES_PORT = re.compile(r"(tcp|udp|sctp)://.*")
_CREDENTIALS = re.compile(r"//[^/]*@")


@dataclass(frozen=True)
class Variable:
    """One environment variable: its name, how its text is read, and its documentation."""

    name: str
    doc: str
    parse: Callable[[str], Any]
    default: str | None
    """The text that stands for an absent or empty variable, or None."""
    aliases: tuple[str, ...] = ()
    """Other names for the same, later ones weaker."""
    secret: bool = False
    """It may also come as NAME_FILE; it is never shown and no child gets it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name under which the variable is read."""
        plain = (self.name, *self.aliases)
        return plain + tuple(f"{name}_FILE" for name in plain) if self.secret else plain


def variable(
    name: str,
    parse: Callable[[str], Any],
    doc: str,
    *,
    default: str | None = None,
    aliases: tuple[str, ...] = (),
) -> Any:
    """Declare the variable that a field is read from."""
    return field(metadata={_VARIABLE: Variable(name, doc, parse, default, aliases)})


def secret(name: str, doc: str, *, aliases: tuple[str, ...] = ()) -> Any:
    """Declare a secret that a field of type `SecretInput | None` is read from."""
    return field(metadata={_VARIABLE: Variable(name, doc, text, None, aliases, secret=True)})


# --- the settings -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Workspace:
    """The workspace."""

    folder: Path = variable(
        "WORKSPACE_DIR",
        absolute_path,
        "Folder of the workspace: what the editor opens.",
        default="/workspace",
    )
    identifier: str | None = variable(
        "ENVIRONMENT_ID",
        single_line,
        "Name of this workspace for the control plane.",
        aliases=("WORKSPACE_ID",),
    )


@dataclass(frozen=True)
class Ssh:
    """SSH."""

    enabled: bool = variable("DEV8_SSH", switch, "Run sshd.", default="true")
    port: int = variable("DEV8_SSH_PORT", port, "Port of sshd.", default="2222")
    address: str = variable(
        "DEV8_SSH_ADDRESS",
        address,
        "IP address that sshd listens on; :: means every one, IPv6 as well.",
        default="0.0.0.0",  # noqa: S104 - what may reach it is for the container's network to say
    )
    compatible: bool = variable(
        "DEV8_SSH_COMPATIBLE",
        switch,
        "Also take key exchanges that a quantum computer could break and the curves of FIPS 140: "
        "for clients older than OpenSSH 8.5, and for libraries.",
        default="false",
    )
    public_key: str | None = variable(
        "SSH_PUBLIC_KEY",
        text,
        "Public keys that may log in, one a line, in the format of authorized_keys.",
    )
    authorized_keys_file: Path | None = variable(
        "SSH_AUTHORIZED_KEYS_FILE", absolute_path, "File with more such keys; it is read at start."
    )
    private_key: SecretInput | None = secret(
        "SSH_PRIVATE_KEY",
        "Private key for outgoing connections, installed as ~/.ssh/id_TYPE. A literal \\n, CRLF "
        "and a missing last newline are mended; a key with a passphrase is refused.",
    )


@dataclass(frozen=True)
class Git:
    """Git."""

    user_name: str | None = variable("GIT_USER_NAME", single_line, "Default of git's user.name.")
    user_email: str | None = variable("GIT_USER_EMAIL", single_line, "Default of git's user.email.")


@dataclass(frozen=True)
class GitHub:
    """GitHub."""

    token: SecretInput | None = secret(
        "GITHUB_TOKEN",
        "Token for git, gh and Copilot. A file is read again when it changes and may appear late. "
        "The text test_token means: no login.",
        aliases=("GH_TOKEN",),
    )
    host: str = variable(
        "GH_HOST", host_name, "GitHub host that the token is for.", default="github.com"
    )
    api_url: str | None = variable(
        "DEV8_GITHUB_API_URL",
        http_url,
        "Where the token is checked; by default the API of GH_HOST.",
    )
    refresh_interval: float = variable(
        "DEV8_TOKEN_REFRESH_INTERVAL",
        positive_duration,
        "Time between two checks of the token.",
        default="5m",
    )


@dataclass(frozen=True)
class Editor:
    """Editor."""

    enabled: bool = variable(
        "DEV8_CODE_SERVER", switch, "Run code-server where the image has it.", default="true"
    )
    port: int = variable("DEV8_CODE_SERVER_PORT", port, "Port of code-server.", default="8080")
    address: str = variable(
        "DEV8_CODE_SERVER_ADDRESS",
        address,
        "IP address that code-server listens on; :: means every one, IPv6 as well.",
        default="0.0.0.0",  # noqa: S104 - as above
    )
    auth: str = variable(
        "CODE_SERVER_AUTH",
        one_of("password", "none"),
        "password, or none: then everyone who reaches the port has a shell.",
        default="password",
    )
    password: SecretInput | None = secret(
        "CODE_SERVER_PASSWORD",
        "Password of code-server. Without one, one is made, kept, and shown once in the log.",
    )
    hashed_password: SecretInput | None = secret(
        "CODE_SERVER_HASHED_PASSWORD", "Argon2 hash of the password, instead of the password."
    )


@dataclass(frozen=True)
class Ai:
    """AI tools."""

    anthropic_key: SecretInput | None = secret(
        "ANTHROPIC_API_KEY", "Key for Claude Code, handed over by its apiKeyHelper."
    )
    openai_key: SecretInput | None = secret(
        "OPENAI_API_KEY", "Key for Codex, in its own auth.json."
    )
    gemini_key: SecretInput | None = secret(
        "GEMINI_API_KEY", "Key for Gemini CLI, in its own .env file."
    )


@dataclass(frozen=True)
class Agent:
    """The agent itself."""

    log_level: str | None = variable(
        "DEV8_LOG_LEVEL",
        one_of("debug", "info", "warning", "error"),
        "Least level that is shown: debug, info, warning or error. By default info; warning when "
        "a CMD has the terminal.",
    )
    log_format: str = variable(
        "DEV8_LOG_FORMAT",
        one_of("auto", "json", "text"),
        "json, text, or auto: text on a terminal, JSON elsewhere.",
        default="auto",
    )
    stop_timeout: float = variable(
        "DEV8_STOP_TIMEOUT",
        positive_duration,
        "Time that everything together has to stop; keep it below that of `docker stop` (10 s).",
        default="8s",
    )
    services_dir: Path | None = variable(
        "DEV8_SERVICES_DIR",
        absolute_path,
        "Folder of your own services, *.toml; by default ~/.config/devcopilot/services.d. "
        "/etc/devcopilot/services.d is read as well.",
    )
    state_dir: Path | None = variable(
        "DEV8_STATE_DIR",
        absolute_path,
        "Folder that outlives the container: host keys, made password, what the agent wrote. "
        "By default ~/.local/state/devcopilot.",
    )
    runtime_dir: Path | None = variable(
        "DEV8_RUNTIME_DIR",
        absolute_path,
        "Private folder on tmpfs for one life of the container; by default "
        "/dev/shm/devcopilot-UID.",
    )


@dataclass(frozen=True)
class Settings:
    """All settings. Frozen; secrets as `SecretInput`, durations in seconds."""

    workspace: Workspace
    ssh: Ssh
    git: Git
    github: GitHub
    editor: Editor
    ai: Ai
    agent: Agent

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings. Raises AgentError (exit 2) with every problem at once."""
        problems: list[Problem] = []
        groups = {}
        for group in fields(cls):
            kind = cast("type[Any]", group.type)
            values = {item.name: _read(_declared(item), environ, problems) for item in fields(kind)}
            groups[group.name] = values
        problems += _contradictions(groups)
        if problems:
            raise AgentError(*problems, exit_code=Exit.USAGE)
        return cls(
            **{
                group.name: cast("type[Any]", group.type)(**groups[group.name])
                for group in fields(cls)
            }
        )


def variables() -> Iterator[tuple[str, Variable]]:
    """Yield (title of the group, variable) in the order of the documentation."""
    for group in fields(Settings):
        kind = cast("type[Any]", group.type)
        for item in fields(kind):
            yield (kind.__doc__ or "").rstrip("."), _declared(item)


def secret_names() -> frozenset[str]:
    """Return the names of all variables whose value no child may get."""
    ours = (
        name for _, entry in variables() if entry.secret for name in (entry.name, *entry.aliases)
    )
    return frozenset(ours) | compatibility.SECRETS


def find_warnings(environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return what is odd but harmless: unknown DEV8_ names, and the old names' warnings."""
    known = {name for _, entry in variables() for name in entry.names}
    known |= {old.name for old in compatibility.VARIABLES}
    found = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known and not is_injected(name, environ[name]):
            near = difflib.get_close_matches(name, known, 1)
            found.append(
                Problem(
                    f"{name} is not a variable of the agent",
                    f"did you mean {near[0]}?" if near else "`devcopilot settings` lists them all",
                )
            )
    found += [
        Problem(f"{old.name} is ignored: {old.doc}")
        for old in compatibility.VARIABLES
        if old.verdict == "ignored" and environ.get(old.name)
    ]
    return tuple(found)


def is_injected(name: str, value: str) -> bool:
    """Tell whether Kubernetes set this for a Service whose name starts with dev8-.

    A Service called dev8-ssh gives DEV8_SSH_PORT=tcp://ADDRESS:PORT, which is not meant for us.
    """
    if not name.startswith(PREFIX):
        return False
    named_port = name.endswith("_PORT") and _KUBERNETES_PORT.fullmatch(value)
    return bool(named_port or _KUBERNETES_NAME.fullmatch(name))


def _declared(item: "Field[Any]") -> Variable:
    return cast("Variable", item.metadata[_VARIABLE])


def _read(entry: Variable, environ: Mapping[str, str], problems: list[Problem]) -> Any:
    """Return a variable's value, or note what is wrong with it. Empty counts as absent."""
    if entry.secret:
        return _read_secret(entry, environ, problems)
    name, given = next(
        (
            (name, value)
            for name in (entry.name, *entry.aliases)
            if (value := environ.get(name)) and not is_injected(name, value)
        ),
        (entry.name, entry.default),
    )
    if given is None:
        return None
    if not _is_utf8(given):
        problems.append(Problem(f"{name} is not UTF-8 text"))
        return MISSING
    try:
        return entry.parse(given)
    except ValueError as error:
        shown = _CREDENTIALS.sub("//***@", repr(given))
        problems.append(Problem(f"{name}={shown} is not {error}"))
        return MISSING


def _read_secret(
    entry: Variable, environ: Mapping[str, str], problems: list[Problem]
) -> SecretInput | None:
    for name in (entry.name, *entry.aliases):
        value, file = environ.get(name), environ.get(f"{name}_FILE")
        if value and file:
            problems.append(Problem(f"{name} and {name}_FILE are both set", "unset one of them"))
        elif file and not (file.startswith("/") and _is_utf8(file)):
            problems.append(Problem(f"{name}_FILE={file!r} is not an absolute path"))
        elif value and not _is_utf8(value):
            problems.append(Problem(f"{name} is not UTF-8 text"))
        elif file:
            return SecretInput(name, file=Path(file))
        elif value:
            return SecretInput(name, value=Secret(value))
        if value or file:
            return None
    return None


def _is_utf8(value: str) -> bool:
    """Tell whether an environment's string was UTF-8: Python keeps other bytes as surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _contradictions(groups: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    ssh, editor, found = groups["ssh"], groups["editor"], []
    if editor["password"] and editor["hashed_password"]:
        found.append(
            Problem(
                "CODE_SERVER_PASSWORD and CODE_SERVER_HASHED_PASSWORD are both set",
                "unset one of them",
            )
        )
    same_port = ssh["port"] == editor["port"] and ssh["port"] is not MISSING
    if same_port and ssh["enabled"] and editor["enabled"]:
        found.append(
            Problem(
                "DEV8_SSH_PORT and DEV8_CODE_SERVER_PORT are the same port", "change one of them"
            )
        )
    return found

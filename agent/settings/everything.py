"""All variables that the agent reads: the groups combined and checked.

`Settings.from_environ` only looks at strings: it reads no files. It reports all problems together,
before anything is changed.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any, cast

from agent.machine.errors import AgentError, Problem
from agent.machine.light.exits import Exit
from agent.machine.light.texts import UnusableError
from agent.machine.network import addresses
from agent.machine.secret import SecretInput
from agent.machine.values import frozen
from agent.settings import compatibility
from agent.settings.activity import Activity
from agent.settings.agent import Agent, find_late_stop
from agent.settings.backup import Backup
from agent.settings.certificates import Certificates
from agent.settings.dotfiles import Dotfiles
from agent.settings.extensions import Extensions
from agent.settings.front import Front
from agent.settings.github import GitHub
from agent.settings.hooks import Hooks
from agent.settings.ports import Ports
from agent.settings.report import Report
from agent.settings.repositories import Repositories
from agent.settings.services import Editor, Ssh
from agent.settings.serving import Address, Serving, find_open_doors, find_shared_ports
from agent.settings.tools import Ai
from agent.settings.variable import PREFIX, Variable, declared, find_foreign, is_injected, read
from agent.settings.workspace import Git, Workspace


@frozen
class Settings:
    """All settings. Frozen; secrets as `SecretInput`, durations in seconds."""

    workspace: Workspace
    repositories: Repositories
    ssh: Ssh
    git: Git
    github: GitHub
    editor: Editor
    front: Front
    ai: Ai
    dotfiles: Dotfiles
    hooks: Hooks
    extensions: Extensions
    certificates: Certificates
    backup: Backup
    activity: Activity
    ports: Ports
    serving: Serving
    report: Report
    agent: Agent

    @property
    def report_url(self) -> str | None:
        """Where reports to the control plane go; None: none are sent."""
        return self.report.find_url(self.workspace.identifier)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings. Raises AgentError (exit 2) with every problem at once."""
        problems: list[Problem] = []
        groups = {}
        for group in fields(cls):
            groups[group.name] = read_group(cast("type[Any]", group.type), environ, problems)
        problems += _contradictions(groups)
        if problems:
            raise AgentError(*problems, exit_code=Exit.USAGE)
        return cls(
            **{
                group.name: cast("type[Any]", group.type)(**groups[group.name])
                for group in fields(cls)
            }
        )


def read_group(
    kind: type[Any], environ: Mapping[str, str], problems: list[Problem]
) -> dict[str, Any]:
    """Return the values of one group's fields; add invalid ones to `problems`."""
    return {item.name: read(declared(item), environ, problems) for item in fields(kind)}


def variables() -> Iterator[tuple[str, Variable]]:
    """Yield (title of the group, variable) in the order of the documentation."""
    for group in fields(Settings):
        kind = cast("type[Any]", group.type)
        for item in fields(kind):
            yield (kind.__doc__ or "").rstrip("."), declared(item)


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the agent's own variables cleaned.

    Other programs that read them, such as gh and restic, then get the same values.
    """
    ours = {name: entry for _, entry in variables() for name in entry.names}
    return {
        name: ours[name].clean(name, value) if name in ours else value
        for name, value in environ.items()
    }


def secret_names() -> frozenset[str]:
    """Return the names of all variables that are hidden from children."""
    ours = (
        name for _, entry in variables() if entry.secret for name in (entry.name, *entry.aliases)
    )
    return frozenset(ours) | compatibility.SECRETS


def find_warnings(environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return warnings: unknown DEV8_ names, and what is ignored: old variables, shared names."""
    known = {name for _, entry in variables() for name in entry.names}
    known |= {old.name for old in compatibility.VARIABLES}
    found = [
        describe_unknown(name, known)
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in known and not is_injected(name, environ[name])
    ]
    found += [
        Problem(f"{old.name} is ignored: {old.doc}")
        for old in (*compatibility.VARIABLES, *compatibility.WITHHELD)
        if old.verdict == "ignored" and environ.get(old.name)
    ]
    for _, entry in variables():
        found += find_foreign(entry, environ)
    return tuple(found)


def describe_unknown(name: str, known: Collection[str]) -> Problem:
    """Return the warning of a name that no variable has, with the nearest that one has."""
    import difflib  # noqa: PLC0415 - few names are wrong

    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else "`devcopilot settings` lists all variables"
    return Problem(f"{name} is not a variable of the agent", hint)


def _contradictions(groups: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    ssh, editor = groups["ssh"], groups["editor"]
    found = [*find_missing_parts(groups["github"])]
    if groups["git"]["signing"] == "ssh" and not ssh["private_key"]:
        found.append(Problem("DEV8_GIT_SIGNING=ssh needs a key", "set SSH_PRIVATE_KEY_FILE"))
    if editor["password"] and editor["hashed_password"]:
        found.append(
            Problem(
                "CODE_SERVER_PASSWORD and CODE_SERVER_HASHED_PASSWORD are both set",
                "unset one of them",
            )
        )
    found += find_bad_hash(editor["hashed_password"])
    serving = groups["serving"]
    if serving["metrics_address"] is not MISSING:
        found += find_open_doors(serving["metrics_address"], serving["metrics_password"])
    agent = groups["agent"]
    if MISSING not in (agent["grace_period"], agent["stop_limit"]):
        found += find_late_stop(agent["grace_period"], agent["stop_limit"])
    found += find_shared_ports(find_places(groups))
    return found


def find_places(groups: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Address]]:
    """Yield where something will listen, by the variable that says so."""
    ssh, editor, serving = groups["ssh"], groups["editor"], groups["serving"]
    has_page = ssh["enabled"] or editor["enabled"]
    for name, host, port in (
        ("DEV8_SSH_PORT", ssh["address"], ssh["port"] if ssh["enabled"] else 0),
        ("DEV8_CODE_SERVER_PORT", editor["address"], editor["port"] if editor["enabled"] else 0),
        ("DEV8_PAGE_PORT", addresses.LOOPBACK, serving["page_port"] if has_page else 0),
    ):
        if port and MISSING not in (host, port):
            yield name, Address(host, port)
    for name, place in (
        ("DEV8_METRICS_ADDRESS", serving["metrics_address"]),
        ("DEV8_READY_ADDRESS", serving["ready_address"]),
    ):
        if place and place is not MISSING:
            yield name, place
    yield from find_api_place(groups)


def find_api_place(groups: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Address]]:
    """Yield the same of the local API, unless a variable that decides on it cannot be read."""
    deciding = [groups[name] for name in ("serving", "report", "workspace")]
    if any(value is MISSING for group in deciding for value in group.values()):
        return
    serving, report = Serving(**groups["serving"]), Report(**groups["report"])
    if place := report.find_api(serving, groups["workspace"]["identifier"]):
        has_old_name = serving.api_port is None and report.http_address
        yield "SUPERVISOR_HTTP_ADDR" if has_old_name else "DEV8_API_PORT", place


def find_bad_hash(given: SecretInput | None) -> Iterator[Problem]:
    """Yield the problem of the editor's hash; a hash in a file is checked when it is read."""
    if given and given.value:
        try:
            given.read(given.value.reveal())
        except UnusableError as error:
            yield Problem(f"cannot use {given.variable}: {error}", error.hint)


def find_missing_parts(github: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the variables that an incomplete GitHub login lacks."""
    for one, other in (
        ("GITHUB_APP_ID", "GITHUB_APP_PRIVATE_KEY"),
        ("GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_ID"),
        ("GITHUB_REFRESH_TOKEN", "GITHUB_APP_CLIENT_ID"),
        ("GITHUB_REFRESH_TOKEN", "GITHUB_APP_CLIENT_SECRET"),
    ):
        fields_of = {declared(item).name: item.name for item in fields(GitHub)}
        if github[fields_of[one]] and not github[fields_of[other]]:
            yield Problem(f"{one} is set without {other}", f"set {other} too, or unset {one}")

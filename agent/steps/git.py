"""git: defaults that the user's own ~/.gitconfig and every repository override.

They lie in a file of the agent that the image's /etc/gitconfig includes, at the system level.
"""

import shlex
from collections.abc import Iterator
from pathlib import Path

from agent.errors import Problem
from agent.plan import File, Resource
from agent.published import is_configured
from agent.settings import Settings
from agent.system import Facts

CONFIG = "gitconfig"
"""In the folder that the image's /etc/gitconfig names."""
HELPER = Path(__file__).parent.parent / "helpers" / "git-credential-devcopilot"


def resources(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield the file of defaults; a problem when git does not read it."""
    path = facts.defaults / CONFIG
    yield File(path, render_config(settings, facts.runtime).encode(), 0o644, adopt=True)
    if problem := _find_missing_include(path, facts):
        yield problem


def render_config(settings: Settings, runtime_folder: Path) -> str:
    """Return the defaults in git's own format."""
    lines = ["# Written by devcopilot; your own settings in ~/.gitconfig override it."]
    identity = {"name": settings.git.user_name, "email": settings.git.user_email}
    if any(identity.values()):
        lines.append("[user]")
        lines += [f"\t{key} = {quote(value)}" for key, value in identity.items() if value]
    lines += ["[safe]", f"\tdirectory = {quote(str(settings.workspace.folder))}"]
    if is_configured(settings.github.token):
        lines += _render_sign_in(settings, runtime_folder)
    return "\n".join(lines) + "\n"


def _render_sign_in(settings: Settings, runtime_folder: Path) -> list[str]:
    host = settings.github.host
    command = f"!sh {shlex.quote(str(HELPER))} {shlex.quote(str(runtime_folder))}"
    lines = [
        f"[credential {quote(f'https://{host}')}]",
        "\thelper =",  # forgets helpers of other files: they would ask, or remember a dead token
        f"\thelper = {quote(command)}",
    ]
    if settings.ssh.private_key is None:
        lines.append(f"[url {quote(f'https://{host}/')}]")
        forms = (f"git@{host}:", f"ssh://git@{host}/")
        lines += [f"\tinsteadOf = {quote(form)}" for form in forms]
    return lines


def quote(value: str) -> str:
    """Return a value, or the name of a subsection, as git-config reads it back unchanged."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _find_missing_include(path: Path, facts: Facts) -> Problem | None:
    if facts.which("git") is None:
        return None
    # From / so that no repository's own configuration takes part.
    asked = ("git", "-C", "/", "config", "--type=path", "--get-all", "include.path")
    done = facts.run(asked)
    if str(path).encode() in done.stdout.splitlines():
        return None
    return Problem(
        f"git does not read {path}: no configuration of this image includes it",
        f"as root: git config --system --add include.path {shlex.quote(str(path))}",
    )

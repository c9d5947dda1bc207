"""Malformed entries of the variables of units: each ends with 2, in one line."""

from dataclasses import fields

import pytest

from agent.machine.errors import AgentError
from agent.settings.certificates import Certificates
from agent.settings.dotfiles import Dotfiles
from agent.settings.everything import Settings
from agent.settings.extensions import Extensions
from agent.settings.hooks import Hooks
from agent.settings.repositories import Repositories
from agent.settings.tools import Ai
from agent.settings.variable import declared

COMMAND = ("'", '"a', " ", "a 'b")
DURATION = ("-1", "5 minutes", "1e3", "soon")
PATH = ("relative", "~/x", "/a\nb", "/\x1b[2J")
FOLDER = ("../x", "..", "a/../../b", "a\nb", "/abs", "~/../x")
BAD: dict[str, tuple[str, ...]] = {
    "DEV8_REPOSITORIES": (
        ";;;", "\n;", "octo", "-u", "ext::sh -c x", "file:///etc", "git@-x:octo/demo",
        "https://[::1/octo", "https://github.com/octo/demo?x=1", "https://x:pw@example.com/o/r",
        "\x1b[2Jocto/demo", "octo/demo\x00", "octo/demo#a..b", "octo/demo#-x", "octo/demo#\u202eg",
        "octo/demo #x", "octo/demo deep=1", "octo/demo depth=0", "octo/demo depth=1 depth=2",
        "octo/demo filter=x", "octo/demo sparse=", "octo/demo sparse=../x", "octo/demo lfs=maybe",
        "octo/demo submodules=maybe", "octo/demo dir=../x", "octo/demo dir=/x", "octo/demo dir=-x",
        "octo/demo dir=a/.GIT", "octo/demo dir=.devcopilot-clone-x", f"octo/demo dir={'a' * 9000}",
    ),
    "DEV8_EDITOR_FOLDER": ("../x", "~/x", "a\nb", "/a/../b", "\x1b"),
    "DEV8_DOTFILES": (
        "octo", "-u", "ext::sh", "a b", "file:///x", "~/.dotfiles", "/a\nb", "octo/demo dir=x",
        "https://x:pw@example.com/o/r",
    ),
    "DEV8_DOTFILES_DIR": (*FOLDER, ".", "./", "~", "~/", "-x", ".ssh", ".config/", ".local/state"),
    "DEV8_DOTFILES_COMMAND": COMMAND,
    "DEV8_DOTFILES_TIMEOUT": (*DURATION, "0", "0s"),
    "DEV8_DOTFILES_UPDATE": ("yes", "always"),
    "DEV8_DOTFILES_WHEN": ("during",),
    "DEV8_TRUST": ("yes", "true", "ask,trusted"),
    "DEV8_DEVCONTAINER": (*FOLDER, "."),
    "DEV8_HOOK_TIMEOUT": DURATION,
    "DEV8_ON_CREATE": COMMAND,
    "DEV8_ON_START": COMMAND,
    "DEV8_ON_STOP": COMMAND,
    "DEV8_EXTENSIONS": (
        "octo", "a.b@x", "--x", "../x.vsix", "/a.txt", "https://", "https://[", "https://h/x\x1b",
        "https://u:pw@h/x.vsix", "good.one\n-c.d@1", ",",
    ),
    "DEV8_EXTENSIONS_DIR": PATH,
    "DEV8_EXTENSIONS_FROM": ("all", "off,devcontainer", ","),
    "DEV8_EXTENSIONS_GALLERY": (
        "x", "{}", "[]", '{"serviceUrl": 1}', '{"serviceUrl": "ftp://x"}', "[" * 100_000,
        '{"serviceUrl": "https://"}', '{"serviceUrl": "https://["}',
        '{"serviceUrl": "https://u:pw@x"}', '{"serviceUrl": "https://x", "accessToken": "pw"}',
    ),
    "DEV8_AI_TOOLS": ("cursor", "claude,gpt", "auto off", ","),
    "DEV8_MCP": (*PATH, "{}"),
    "DEV8_CA_FILE": (*PATH, "-----BEGIN CERTIFICATE-----"),
    "DEV8_SSH_WAIT": ("yes", "hook", "clone,hooks"),
    "WORKSPACE_DIR": (*PATH, "/", "/proc", "/sys/x", "/dev", "/etc", "/work/../.."),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_each_is_one_line_that_names_it(name: str, value: str) -> None:
    with pytest.raises(AgentError) as caught:
        Settings.from_environ({name: value})
    assert caught.value.exit_code == 2
    (line,) = [str(problem) for problem in caught.value.problems]
    assert line.startswith(name)
    assert line.isprintable()
    assert "pw" not in line
    assert len(line) < 1000


def test_no_variable_is_left_out() -> None:
    groups = (Repositories, Dotfiles, Hooks, Extensions, Certificates, Ai)
    entries = [declared(item) for group in groups for item in fields(group)]
    assert {entry.name for entry in entries if not entry.secret} <= BAD.keys()

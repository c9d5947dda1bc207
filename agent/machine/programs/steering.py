"""The variables that steer programs of ours, and which of them those programs get.

A container's environment is for what people run in it: `PORT` is their application's. The same name
may be read by a server of ours, and beats our configuration there. So each program of ours loses
what it would read; terminals and sessions have all of it, unchanged.

The names are from the programs' sources. Not here: what the loader of each program reads (LD_*,
GLIBC_TUNABLES), which PID 1 has been started with already; proxies and certificates, which are
meant for every program; and Python, which runs as `python -I` here and looks at no PYTHON*.
"""

import fnmatch
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path

from agent.machine.values import frozen


@frozen
class Steered:
    """What a program reads, as patterns of fnmatch; letter case counts."""

    taken: tuple[str, ...]
    left: Mapping[str, Callable[[str], bool]] = field(default_factory=dict)
    """Exceptions: pattern -> whether the program may have it with such a value."""

    def takes(self, name: str, value: str) -> bool:
        """Tell whether the program has to do without this variable."""
        for pattern, fits in self.left.items():
            if _matches(name, pattern):
                return not fits(value)
        return any(_matches(name, pattern) for pattern in self.taken)

    def choose(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that the program has to do without."""
        return {name: value for name, value in environ.items() if self.takes(name, value)}


def _matches(name: str, pattern: str) -> bool:
    """Tell whether a name is what a pattern means. Few need an expression, which takes time."""
    head, star, tail = pattern.partition("*")
    if not star:
        return name == pattern
    return name.startswith(head) and (not tail or fnmatch.fnmatchcase(name, pattern))


def _always(_value: str) -> bool:
    return True


def _is_word(value: str) -> bool:
    return bool(re.fullmatch(r"[\w.-]+", value, re.ASCII))


def _is_object(value: str) -> bool:
    try:
        return isinstance(json.loads(value), dict)
    except (ValueError, RecursionError):
        return False


def _is_address(value: str) -> bool:
    return bool(re.fullmatch(r"[^\s\"'<>\\]+", value))


def is_folder(path: str) -> bool:
    """Tell whether files can be made there."""
    return Path(path).is_dir() and os.access(path, os.W_OK | os.X_OK)


OPENSSL = ("OPENSSL_*",)
_NODE = (
    *("NODE_*", "UV_*", "ICU_*", "FORCE_COLOR", *OPENSSL),
    *("DEBUG", "DEBUG_*", "NO_DEPRECATION", "TRACE_DEPRECATION"),  # its usual packages
    *("WS_NO_*", "PREBUILDS_ONLY"),
)
_NODE_LEFT: dict[str, Callable[[str], bool]] = {
    "NODE_EXTRA_CA_CERTS": _always, "NODE_USE_*": _always, "TMPDIR": is_folder,
}  # fmt: skip
"""Certificates and proxies."""

EDITOR = Steered(
    taken=("PORT", "LOG_LEVEL", "PASSWORD", "HASHED_PASSWORD", "GITHUB_TOKEN", "CODE_SERVER_*",
           "CS_*", "EXTENSIONS_GALLERY", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME",
           "XDG_RUNTIME_DIR", "GITHUB_WORKSPACE", "SNAP", "SNAP_*", "CI",
           "BUILD_ARTIFACTSTAGINGDIRECTORY"),
    left={"CODE_SERVER_APP_NAME": _always, "CODE_SERVER_COOKIE_SUFFIX": _is_word,
          "CODE_SERVER_RECONNECTION_GRACE_TIME": str.isdecimal, "CS_DISABLE_*": _always,
          "EXTENSIONS_GALLERY": _is_object},
)  # fmt: skip
"""code-server itself. The remaining settings have no other way in; XDG_DATA_HOME stays, since its
data is where people put it."""
RUNTIME = Steered(
    taken=(*_NODE, "VSCODE_*", "ELECTRON_*"),
    left={**_NODE_LEFT, "VSCODE_PROXY_URI": _is_address},
)
"""code-server's Node and its VS Code, in each process that they make."""
SSHD = Steered((*OPENSSL, "SSH_*", "KRB5*", "NOTIFY_SOCKET", "LISTEN_*"))
"""OpenSSH as Debian and Ubuntu build it. Its sessions get everything, by SetEnv."""
RESTIC = Steered(
    ("RESTIC_*", "RCLONE_*", "MINIO_*", "GODEBUG", "GOGC", "GOMEMLIMIT", "GOMAXPROCS",
     "GOTRACEBACK", "GOCOVERDIR"),
)  # fmt: skip
"""restic, and the rclone that it starts. How they sign in to a cloud is the targets' business: the
login of a MinIO that people develop against would come before the files and roles of AWS."""
KEYGEN = Steered((*OPENSSL, "SSH_ASKPASS*", "SSH_SK_*"))
"""ssh-keygen. It may sign with a key of the agent in SSH_AUTH_SOCK."""
GIT = Steered(
    ("GIT_*",),
    {"GIT_CONFIG_*": _always, "GIT_SSL_CA*": _always, "GIT_PROXY_SSL_CA*": _always},
)
"""Where our git looks for a repository and what it traces; people's configuration counts."""
NPM = Steered(
    (*_NODE, "npm_config_*", "NPM_CONFIG_*", "PREFIX", "DESTDIR"),
    {
        **_NODE_LEFT,
        **{f"{prefix}_{name}": _always for prefix in ("npm_config", "NPM_CONFIG") for name in (
            "*registry", "*REGISTRY", "*proxy", "*PROXY", "ca", "CA", "cafile", "CAFILE",
            "strict_ssl", "STRICT_SSL", "userconfig", "USERCONFIG", "globalconfig", "GLOBALCONFIG",
            "*auth*", "fetch_*", "FETCH_*",
        )},
    },
)  # fmt: skip
"""npm. The rest says where and how to reach a registry."""

_BY_PROGRAM = {
    "sshd": SSHD, "ssh-keygen": KEYGEN, "restic": RESTIC, "rclone": RESTIC, "git": GIT, "npm": NPM,
}  # fmt: skip


def clear(program: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment as a program of ours gets it; `program` may be a path."""
    steered = _BY_PROGRAM.get(Path(program).name)
    if steered is None:
        return dict(environ)
    return {name: value for name, value in environ.items() if not steered.takes(name, value)}

"""The variables of devcontainer.json: ${localEnv:NAME:DEFAULT} and the like.

https://containers.dev/implementors/json_reference/#variables-in-devcontainerjson
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agent.machine.light.expressions import regex
from agent.settings.devcontainer_file import Devcontainer

_VARIABLE = regex(r"\$\{([^{}\n]*)\}")


def make_substitute(file: Devcontainer, environ: Mapping[str, str]) -> Callable[[Any], Any]:
    """Return what replaces the variables in a value, at any depth.

    There is one machine here, the container: `localEnv` is its environment too, and the local
    folder is the one inside. What is not known stays as it is written.
    """
    folder = str(file.folder)
    words = {
        "localWorkspaceFolder": folder,
        "containerWorkspaceFolder": folder,
        "localWorkspaceFolderBasename": Path(folder).name,
        "containerWorkspaceFolderBasename": Path(folder).name,
        "devcontainerId": make_identifier(file),
    }

    def find(match: "re.Match[str]") -> str:
        word, colon, rest = match[1].partition(":")
        if word in ("localEnv", "containerEnv", "env") and colon:
            name, _, default = rest.partition(":")
            return environ.get(name, default)
        return match[0] if colon else words.get(word, match[0])

    def substitute(value: Any) -> Any:
        if isinstance(value, str):
            return _VARIABLE.sub(find, value)
        if isinstance(value, list):
            return [substitute(each) for each in value]
        if isinstance(value, dict):
            return {name: substitute(each) for name, each in value.items()}
        return value

    return substitute


def make_identifier(file: Devcontainer) -> str:
    """Return what identifies this configuration: 52 letters and digits, always the same."""
    digest = hashlib.sha256(f"{file.folder}\0{file.name}".encode(errors="surrogateescape")).digest()
    return base64.b32hexencode(digest).decode().lower().rstrip("=")

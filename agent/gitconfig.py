"""git's own format of settings, and the agent's files in it."""

DEFAULTS = "gitconfig"
"""In the folder that the image's /etc/gitconfig names."""
SIGNING = "gitconfig-signing"
"""Beside it, which includes it; of the signing step, and often not there."""
SYSTEM = "gitconfig-system"
"""Beside it where that folder is another: what stands in for the image's /etc/gitconfig."""


def quote(value: str) -> str:
    """Return a value, or the name of a subsection, as git-config reads it back unchanged."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'

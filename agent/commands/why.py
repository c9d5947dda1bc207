"""Show why the workspace counts as in use, and when it would stop: `activity` by another name."""

from agent.commands.activity import add_arguments, run

__all__ = ["add_arguments", "run"]

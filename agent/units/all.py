"""All kinds of units, in one visible tuple. To add one, write one file and add one name."""

from agent.units.clone import kind as clone
from agent.units.dotfiles import kind as dotfiles
from agent.units.extensions import kind as extensions
from agent.units.hooks import attach
from agent.units.hooks import kind as hooks
from agent.units.tools import kind as tools
from agent.units.unit import Kind

KINDS: tuple[Kind, ...] = (
    clone.KIND, dotfiles.KIND, hooks.KIND, attach.KIND, extensions.KIND, tools.KIND,
)  # fmt: skip
"""In the order in which they are shown."""

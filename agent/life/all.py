"""All kinds of units, in one visible tuple. To add one, write one file and add one name."""

from agent.life.clone import kind as clone
from agent.life.dotfiles import kind as dotfiles
from agent.life.extensions import kind as extensions
from agent.life.hooks import attach
from agent.life.hooks import kind as hooks
from agent.life.tools import kind as tools
from agent.life.unit import Kind

KINDS: tuple[Kind, ...] = (
    clone.KIND, dotfiles.KIND, hooks.KIND, attach.KIND, extensions.KIND, tools.KIND,
)  # fmt: skip
"""In the order in which they are shown."""

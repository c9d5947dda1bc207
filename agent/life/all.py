"""All kinds of units, in one visible tuple. To add one, write one file and add one name."""

from agent.life.extensions import install
from agent.life.unit import Kind

KINDS: tuple[Kind, ...] = (install.KIND,)
"""In the order in which they are shown."""

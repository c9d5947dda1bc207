"""The AI tools, in one visible tuple. To add one, write one file and add one name.

Copilot needs nothing here: it takes gh's login, which follows the token's rotation as long as no
variable with a token is set.
"""

from agent.tools import claude, codex, gemini

TOOLS = (claude.TOOL, codex.TOOL, gemini.TOOL)
"""Every tool; docker/mvp/ai has a lock file for each, which names its package and version."""

"""The AI tools, in one visible tuple. To add one, write one file and add one name."""

from agent.tools import claude, codex, copilot, gemini

TOOLS = (claude.TOOL, codex.TOOL, copilot.TOOL, gemini.TOOL)
"""Every tool; docker/mvp/ai has a lock file for each, which names its package and version."""

"""The AI tools that keys are handed to, and that are installed where they are missing."""

from agent.tools import ai

TOOLS = ai.TOOLS

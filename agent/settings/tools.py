"""The AI tools. To add a variable, add a field."""

from pathlib import Path

from agent.machine.light import texts
from agent.machine.secret import SecretInput
from agent.machine.values import frozen
from agent.settings.lists import words_or_off
from agent.settings.parsers import absolute_path
from agent.settings.variable import secret, variable

NAMES = ("claude", "codex", "copilot", "gemini")
"""Of all tools of `agent.tools`, which lies above: a test compares."""


@frozen
class Ai:
    """AI tools."""

    anthropic_key: SecretInput | None = secret(
        "ANTHROPIC_API_KEY", texts.word, "Key for Claude Code, passed through its apiKeyHelper."
    )
    claude_token: SecretInput | None = secret(
        "CLAUDE_CODE_OAUTH_TOKEN",
        texts.word,
        "Token of `claude setup-token` for Claude Code, stored in its .credentials.json. "
        "ANTHROPIC_API_KEY wins over it.",
    )
    openai_key: SecretInput | None = secret(
        "OPENAI_API_KEY", texts.word, "Key for Codex, stored in its auth.json."
    )
    gemini_key: SecretInput | None = secret(
        "GEMINI_API_KEY", texts.word, "Key for Gemini CLI, stored in its .env file."
    )
    mcp: Path | None = variable(
        "DEV8_MCP",
        absolute_path,
        "File with an object mcpServers: the MCP servers of all AI tools. It may have comments; "
        "secrets in it are refused.",
    )
    tools: tuple[str, ...] = variable(
        "DEV8_AI_TOOLS",
        words_or_off("auto", *NAMES),
        "Tools to install in the background if they are missing: auto (those with a key), off, or "
        f"names, which need no key: {', '.join(NAMES)}.",
        default="auto",
    )

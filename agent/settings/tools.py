"""The AI tools. To add a variable, add a field."""

from dataclasses import dataclass

from agent.machine import texts
from agent.machine.secret import SecretInput
from agent.settings.parsers import words_of
from agent.settings.variable import secret, variable


@dataclass(frozen=True)
class Ai:
    """AI tools."""

    anthropic_key: SecretInput | None = secret(
        "ANTHROPIC_API_KEY", texts.word, "Key for Claude Code, passed through its apiKeyHelper."
    )
    openai_key: SecretInput | None = secret(
        "OPENAI_API_KEY", texts.word, "Key for Codex, stored in its auth.json."
    )
    gemini_key: SecretInput | None = secret(
        "GEMINI_API_KEY", texts.word, "Key for Gemini CLI, stored in its .env file."
    )
    tools: tuple[str, ...] = variable(
        "DEV8_AI_TOOLS",
        words_of("auto", "off", "claude", "codex", "gemini"),
        "Tools to install in the background if they are missing: auto (those with a key), off, or "
        "names, which need no key: claude, codex, gemini.",
        default="auto",
    )

"""Copilot: it takes the login of gh, which follows the token's rotation."""

from collections.abc import Iterator

from agent.machine.errors import Problem
from agent.machine.resources import Resource
from agent.machine.system import Facts
from agent.settings.everything import Settings
from agent.tools.key import find_key
from agent.tools.tool import AiTool

CLASSIC = "ghp_"
NAME = "copilot"


def resources(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield what keeps Copilot from working with the token that was given.

    It refuses a classic one before it asks anybody: "Classic Personal Access Tokens (ghp_) are not
    supported by Copilot".
    """
    named = NAME in settings.ai.tools
    token = find_key(settings.github.token, facts)  # what is wrong with it, others tell
    if isinstance(token, str) and token.startswith(CLASSIC) and (named or facts.which(NAME)):
        yield Problem(
            f"Copilot refuses the GitHub token: it is a classic one ({CLASSIC}...)",
            "use a fine-grained token (github_pat_...) with the right Copilot Requests, a user "
            "token of a GitHub App (ghu_...), or `devcopilot login` (gho_...)",
            "warning" if named else "info",
        )


TOOL = AiTool(NAME, "Copilot", (), resources)

"""The step that tells the AI tools that the project folder is trusted, once somebody has said so.

It answers only what a tool asks at its first start in a folder: none may act unasked after that.
"""

from collections.abc import Iterator

from agent.machine.errors import Problem
from agent.machine.planning.resources import Resource
from agent.settings.context import Context
from agent.settings.project import find_folder
from agent.settings.step import Step
from agent.tools.all import TOOLS
from agent.tools.config_entries import make_record, plan_configs
from agent.tools.trust import Verdict, find_verdict

RECORD = make_record("ai-trust.json", "trust that the agent has written into files of AI tools")


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield the entries for the project folder; when it is no longer trusted, they go."""
    folder = find_folder(context)
    trusted = find_verdict(context, folder) is Verdict.TRUSTED
    configs = [tool.trust for tool in TOOLS if tool.trust]
    yield from plan_configs(configs, folder if trusted else None, RECORD, context.facts)


STEP = Step("ai-trust", resources)

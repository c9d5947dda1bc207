"""What the log hides beside the secrets that were given as texts."""

from collections.abc import Iterator
from dataclasses import replace

from agent.machine.errors import Problem
from agent.machine.light import runtime
from agent.machine.planning.resources import File
from agent.machine.secret import Secret
from agent.settings.context import Context
from agent.settings.credentials import find_url_passwords
from agent.settings.stored import hide
from agent.workspace.given import find_secrets


def resources(context: Context) -> Iterator[File]:
    """Yield a copy of each secret that is in a file, for the log to hide.

    And each password in a URL of the environment, such as a proxy's. What is wrong with such a file
    is reported by the step that uses it.
    """
    facts = context.facts
    if passwords := dict.fromkeys(find_url_passwords(facts.user_environ)):
        yield hide(runtime.URL_PASSWORDS, Secret("\n".join(passwords)), facts)
    for name, source in find_secrets(context):
        if source.file:
            found = facts.secret(source)
            if isinstance(found, Problem):  # not usable, but still not for the log
                found = facts.secret(replace(source, read=str))
            if isinstance(found, Secret):
                yield hide(f"{name}-{source.variable}", found, facts)

"""What the log hides beside the secrets that were given as texts."""

from collections.abc import Iterator
from dataclasses import fields

from agent.github.hosts import find_accounts
from agent.machine.resources import File
from agent.machine.secret import Secret, SecretInput
from agent.settings.context import Context
from agent.settings.credentials import find_url_passwords
from agent.settings.stored import hide


def resources(context: Context) -> Iterator[File]:
    """Yield a copy of each secret that lies in a file, for the log to hide.

    And each password in a URL of the environment, such as a proxy's. What is wrong with such a file
    is told by the step that uses it.
    """
    settings, facts = context.settings, context.facts
    for number, word in enumerate(find_url_passwords(facts.user_environ)):
        yield hide(f"url-{number}", Secret(word), facts)
    groups = {group.name: getattr(settings, group.name) for group in fields(settings)}
    for account in context.once(find_accounts).known:
        groups.setdefault(f"github-{account.host}", account)
    for name, group in groups.items():
        for source in (getattr(group, item.name) for item in fields(group)):
            if isinstance(source, SecretInput) and source.file:
                found = facts.secret(source)
                if isinstance(found, Secret):
                    yield hide(f"{name}-{source.variable}", found, facts)

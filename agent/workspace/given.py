"""The secrets that were given: each is read at the start, even if nothing needs it until later."""

from collections.abc import Iterator
from dataclasses import fields

from agent.github.hosts import find_accounts
from agent.machine.errors import Problem
from agent.machine.light import texts
from agent.machine.secret import SecretInput
from agent.settings.context import Context


def find_secrets(context: Context) -> Iterator[tuple[str, SecretInput]]:
    """Yield each secret that was given, with the name of its group or of its host's file."""
    settings = context.settings
    groups = {group.name: getattr(settings, group.name) for group in fields(settings)}
    for account in context.once(find_accounts).known:
        groups.setdefault(f"github-{account.host}", account)
    for name, group in groups.items():
        for source in (getattr(group, item.name) for item in fields(group)):
            if isinstance(source, SecretInput):
                yield name, source


def check_secrets(context: Context) -> Iterator[Problem]:
    """Yield why a secret cannot be used, and what in a password may be a mistake."""
    for _, source in find_secrets(context):
        found = context.facts.secret(source)
        if isinstance(found, Problem):
            yield found
        elif found and source.read is texts.password:
            yield from _check_password(source.name, found.reveal())


def _check_password(name: str, text: str) -> Iterator[Problem]:
    if doubt := texts.find_doubt(text):
        yield Problem(
            f"{name} has {doubt}, which the agent takes for a part of the password",
            "if it is not, remove it: docker's --env-file keeps what shells remove",
        )

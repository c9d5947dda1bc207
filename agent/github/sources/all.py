"""The token sources, in one visible tuple. To add one, write one file and add one name."""

from agent.github.sources import app, command, environment, file, url, user

SOURCES = (file.SOURCE, app.SOURCE, user.SOURCE, command.SOURCE, url.SOURCE, environment.SOURCE)
"""The first that is configured for a host is its only one: there is no silent fall-back to another
identity."""

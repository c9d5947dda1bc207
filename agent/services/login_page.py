"""What the login page and the browser's tab call the workspace, and where the password is.

code-server puts these texts into its page by String.replace, which knows patterns with a $, after
i18next has looked for {{names}} and $t(nested) texts in them; nothing in between escapes them. So
a name, which may be anything, comes as entities of HTML.
"""

import re
from pathlib import Path

from agent.machine.light.expressions import regex
from agent.machine.secret import SecretInput
from agent.settings.context import Context
from agent.settings.everything import Settings

LONGEST = 60
"""Characters of a name: more do not fit into a tab or a heading."""
PRODUCT = "DevCopilot"
_MADE_UP = regex(r"[0-9a-f]{12}")
"""What engines call a container that nobody gave a host name."""


def find_name(context: Context) -> str:
    """Return what tells this workspace from others: ENVIRONMENT_ID, a given host name, or none."""
    hostname = context.facts.environ.get("HOSTNAME", "")
    given = context.settings.workspace.identifier
    name = given or ("" if _MADE_UP.fullmatch(hostname) else hostname)
    return shorten(name) or PRODUCT


def shorten(name: str) -> str:
    """Return a name of one printable line that fits."""
    line = " ".join("".join(part if part.isprintable() else " " for part in name).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def make_strings(context: Context, folder: Path) -> dict[str, str]:
    """Return the page's texts by code-server's names for them, as HTML.

    https://github.com/coder/code-server/blob/main/src/node/i18n/locales/en.json
    """
    name = escape(find_name(context))
    host = shorten(context.facts.environ.get("HOSTNAME", ""))
    where = f"{shorten(str(folder))} on {host}" if host else shorten(str(folder))
    return {
        "LOGIN_TITLE": f"Log in to {name}",
        "WELCOME": f"Welcome to {name}",
        "LOGIN_BELOW": f"Folder {escape(where)}.",
        "LOGIN_PASSWORD": escape(explain_password(context.settings)),
    }


def explain_password(settings: Settings) -> str:
    """Say where the password is: to strangers, too, so no path and no value."""
    editor = settings.editor
    if editor.hashed_password:
        return f"The password is the one whose hash is in {_name(editor.hashed_password)}."
    if editor.password:
        return f"The password is in {_name(editor.password)}; `devcopilot password` prints it, too."
    return "`devcopilot password`, in a terminal of the workspace, prints the password."


def _name(given: SecretInput) -> str:
    return f"the file that {given.variable}_FILE names" if given.file else given.variable


def escape(text: str) -> str:
    """Return the text as HTML without a character that means something to code-server."""
    return re.sub(r"[&<>\"'${}`]", lambda found: f"&#{ord(found[0])};", text)

"""The secrets that must not be in a bundle, by value: whatever the agent knows and can read.

It knows them from the runtime folder while it runs, and else from the state folder, the environment
and the files in which git, gh and npm keep theirs.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from agent.backup.target import PASSWORD as BACKUP_PASSWORD
from agent.machine.light.expressions import regex
from agent.machine.light.files import SECRET, read_file
from agent.machine.light.masking import SHORTEST, Masker
from agent.machine.light.secret_forms import find_base64_forms, find_lines, find_text_forms
from agent.machine.system import Facts
from agent.services.editor_login import PASSWORD as EDITOR_PASSWORD
from agent.services.editor_login import RECORD as EDITOR_HASH
from agent.settings.credentials import find_url_passwords, is_secret
from agent.settings.everything import secret_names

STATE_FILES = (BACKUP_PASSWORD, EDITOR_PASSWORD, EDITOR_HASH, "github-refresh/*", "ssh/*")
"""In the state folder; of ssh the private keys."""
HOME_FILES = (".git-credentials", ".config/git/credentials", ".netrc", ".config/gh/hosts.yml",
              ".npmrc", ".ssh/id_*")  # fmt: skip
_STORED = regex(rb"(?:password\s+|oauth_token:\s*|_authToken=|://[^:/\s]*:)([^\s@]+)")
"""As git, netrc(5), gh and npm write them."""
_KEY = b"-----BEGIN "
_SHORTEST_VALUE = 16
"""Characters of a text in JSON that may be a secret."""


def find_texts(facts: Facts, environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return every text to hide, in each form in which it may be written, the longest first."""
    masker = Masker(str(facts.runtime))
    masker.refresh()
    found = dict.fromkeys(masker.texts)
    for secret in _find_secrets(facts, environ):
        for line in find_lines(secret):
            if len(line) >= SHORTEST:
                found.update(dict.fromkeys(find_text_forms(line)))
                found.update(dict.fromkeys(find_base64_forms(line)))
    usable = (text for text in found if len(text) >= SHORTEST)
    return tuple(sorted(usable, key=len, reverse=True))


def _find_secrets(facts: Facts, environ: Mapping[str, str]) -> Iterator[bytes]:
    names = secret_names()
    for name, value in environ.items():
        if name in names or is_secret(name, value):
            yield os.fsencode(value)
    for each in (environ, facts.user_environ):
        yield from (os.fsencode(word) for word in find_url_passwords(each))
    for path in _list_files(facts.state, STATE_FILES):
        with suppress(OSError):
            yield from _read_state(read_file(path, SECRET))
    for path in _list_files(facts.home, HOME_FILES):
        with suppress(OSError):
            content = read_file(path, SECRET)
            yield from ((content,) if content.startswith(_KEY) else _STORED.findall(content))


def _list_files(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        with suppress(OSError):
            yield from (path for path in folder.glob(pattern) if path.suffix != ".pub")


def _read_state(content: bytes) -> Iterator[bytes]:
    """Yield the texts of a JSON document, or what is no JSON as it is."""
    try:
        waiting = [json.loads(content)]
    except ValueError:
        yield content
        return
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and len(item) >= _SHORTEST_VALUE:
            yield item.encode()
        elif isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item

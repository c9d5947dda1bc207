"""Every variable in every form in which people really give it: as it is meant, or named.

The rows are the settings' own declarations: a new variable is in the table at once, and one with a
reader of its own asks for a sample of its texts.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.machine.errors import AgentError
from agent.machine.formats import private_keys
from agent.machine.light import texts
from agent.machine.secret import Secret, SecretInput
from agent.machine.system import Facts
from agent.settings import (
    activity,
    argon2,
    dotfiles,
    extensions,
    front,
    lists,
    parsers,
    ports,
    report,
    repositories,
    serving,
    storage,
    stored,
    urls,
)
from agent.settings.context import Context
from agent.settings.everything import Settings, clean, variables
from agent.settings.variable import Variable, declared
from agent.workspace import given, login_keys
from tests.worlds.machine import make_facts

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIJbtu7NL18yAjQDyzZDRZ6RKPCs9YRBQMYHUHqLJkPH"


def write_pem(key: Ed25519PrivateKey | rsa.RSAPrivateKey, form: PrivateFormat) -> str:
    private = key.private_bytes(
        Encoding.PEM,
        form,
        NoEncryption(),
    )
    return private.decode()


READERS: dict[Any, str] = {
    parsers.positive_duration: "90s",
    parsers.text: f"{KEY} me\n{OTHER} you",
    parsers.single_line: "Octo Cat",
    parsers.absolute_path: "/srv/some folder",
    parsers.data_folder: "/srv/some data",
    parsers.inner_path: ".devcontainer/some folder/devcontainer.json",
    dotfiles.source: "octo/dotfiles#main",
    parsers.identifier: "Iv1.abc-2",
    lists.identifiers: "one, two",
    parsers.number: "12345",
    lists.permissions: "contents:write, metadata:read",
    parsers.command: "get-token --quiet 'a b'",
    parsers.idle_action: "stop-me --now 'a b'",
    activity.idle_timeout: "30m",
    lists.home_words: "+.config/nvim, -.cache",
    lists.workspace_patterns: "/data/*.bin, *.tmp",
    lists.keep_rules: "last=3, daily=7",
    parsers.byte_size: "100M",
    parsers.s3_options: "--region eu-west-1 --storage-class GLACIER",
    parsers.bucket_name: "my-backups",
    repositories.repositories: "octo/demo#main; https://github.com/octo/tools depth=1",
    repositories.editor_folder: "demo/src",
    extensions.read_entries: "octo.one octo.two@1.2.3",
    extensions.read_gallery: '{"serviceUrl": "https://gallery.example/vscode/gallery"}',
    front.origins: "dev.example.com *.example.org:8443",
    front.proxy_domains: "{{port}}-dev.example.com",
    front.base_path: "/octo",
    front.cookie_suffix: "octo-1",
    front.proxy_uri: "https://{{port}}.example.com",
    front.link_domains: "example.com https://*.example.org",
    serving.read_address: "127.0.0.1:9100",
    serving.port_or_off: "9000",
    ports.labels: "3000=web 5432=db",
    report.read_listener: "127.0.0.1:9000",
    urls.endpoint_url: "https://plane.example.com/activity?workspace=1",
    urls.private_url: "https://api.example.com/v3",
    urls.http_url: "https://s3.example.com",
    texts.word: "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    texts.line: "minio secret",
    texts.password: "pass word",
    private_keys.read_ssh_key: write_pem(Ed25519PrivateKey.generate(), PrivateFormat.OpenSSH),
    private_keys.read_pem: write_pem(
        rsa.generate_private_key(65537, 2048), PrivateFormat.TraditionalOpenSSL
    ),
    argon2.read: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OTAxMjM0NQ",
    storage.azure_key: b64encode(bytes(range(64))).decode(),
    storage.sas_token: "sv=2024-11-04&sp=rwdl&sig=abc%2Bdef%3D",
}
"""A text of each reader that no default shows."""
NEEDED = {
    "GITHUB_APP_ID": "1",
    "GITHUB_APP_CLIENT_ID": "Iv1.a",
    "GITHUB_APP_CLIENT_SECRET": "secret",
    "GITHUB_APP_PRIVATE_KEY_FILE": "/run/secrets/key",
}
"""What others need beside them. Files may be missing."""

FORMS: dict[str, Callable[[str], str]] = {
    "double quotes": '"{}"'.format,
    "single quotes": "'{}'".format,
    "quotes and line break": '"{}"\r\n'.format,
    "byte order mark": "\ufeff{}".format,
    "CRLF": lambda text: text.replace("\n", "\r\n") + "\r\n",
    "trailing blank": "{} ".format,
    "trailing newline": "{}\n".format,
    "leading newline": "\n{}".format,
    "literal \\n": lambda text: text.replace("\n", "\\n") + "\\n",
    "literal \\r\\n in quotes": lambda text: '"' + text.replace("\n", "\\r\\n") + '\\r\\n"',
    "blanks for line breaks": lambda text: text.replace("\n", " "),
    "Base64": lambda text: b64encode(text.encode()).decode(),
    "Base64 in quotes": lambda text: f'"{b64encode(text.encode()).decode()}"',
    "Base64 of a file": lambda text: b64encode(f"\ufeff{text}\r\n".encode()).decode() + "\n",
}
QUOTED = ("double quotes", "single quotes", "quotes and line break")
LITERAL = ("literal \\n", "literal \\r\\n in quotes")
ENCODED = ("Base64", "Base64 in quotes", "Base64 of a file")

NAMED: dict[tuple[Any, str], str] = {
    # Quotes and \n may be meant. Each is a line in the log.
    **{
        (texts.password, form): "the agent takes for a part of the password"
        for form in (*QUOTED, *LITERAL)
    },
    (parsers.text, "blanks for line breaks"): "a second key after the first",
    # No word by its own looks, but no such token either.
    **{(storage.sas_token, form): "not a SAS token" for form in ENCODED},
}
"""Cells that are not mended, by reader and form -> what is said of them."""
OPAQUE = (texts.password, texts.line)
"""Readers of secrets that may be Base64 of anything."""


def find_sample(entry: Variable) -> str:
    """Return a text for a variable, other than its default where that is possible."""
    if entry.parse in READERS:
        return READERS[entry.parse]
    if entry.default is not None:
        return entry.default
    try:
        entry.parse("?")
    except ValueError as error:
        words = re.split(r" or |, ", str(error))
        return words[0] if "path" not in words[0] else "/srv/folder"
    raise AssertionError(f"the reader of {entry.name} needs a text in READERS")


def find_cells() -> list[Any]:
    """Return (variable, name, form) of each cell; a secret has one for its value and its file."""
    found = []
    for _, entry in variables():
        for name in entry.names:
            is_file = entry.secret and name.endswith("_FILE")
            for form in FORMS:
                files_and_keys = entry.secret or entry.parse is parsers.text
                if form in ENCODED and (not files_and_keys or entry.parse in OPAQUE):
                    continue  # nobody encodes those, and a name may look like it
                found.append(pytest.param(entry, name, form, id=f"{name}-{form}"))
            if is_file:
                assert name.removesuffix("_FILE") in entry.names
    return found


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return make_facts(tmp_path)


def read(entry: Variable, environ: dict[str, str], facts: Facts) -> tuple[Any, list[str]]:
    """Return what the consumer of a variable gets, and the lines that name it."""
    needed = {name: text for name, text in NEEDED.items() if name.removesuffix("_FILE") not in
              (*environ, *(each.removesuffix("_FILE") for each in environ))}  # fmt: skip
    try:
        settings = Settings.from_environ({**needed, **environ})
    except AgentError as error:
        return None, [str(problem) for problem in error.problems]
    value = next(
        getattr(getattr(settings, group.name), item.name)
        for group in fields(settings)
        for item in fields(getattr(settings, group.name))
        if declared(item) == entry
    )
    lines = [str(problem) for problem in given.check_secrets(Context({}, settings, facts))]
    if isinstance(value, SecretInput):
        found = facts.secret(value)
        value = found.reveal() if isinstance(found, Secret) else None
    elif entry.parse is parsers.text:
        read_lines = list(login_keys.read_keys(entry.name, value or ""))
        value = [item for item in read_lines if isinstance(item, str)]
        lines += [str(item) for item in read_lines if not isinstance(item, str)]
    return value, [line for line in lines if entry.name in line or any(
        name in line for name in entry.names)]  # fmt: skip


@pytest.mark.parametrize(("entry", "name", "form"), find_cells())
def test_each_text_is_mended_or_named(
    entry: Variable, name: str, form: str, facts: Facts, tmp_path: Path
) -> None:
    sample = find_sample(entry)
    spoilt = FORMS[form](sample)

    def give(text: str) -> tuple[Any, list[str]]:
        if not (entry.secret and name.endswith("_FILE")):
            return read(entry, {name: text}, facts)
        path = tmp_path / "secret file"
        path.write_bytes(text.encode())
        return read(entry, {name: str(path)}, facts)

    meant, nothing = give(sample)
    assert meant is not None
    assert nothing == []
    value, lines = give(spoilt)
    if (entry.parse, form) not in NAMED:
        assert lines == []
        assert value == meant
        return
    (line,) = lines
    assert name in line
    assert NAMED[entry.parse, form] in line
    assert "(" in line  # the hint


@pytest.mark.parametrize("form", QUOTED)
@pytest.mark.parametrize(
    "name", [name for _, entry in variables() for name in entry.names if name.endswith("_FILE")]
)
def test_the_path_of_a_file_is_mended(name: str, form: str) -> None:
    environ = clean({name: FORMS[form]("/run/secrets/some file")})
    assert environ == {name: "/run/secrets/some file"}


@pytest.mark.parametrize("entry", [entry for _, entry in variables()], ids=lambda entry: entry.name)
def test_what_was_mended_stays_the_same(entry: Variable) -> None:
    """Each verb reads again what `configure` has kept."""
    for form, spoil in FORMS.items():
        once = entry.clean(entry.name, spoil(find_sample(entry)))
        assert entry.clean(entry.name, once) == once, form


def test_other_programs_get_what_was_meant(facts: Facts) -> None:
    """gh and restic read some of our variables, too."""
    environ = {"GH_HOST": '"ghe.example.com"', "AWS_REGION": "'eu-1'\r", "OTHER": '"as it is"'}
    assert stored.clean_environment(clean(environ)) == {
        "GH_HOST": "ghe.example.com", "AWS_REGION": "eu-1", "OTHER": '"as it is"',
    }  # fmt: skip


@pytest.mark.parametrize("text", ['""', "''", '"" \n', "\ufeff''"])
def test_nothing_in_quotes_is_nothing(text: str) -> None:
    environ = {name: text for _, entry in variables() for name in entry.names}
    assert Settings.from_environ(environ) == Settings.from_environ({})

"""Settings from any environment and any secret file: read, or refused in lines for people."""

import os
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from agent.github import hosts
from agent.machine.errors import AgentError, Problem
from agent.machine.light.texts import UnusableError
from agent.machine.secret import Secret, SecretInput
from agent.settings import everything, stored
from agent.settings.everything import Settings
from agent.settings.parsers import data_folder
from tests.fuzz.properties import fuzz, make_folder
from tests.fuzz.texts import TEXT, VARIABLE, write
from tests.worlds.machine import make_facts

VARIABLES = [entry for _, entry in everything.variables()]
NAMES = sorted({name for entry in VARIABLES for name in entry.names})
MARK = "s3cr3t-m4rk"
LIKELY = st.sampled_from(
    (
        "1",
        "8080",
        "70000",
        "true",
        "30s",
        "0 3 * * *",
        "/a/b",
        "https://h/x",
        "a,b",
        "exit",
        "off",
        "http://u:p@h/",
        "127.0.0.1:9100",
        "0.0.0.0:1",
        "owner/name",
        "a.b@1.2",
        "3000=web",
        "[::1]:1",
    )
)
VALUES = st.one_of(LIKELY, VARIABLE, st.builds("".join, st.lists(st.one_of(LIKELY, VARIABLE))))
ENVIRON = st.dictionaries(
    st.one_of(st.sampled_from(NAMES), VARIABLE.filter(bool).map(lambda name: f"DEV8_{name}")),
    VALUES,
    max_size=6,
)
SECRETS = [entry for entry in VARIABLES if entry.secret]
HOME = make_folder()
FACTS = make_facts(HOME)


def read(environ: dict[str, str]) -> Settings | None:
    """Return the settings; None: they are refused, each problem in one line."""
    try:
        return Settings.from_environ(everything.clean(environ))
    except AgentError as error:
        assert error.problems
        check(error.problems)
        return None


def check(problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        assert "\n" not in str(problem)
        assert "\x1b" not in str(problem)
        str(problem).encode()


@fuzz(part=2, environ=ENVIRON)
def test_any_environment_is_read_or_refused(environ: dict[str, str]) -> None:
    read(environ)
    check(everything.find_warnings(environ))


@fuzz(environ=ENVIRON)
def test_clean_values_stay_clean(environ: dict[str, str]) -> None:
    once = everything.clean(environ)
    assert everything.clean(once) == once


@fuzz(environ=st.dictionaries(st.sampled_from(NAMES), TEXT, max_size=4))
def test_bytes_that_are_no_utf8_are_refused(environ: dict[str, str]) -> None:
    read(environ)


@fuzz(
    part=0.3,
    environ=ENVIRON,
    own=st.dictionaries(st.from_regex(r"[A-Z]{1,5}_KEY", fullmatch=True), VARIABLE),
)
def test_what_is_kept_is_read_back(environ: dict[str, str], own: dict[str, str]) -> None:
    """Each job reads its settings from the files that configure wrote."""
    environ = everything.clean({**environ, **own})
    settings = read(environ)
    if settings is None:
        return
    facts = make_facts(HOME, **stored.clean_environment(environ))
    own_secrets = stored.find_own_secrets(environ)
    for folder in (facts.runtime / "secrets", facts.runtime / "own-secrets"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    facts = replace(facts, own_secrets=own_secrets)
    for file in stored.resources(environ, facts):
        assert file.mode == 0o600
        write(file.path, file.content)
    variables, clean = stored.load(facts.runtime)
    assert Settings.from_environ(variables) == settings
    assert clean == facts.environ
    assert stored.load_own_secrets(facts.runtime) == own_secrets
    assert own_secrets.keys().isdisjoint(clean)
    assert everything.secret_names().isdisjoint(clean)


@fuzz(entry=st.sampled_from(SECRETS), before=VARIABLE, after=VARIABLE)
def test_no_message_shows_a_secret(entry: Any, before: str, after: str) -> None:
    environ = {entry.name: f"{before}{MARK}{after}"}
    try:
        settings = Settings.from_environ(everything.clean(environ))
    except AgentError as error:
        assert MARK not in str(error)
        return
    assert MARK not in repr(settings)
    for group in fields(settings):
        for item in vars(getattr(settings, group.name)).values():
            if isinstance(item, SecretInput):
                found = FACTS.secret(item)
                assert MARK not in str(found)


@fuzz(
    entry=st.sampled_from(SECRETS),
    content=st.one_of(st.binary(max_size=60), VARIABLE.map(str.encode)),
)
def test_any_secret_file_is_read_or_refused(entry: Any, content: bytes) -> None:
    path = write(HOME / "secret", content)
    found = FACTS.secret(SecretInput(entry.name, file=path, read=entry.parse))
    assert isinstance(found, Secret | Problem)
    if isinstance(found, Secret):
        assert entry.parse(found.reveal()) == found.reveal(), "read twice, it is the same"
    else:
        check((found,))


@fuzz(entry=st.sampled_from(SECRETS), text=TEXT)
def test_a_reader_of_secrets_raises_one_error_only(entry: Any, text: str) -> None:
    try:
        once = entry.parse(text)
    except UnusableError:
        return
    assert entry.parse(once) == once


PLACES = st.lists(
    st.one_of(st.sampled_from(("", ".", "..", "proc", "sys", "dev", "shm", "self", "w")), VARIABLE),
    max_size=6,
).map(lambda parts: f"/{'/'.join(parts)}")


@fuzz(part=0.5, text=PLACES)
def test_no_folder_for_data_is_the_kernels(text: str) -> None:
    """However it is written, what the kernel shows is no place for files."""
    try:
        path = data_folder(text)
    except ValueError:
        return
    real = os.path.realpath(path)
    assert real != "/"
    assert not f"{real}/".startswith(("/proc/", "/sys/"))
    assert real.startswith("/dev/shm/") or not f"{real}/".startswith("/dev/")


KEYS = sorted(hosts._list_keys())
TOML = st.one_of(
    st.binary(max_size=80),
    st.lists(
        st.tuples(
            st.sampled_from(KEYS),
            st.sampled_from(
                (
                    '"/run/x"',
                    "1",
                    "true",
                    '["a", "b"]',
                    '{ contents = "write" }',
                    "1979-05-27",
                    "nan",
                    '"https://h"',
                    '"""a\nb"""',
                    "[[1]]",
                    '"\\u0000"',
                    "{}",
                )
            ),
        ),
        max_size=4,
    ).map(lambda rows: "".join(f"{key} = {value}\n" for key, value in rows).encode()),
)


@fuzz(content=TOML)
def test_a_file_of_a_host_is_read_or_refused(content: bytes) -> None:
    found = hosts.read_file(write(HOME / "hosts.d/ghe.example.com.toml", content))
    if isinstance(found, Problem):
        check((found,))


def test_the_folder_is_private() -> None:
    """Secrets of fuzzed settings lie in memory, for nobody else."""
    assert isinstance(HOME, Path)
    assert HOME.stat().st_mode & 0o077 == 0

"""devcontainer.json of anybody: followed, or refused in one line."""

import json
from typing import Any

from hypothesis import strategies as st

from agent.machine.errors import AgentError
from agent.observe.ports.labels import PROPERTY, Labels
from agent.settings import devcontainer_file
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.units.devcontainer import properties
from agent.units.devcontainer.lifecycle_commands import HOOKS
from agent.units.devcontainer.substitution import make_substitute
from agent.units.extensions import wanted
from agent.units.hooks import environment, phases
from tests.fuzz.properties import fuzz, make_folder
from tests.fuzz.texts import UNICODE, json_values, write
from tests.worlds.machine import make_facts

FOLDER = make_folder()
FACTS = make_facts(FOLDER, USER="dev8", X="${localEnv:X}")
CONTEXT = Context({}, Settings.from_environ({"WORKSPACE_DIR": str(FOLDER)}), FACTS)
WORDS = st.one_of(
    st.sampled_from(
        (
            "${localEnv:X}",
            "${localEnv:NO:a:b}",
            "${containerWorkspaceFolder}",
            "${",
            "${}",
            "${localEnv:}",
            "${devcontainerId}",
            "8gb",
            "99999999999999999999",
            "../x",
            "/etc",
            "postCreateCommand",
            "3000-4000",
        )
    ),
    UNICODE,
)
VALUES = json_values(WORDS)
NAMES = (
    *(f"{hook}Command" for hook in HOOKS),
    *properties.NOT_HONOURED,
    "waitFor",
    "workspaceFolder",
    "remoteEnv",
    "containerEnv",
    "secrets",
    "hostRequirements",
    "remoteUser",
    "containerUser",
    "userEnvProbe",
    PROPERTY,
    "customizations",
)
TABLES = st.dictionaries(WORDS, st.one_of(VALUES, WORDS), max_size=3)
DOCUMENTS = st.dictionaries(
    st.one_of(st.sampled_from(NAMES), UNICODE),
    st.one_of(VALUES, TABLES, WORDS, st.lists(WORDS, max_size=3)),
    max_size=5,
)


def use(found: devcontainer_file.Devcontainer) -> None:
    """Do with it what the agent's parts do."""
    problems = list(properties.find_notes(found, FACTS.environ, "dev8"))
    assert all("\n" not in str(problem) for problem in problems)
    phases.find_wait_for(found)
    phases.find_cwd(found, CONTEXT)
    Labels({}, found.take_table(PROPERTY))
    changes = environment.find_changes(found, FACTS.environ)
    assert not any("\0" in name + (value or "") or "=" in name for name, value in changes.items())
    listed = [*phases.list_all(CONTEXT.settings, FACTS, found)]
    attach = phases.find_attach(found, FACTS)
    for phase in [*listed, *([attach] if attach else [])]:
        phase.make_fingerprint("here")
        for command in phase.commands:
            assert command.argv
            assert not any("\0" in word for word in command.argv)


@fuzz(
    part=2,
    content=st.one_of(
        DOCUMENTS.map(lambda document: json.dumps(document).encode()), st.binary(max_size=40)
    ),
)
def test_any_file_is_followed_or_refused(content: bytes) -> None:
    write(FOLDER / ".devcontainer.json", content)
    try:
        found = devcontainer_file.find(FOLDER)
        assert found
        use(found)
    except AgentError as error:
        assert all("\n" not in str(problem) for problem in error.problems)


@fuzz(value=VALUES, environ=st.dictionaries(UNICODE, UNICODE, max_size=2))
def test_a_variable_becomes_a_text_and_nothing_more(value: Any, environ: dict[str, str]) -> None:
    """What a variable holds is not read again: it can name no further variable."""
    found = devcontainer_file.Devcontainer(FOLDER, ".devcontainer.json")
    substitute = make_substitute(found, {"IT": "${localEnv:HIDDEN}", "HIDDEN": "hidden", **environ})
    substitute(value)
    assert substitute(["${localEnv:IT}"]) == [environ.get("IT", "${localEnv:HIDDEN}")]


@fuzz(
    part=0.5,
    content=st.one_of(
        st.dictionaries(
            st.sampled_from(("recommendations", "x")),
            st.one_of(
                VALUES, st.lists(st.one_of(WORDS, st.sampled_from(("a.b", "-a.b", "a.b@1"))))
            ),
        ).map(lambda document: json.dumps(document).encode()),
        st.binary(max_size=30),
    ),
)
def test_any_list_of_extensions_is_read_or_refused(content: bytes) -> None:
    write(FOLDER / wanted.RECOMMENDATIONS, content)
    try:
        found = wanted.find_recommended(FOLDER)
    except wanted.UnusableError:
        return
    assert all(each.entry.identifier for each in found), "a repository names no file and no address"

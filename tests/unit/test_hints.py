"""Each command and option that a text of ours names is one that the real parsers take.

A hint that names an option which the verb at hand does not have sends a person who is in trouble
the wrong way. So the texts in the code are read, not only those that a test happens to provoke.
"""

import ast
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from agent.__main__ import VERBS
from agent.backup.undo import RESTORE, UNDO, Undo
from agent.commands import dispatch
from agent.machine.errors import AgentError

ROOT = Path(__file__).parent.parent.parent
COMMAND = re.compile(
    r"`devcopilot ([^`]*)`" r"|(?<![\w/.-])(?<!entrypoint )devcopilot ([^`;,:()>#\n]*)"
)
"""A command in a text: in backticks, or up to the next sign."""
PLACE = re.compile("`environment of [^`]*`")
"""A process in docs/secrets-at-rest.md, named with those that started it."""
OTHERS = re.compile(r"\bgit [a-z][^`;,()\n]*")
"""A command of another program, whose options are its own."""
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
VALUE = "local"
"""What stands for a value that is only known when the text is made; it is a target's name."""
TOOL = "claude"
"""The same where the name is a tool's."""
UNKNOWN = (VALUE, f"backup {VALUE}", "COMMAND", "--log …", "{verb}", "[")
"""What a command begins with, or holds, that only describes others."""
INIT = ("run", "init")
"""Verbs that read their words themselves."""


def read_texts(path: Path) -> Iterator[str]:
    """Yield the texts in a module's code, docstrings aside."""
    tree = ast.parse(path.read_text())
    aside = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    aside |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
              for part in node.values}  # fmt: skip
    for node in ast.walk(tree):
        if id(node) in aside:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else VALUE
                          for part in node.values)  # fmt: skip


def find_commands(text: str) -> Iterator[str]:
    """Yield the commands that a text names, without `devcopilot`."""
    for quoted, bare in COMMAND.findall(PLACE.sub("", text)):
        command = (quoted or bare).partition("#")[0].strip()
        if command and not command.startswith(UNKNOWN) and "[" not in command:
            yield command


def find_verbs(package: str, *names: str) -> Iterator[tuple[str, ...]]:
    """Yield the names of all verbs of a table, and of the tables below it."""
    table = VERBS if package == "agent.commands" else import_module(package).COMMANDS
    for name in table:
        if name not in INIT:
            module = dispatch.load(package, name)
            if hasattr(module, "COMMANDS"):
                yield from find_verbs(f"{package}.{name}", *names, name)
            else:
                yield (*names, name)


def is_taken(command: str) -> bool:
    """Tell whether `devcopilot` takes a command."""
    words = shlex.split(command)
    if words[0] in INIT or len(words) == 1:
        return words[0] in VERBS or words[0] == "--help"
    try:
        verb = dispatch.find(words, VERBS)
        dispatch.make_parser(verb).parse_args(verb.words)
    except AgentError:
        return False
    return True


MODULES = sorted((ROOT / "agent").rglob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EVERY = tuple(find_verbs("agent.commands"))
VERB_OF = {
    **{f"agent/commands/{'/'.join(names)}.py": names for names in EVERY},
    "agent/commands/backup/unpacking.py": ("backup", "restore"),
}
"""The modules that speak for one verb alone."""


def name_path(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*MODULES, *PAGES], ids=name_path)
def test_commands_are_taken(path: Path) -> None:
    texts = read_texts(path) if path.suffix == ".py" else [path.read_text()]
    commands = [command for text in texts for command in find_commands(text)]
    refused = [command for command in commands if not is_taken(command)]
    assert [each for each in refused if not is_taken(each.replace(VALUE, TOOL))] == []


def test_options_without_a_command_are_of_the_verb_that_speaks() -> None:
    """What several verbs share names the whole command."""
    options = {
        names: set(OPTION.findall(dispatch.make_parser(dispatch.find(names, VERBS)).format_help()))
        for names in EVERY
    }
    ours = set().union(*options.values()) - {"--help"}
    wrong = []
    for path in MODULES:
        known = options.get(VERB_OF.get(name_path(path), ()), set())
        for text in read_texts(path):
            if " " in text:  # others are words for programs
                named = {*OPTION.findall(OTHERS.sub("", COMMAND.sub("", text)))} & ours
                wrong += [(name_path(path), text) for _ in named - known]
    assert wrong == []


@pytest.mark.parametrize("source", ["0123456789", "/home/x/workspace 1.tar.gz"])
@pytest.mark.parametrize("kind", [RESTORE, UNDO])
def test_what_finishes_a_restore_is_taken(source: str, kind: str) -> None:
    found = Undo("ab", "local", ("/w/a b",), source, "", kind=kind, wanted=("/w/a b",))
    assert is_taken(found.command.removeprefix("devcopilot "))


@pytest.mark.parametrize(
    ("command", "taken"),
    [("backup undo --keep", True), ("backup undo --to DIR", False), ("backup undone", False),
     ("undo", False), ("status --json", True), ("status --jsn", False)],
)  # fmt: skip
def test_the_judge_can_say_no(command: str, taken: bool) -> None:
    assert is_taken(command) == taken

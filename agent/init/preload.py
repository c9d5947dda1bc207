"""`python -I -m agent.init.preload MODULE`: a program that is loaded before it is wanted.

Init starts it, without the container's environment, while `configure` still works. It imports
MODULE and waits on its descriptor 3 for the path of the boot file; then it takes the environment
from there, and the words that follow MODULE in supervisord's argv, and becomes what that argv would
have been. It ends when nobody is left who could send the path.
"""

import importlib
import json
import os
import sys
from types import ModuleType

from agent.init import lean
from agent.machine.light.exits import Exit

WORD = 3
LONGEST_PATH = 4096


def main(name: str) -> int:
    """Import the module, wait for the word, run the module's `main`."""
    module = load(name)
    path = os.read(WORD, LONGEST_PATH)
    os.close(WORD)
    if path:
        with open(path, "rb") as file:
            boot = json.load(file)
        argv: list[str] = boot["supervisord"]
        take_environment(boot["environment"])
        set_temporary_folder(os.path.dirname(os.fsdecode(path)))
        sys.argv = argv[argv.index(name) :]
        module.main()
    return Exit.OK


def load(name: str) -> ModuleType:
    """Import a module."""
    lean.go_without()
    module = importlib.import_module(name)
    for part in lean.LATER:
        importlib.import_module(part)
    lean.start_at_once()
    return module


def take_environment(environment: dict[str, str]) -> None:
    """Have this environment and no other, for the programs that are started from here."""
    os.environ.clear()
    os.environ.update(environment)


def set_temporary_folder(folder: str) -> None:
    """Have supervisord take this folder for temporary files; its programs do not see it.

    It asks for one as soon as it begins. Python would look for one that can be written, and fail
    where all the usual ones are full or read-only.
    """
    vars(sys.modules["tempfile"])["gettempdir"] = lambda: folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

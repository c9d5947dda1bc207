"""The kind `attach`: postAttachCommand, once somebody is there.

Nothing stays in memory to see that: the first bash or fish of a person, in a terminal of the editor
or over ssh, leaves a file if one asks for it (profile.d/session.sh and fish/conf.d in the images).
"""

from pathlib import Path

from agent.machine.records.unit_record import FOLDER, State
from agent.machine.system import Facts
from agent.units.hooks.kind import Run, is_wanted
from agent.units.unit import Kind, Work

NAME = "attach"
WANTED, SEEN = "attach.wanted", "attach.seen"
"""In the folder of units: that the first shell is to leave a word, and that it did."""


def find_file(facts: Facts, name: str) -> Path:
    """Return one of the two files."""
    return facts.runtime / FOLDER / name


def carry_out(work: Work) -> None:
    """Run the command if somebody is there, else have the first shell say so. Raises OSError."""
    run = Run(work)
    phase = run.plan.attach
    if phase is None:
        work.own.skip("there is no postAttachCommand")
        return
    wanted = find_file(work.context.facts, WANTED)
    if not (run.plan.refusal or work.again or find_file(work.context.facts, SEEN).exists()):
        wanted.touch(0o600)
        work.own.wait("it waits for your first shell, in a terminal or over ssh")
        return
    wanted.unlink(missing_ok=True)
    unit = work.part(phase.name)
    run.carry_out_one(phase, unit)
    if not work.stopping.is_set() or unit.state is not State.RUNNING:
        work.settle([unit])


KIND = Kind(
    NAME, "postAttachCommand of devcontainer.json", is_wanted, carry_out,
    needs=("hooks",), counts=False,
)  # fmt: skip

"""The kind `hooks`: what is due of them, in their order; after a failure none of the later ones.

A hook that runs once has its mark on the volume, with the container it ran in: a new container on
an old volume has its own disk, on which nothing is installed yet.
"""

from functools import cached_property

from agent.machine.errors import AgentError, Problem
from agent.machine.records.unit_record import SEPARATOR, State
from agent.settings import devcontainer_file as files
from agent.settings.context import Context
from agent.settings.devcontainer_file import Devcontainer
from agent.settings.everything import Settings
from agent.settings.project import find_folder
from agent.tools import trust
from agent.tools.trust import Verdict
from agent.units import leftovers
from agent.units.container import find_identity
from agent.units.devcontainer.lifecycle_commands import HOOKS
from agent.units.hooks import environment, phases, remote, running
from agent.units.hooks.environment import Changes
from agent.units.hooks.phases import Phase
from agent.units.hooks.running import Where
from agent.units.marks import IN_CONTAINER, ON_VOLUME
from agent.units.unit import Kind, Unit, Work

NAME = "hooks"
ENOUGH = "waitFor"
"""Its unit is done once the hook is that devcontainer.json wants people to wait for."""


def is_wanted(_settings: Settings) -> bool:
    """Return whether there may be hooks: what a repository or an image brings shows only later."""
    return True


def carry_out(work: Work) -> None:
    """Run what is due."""
    Run(work).carry_out()


KIND = Kind(
    NAME, "hooks of devcontainer.json, DEV8_ON_* and hooks.d", is_wanted, carry_out,
    needs=("clone",), enough=ENOUGH,
    after=lambda settings: ("dotfiles",) if settings.dotfiles.when == "before" else (),
)  # fmt: skip


class Plan:
    """What there is to run, and what keeps the repository's part of it from that."""

    def __init__(self, context: Context) -> None:
        self.folder = find_folder(context)
        self.file: Devcontainer | None = None
        self.fault: Problem | None = None
        """Why devcontainer.json cannot be used; the other hooks run all the same."""
        self.refusal: Problem | None = None
        """Why the repository's hooks do not run."""
        self.seen: trust.Seen | None = None
        """The folder as it was trusted."""
        self.attach: Phase | None = None
        """What runs when somebody comes."""
        self.wait_for = HOOKS[0]
        self.changes: Changes = {}
        """Of the environment, for the hooks and the shells of people."""
        verdict = trust.find_verdict(context, self.folder)
        self.is_off = verdict is Verdict.OFF
        try:
            self.file = files.find(self.folder, context.settings.hooks.devcontainer)
            self.wait_for = phases.find_wait_for(self.file)
            self.phases = phases.list_all(context.settings, context.facts, self.file)
            self.attach = phases.find_attach(self.file, context.facts)
            if self.file:
                self.changes = environment.find_changes(self.file, context.facts.environ)
        except AgentError as error:
            self.fault = None if self.is_off else error.problems[0]
            self.file = None
            self.phases = phases.list_all(context.settings, context.facts, None)
        if self.file and verdict is not Verdict.TRUSTED:
            self.refusal = trust.explain(context, self.folder)
        elif self.file:
            self.seen = trust.see(context, self.folder)

    def is_behind(self, phase: Phase) -> bool:
        """Return whether nobody needs to wait for a hook."""
        known = phase.name in HOOKS and self.wait_for in HOOKS
        return known and HOOKS.index(phase.name) > HOOKS.index(self.wait_for)


class Run:
    """One run of all that is due."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._context = work.context
        self.plan = Plan(work.context)
        self._container = find_identity()
        self._failed = ""
        """The unit after whose failure nothing more runs."""

    def carry_out(self) -> None:
        """Run all hooks that are due, and set their states."""
        plan, own = self.plan, self._work.own
        remote.share(self._context.facts, {} if plan.refusal else plan.changes)
        units = []
        for phase in plan.phases:
            unit = self._work.part(phase.name)
            units.append(unit)
            self.carry_out_one(phase, unit)
            if self._work.stopping.is_set():
                return
        if plan.seen:
            trust.renew(self._context, plan.folder, plan.seen)
        if plan.fault:
            own.fail(plan.fault.message, plan.fault.hint)
        elif units:
            self._work.settle(units)
        else:
            own.skip(f"there are no hooks in {plan.folder}")

    def carry_out_one(self, phase: Phase, unit: Unit) -> None:
        """Run a hook if it is due, and set its state."""
        plan = self.plan
        if self._failed:
            unit.skip(f"{self._failed} failed", f"devcopilot rerun {self._failed}")
        elif phase.of_repository and plan.refusal:
            tell = unit.skip if plan.is_off else unit.wait
            tell(plan.refusal.message, plan.refusal.hint)
        elif self._is_due(phase, unit):
            if plan.is_behind(phase):
                self._work.tell_enough()
            self._run(phase, unit)
        elif unit.state is not State.DONE:
            unit.done("it ran in this container before")

    def _is_due(self, phase: Phase, unit: Unit) -> bool:
        asked = self._work.only.partition(SEPARATOR)[0]
        if self._work.again and asked in ("", phase.name):
            return True
        mark = unit.marks(ON_VOLUME if phase.once else IN_CONTAINER)
        return not mark.is_done(phase.make_fingerprint(self._container))

    def _run(self, phase: Phase, unit: Unit) -> None:
        """Run a hook, and mark it once it is successful. Raises OSError."""
        own = self._work.own
        if own.state is not State.RUNNING:
            own.begin()
        mark = unit.marks(ON_VOLUME if phase.once else IN_CONTAINER)
        fingerprint = phase.make_fingerprint(self._container)
        unit.begin()
        if mark.was_interrupted():
            unit.say("the run before was interrupted; running it again")
        mark.set_running(fingerprint)
        good = running.carry_out(self._work, unit, phase, self._find_where(phase, unit))
        if good:
            mark.set_done(fingerprint)
        elif not self._work.stopping.is_set():
            mark.forget()
        self._failed = "" if good else unit.name

    def _find_where(self, phase: Phase, unit: Unit) -> Where:
        timeout = self._context.settings.hooks.timeout
        if not phase.of_repository:
            return Where(self.plan.folder, environment.OURS, timeout)
        changes, note = self._environment
        if note:
            unit.say(f"without the environment of the shell: {note}")
        assert self.plan.file  # noqa: S101 - it is where the hook is from
        return Where(phases.find_cwd(self.plan.file, self._context), changes, timeout)

    @cached_property
    def _environment(self) -> tuple[Changes, str]:
        """Return what the repository's hooks have of their own, and what it lacks."""
        file, environ = self.plan.file, self._context.facts.environ
        assert file  # noqa: S101 - as above
        how = str(file.given.get("userEnvProbe") or environment.USUAL)
        folder, stopping = self.plan.folder, self._work.stopping
        with leftovers.noting(self._context.facts, self._work.kind.name) as note_session:
            exported, note = environment.probe(how, environ, folder, stopping, note_session)
        return {**environment.OURS, **exported, **self.plan.changes}, note

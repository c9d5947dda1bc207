"""Installs the extensions that are asked for and missing: one start of code-server for all of them.

One that the user has removed stays away. What code-server has, VS Code over SSH gets as well.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from agent.machine.light.expressions import regex
from agent.machine.records.documents import STATE, Document, fill
from agent.machine.values import frozen
from agent.services import code_server
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.extensions import encode_gallery
from agent.settings.project import find_folder
from agent.tools import trust
from agent.tools.trust import Verdict
from agent.units.extensions import wanted as lists
from agent.units.extensions.installed import Folder, find_browser, find_remote
from agent.units.extensions.wanted import UnusableError, Wanted
from agent.units.unit import Kind, Unit, Work

TIME_LIMIT = 900.0
"""Seconds for all of them, or for one file."""
AGAIN = 300.0
"""Seconds until the next try where the gallery does not answer."""
LARGEST = 512 * 1024 * 1024
"""Bytes of a .vsix file from the network."""
NOT_FOUND = regex(r"Extension '([^'@]+)(?:@[^']*)?' not found")
NOT_INSTALLED = regex(r"(?m)^Error while installing extension ([^:\s]+): (.*)$")
NO_ANSWER = regex(r"(?m)^Error(?: while installing extensions)?: (.*)$")
"""What code-server says of what its gallery does not have, of one that cannot be installed, and of
all where the gallery does not answer or a file is no use: extensionManagementCLI.ts of VS Code."""
ELSEWHERE = (
    "check the name; another gallery may have it: set DEV8_EXTENSIONS_GALLERY, or give a .vsix"
)


@frozen
class History:
    """What was there once: what is missing of it the user has removed."""

    browser: tuple[str, ...] = ()
    remote: tuple[str, ...] = ()


HISTORY = Document[History](
    STATE, "life/installed-extensions.json", "extensions that were installed; of these, missing "
    "ones were removed by you", partial(fill, History), History, spare=True,
)  # fmt: skip


def carry_out(work: Work) -> None:
    """Bring what is missing. Raises OSError."""
    facts = work.context.facts
    if facts.which(code_server.NAME) is None:
        work.own.skip("this image has no code-server")
        return
    try:
        chosen, undecided = gather(work.context)
    except UnusableError as error:
        work.own.fail(str(error), "correct it, then: devcopilot rerun extensions")
        return
    if not chosen and not undecided:
        work.own.skip("nothing asks for extensions")
        return
    browser = find_browser(facts)
    with tempfile.TemporaryDirectory(prefix="extensions-", dir=facts.runtime) as scratch:
        parts = [_Part(work, each) for each in chosen]
        known = _read_history(work, browser).browser
        due = [part for part in parts if part.find_due(browser.read(), known, Path(scratch))]
        if due:
            install(work, due, browser)
    _finish(work, parts, browser)
    work.settle([part.unit for part in parts])
    if undecided and work.own.state.value in ("done", "skipped"):
        names = ", ".join(each.name for each in undecided)
        problem = trust.explain(work.context, find_folder(work.context))
        work.own.wait(f"the repository asks for {names}", problem.hint if problem else "")


def gather(context: Context) -> tuple[list[Wanted], list[Wanted]]:
    """Return what is to be installed, and what waits for the user's trust. Raises UnusableError."""
    settings = context.settings.extensions
    given = lists.find_given(settings.wanted, settings.folder)
    project = find_folder(context)
    verdict = trust.find_verdict(context, project)
    recommended = []
    if "recommendations" in settings.sources and verdict is not Verdict.OFF:
        recommended += lists.find_recommended(project)
    if verdict is Verdict.TRUSTED:
        return lists.join(given, recommended), []
    chosen = lists.join(given, ())
    more = [each for each in lists.join(given, recommended) if each not in chosen]
    return chosen, more


def make_environ(context: Context) -> dict[str, str | None]:
    """Return what code-server gets to install: nothing that steers it, and the gallery."""
    changes: dict[str, str | None] = dict.fromkeys(code_server.find_taken(context.facts))
    if gallery := context.settings.extensions.gallery:
        changes["EXTENSIONS_GALLERY"] = encode_gallery(gallery)
    return changes


def install(work: Work, due: Sequence["_Part"], browser: Folder) -> None:
    """Install these in one go; what fails fails alone. Raises OSError."""
    facts = work.context.facts
    config = str(facts.runtime / code_server.CONFIG)
    words = [word for part in due for word in ("--install-extension", part.word)]
    argv = (
        code_server.NAME, "--config", config, *code_server.find_data_options(facts), "--force",
        *words,
    )  # fmt: skip
    said: list[str] = []
    work.own.begin()
    ended = work.own.run(
        argv, environ=make_environ(work.context), timeout=TIME_LIMIT, on_line=said.append
    )
    if ended.stopped:
        return
    present = browser.read()
    text = "\n".join(said)
    missing = {found[1].lower() for found in NOT_FOUND.finditer(text)}
    broken = {found[1].lower(): found[2] for found in NOT_INSTALLED.finditer(text)}
    errors = [found[1] for found in NO_ANSWER.finditer(text)] or [f"it ended with {ended.code}"]
    for part in due:
        if present.get(part.identifier) and part.has_version(present):
            part.unit.done(present[part.identifier])
        elif part.identifier in missing:
            part.unit.fail("the gallery does not have it", ELSEWHERE)
        elif ended.timed_out:
            part.unit.time_out(TIME_LIMIT, "devcopilot rerun extensions")
        elif part.is_file:
            part.unit.fail(errors[0], "devcopilot log extensions", ended.code)
        else:
            cause = broken.get(part.identifier) or f"the gallery does not answer: {errors[0]}"
            part.unit.wait(cause, "devcopilot log extensions")
            work.again_in(AGAIN)


def _finish(work: Work, parts: Sequence["_Part"], browser: Folder) -> None:
    """Give VS Code over SSH the same, and remember what there was. Raises OSError."""
    facts = work.context.facts
    history, remote = _read_history(work, browser), find_remote(facts)
    present = browser.read()
    here = [part.identifier for part in parts if part.identifier in present]
    if work.context.settings.ssh.enabled:
        there = remote.read()
        known = history.remote if remote.exists else ()
        for name in here:
            problem = None if name in (*there, *known) else remote.take(browser, name)
            if problem:
                work.own.say(str(problem))
    now = History(
        tuple(sorted({*history.browser, *here})),
        tuple(sorted({*history.remote, *(name for name in here if name in remote.read())})),
    )
    if now != HISTORY.read(facts):
        HISTORY.write(facts, now)


def _read_history(work: Work, browser: Folder) -> History:
    """Return what was there. A new home has no history, and who asks again wants all of it."""
    if work.again or not browser.exists:
        return History()
    return HISTORY.read(work.context.facts)


class _Part:
    """One extension that is asked for."""

    def __init__(self, work: Work, wanted: Wanted) -> None:
        self._work = work
        self._entry = wanted.entry
        self.unit: Unit = work.part(wanted.name)

    @property
    def identifier(self) -> str:
        """Return publisher.name; empty while the file has not been looked at."""
        return self._entry.identifier

    @property
    def is_file(self) -> bool:
        """Return whether it needs no gallery."""
        return self._entry.file is not None

    @property
    def word(self) -> str:
        """Return the word for code-server's --install-extension."""
        if self._entry.file:
            return str(self._entry.file)
        return str(replace(self._entry, url=""))

    def has_version(self, present: Mapping[str, str]) -> bool:
        """Return whether it is there as it is asked for."""
        found = present.get(self.identifier)
        return found is not None and self._entry.version in ("", found)

    def find_due(self, present: Mapping[str, str], known: Sequence[str], scratch: Path) -> bool:
        """Return whether it is to be installed; else tell how it stands."""
        try:
            if self._entry.url and not self._fetch(scratch):
                return False
            if self._entry.file:
                self._entry = lists.read_vsix(self._entry.file)
        except UnusableError as error:
            self.unit.fail(str(error), "give another file, then: devcopilot rerun extensions")
            return False
        if self.has_version(present):
            self.unit.done(present[self.identifier])
            return False
        if self.identifier in known and self.identifier not in present:
            self.unit.skip("you removed it", f"devcopilot rerun {self.unit.name}")
            return False
        return True

    def _fetch(self, scratch: Path) -> bool:
        """Download the file; return whether it is there."""
        file = scratch / f"{len(list(scratch.iterdir()))}.vsix"
        self.unit.begin()
        argv = (
            "curl", "--fail", "--location", "--silent", "--show-error", "--proto", "=https,http",
            "--proto-redir", "=https,http", "--max-filesize", str(LARGEST), "--retry", "3",
            "--output", str(file), "--", self._entry.url,
        )  # fmt: skip
        said: list[str] = []
        ended = self.unit.run(argv, timeout=TIME_LIMIT, on_line=said.append)
        if ended.good:
            self._entry = replace(self._entry, url="", file=file)
            return True
        if not ended.stopped:
            cause = said[-1] if said else f"curl ended with {ended.code}"
            self.unit.wait(
                f"cannot fetch {self._entry.url}: {cause}", f"devcopilot log {self.unit.name}"
            )
            self._work.again_in(AGAIN)
        return False


def is_wanted(settings: Settings) -> bool:
    """Return whether anything can ask for extensions."""
    extensions = settings.extensions
    by_repository = extensions.sources and settings.hooks.trust != Verdict.OFF
    by_owner = extensions.wanted or extensions.folder.is_dir()
    return settings.editor.enabled and bool(by_owner or by_repository)


KIND = Kind(
    "extensions",
    "extensions of the editor",
    is_wanted,
    carry_out,
    after=lambda _: ("clone", "hooks"),
)

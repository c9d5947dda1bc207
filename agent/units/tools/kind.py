"""The kind `tools`: brings the AI tools that are wanted and missing, one after the other."""

from collections.abc import Sequence

from agent.settings.everything import Settings
from agent.tools.all import TOOLS
from agent.tools.tool import UNIT, AiTool, find_wanted
from agent.units.tools.installer import (
    TIME_LIMIT,
    Installer,
    LackError,
    TimeLimitError,
    ToolError,
)
from agent.units.unit import Kind, StoppedError, Unit, Work


def is_wanted(settings: Settings) -> bool:
    """Return whether any tool is to be there."""
    return bool(find_wanted(TOOLS, settings))


def carry_out(work: Work) -> None:
    """Install what the settings ask for."""
    wanted = find_wanted(TOOLS, work.context.settings)
    install(work, [tool for tool in wanted if work.only in ("", tool.name)])


def install(work: Work, chosen: Sequence[AiTool]) -> list[Unit]:
    """Install what is due of these, wanted or not; return their units."""
    units = []
    settings = work.context.settings
    try:
        for tool in chosen:
            by_hand = "" if asks_for(settings, tool.name) else f"devcopilot tools {tool.name}"
            unit = work.part(tool.name, by_hand)
            units.append(unit)
            install_one(work, tool, unit)
    except StoppedError:
        return units
    wanted = find_wanted(TOOLS, settings)
    if wanted:
        work.settle(work.part(tool.name) for tool in wanted)
    return units


def install_one(work: Work, tool: AiTool, unit: Unit) -> None:
    """Install a tool if it is due, and note how it stands. Raises StoppedError."""
    installer = Installer(work.context.facts, unit, behind=not work.again)
    try:
        installer.clean(tool)
        if not installer.is_due(tool):
            unit.done("it is installed")
            return
        unit.begin()
        installer.install(tool)
    except LackError as error:
        unit.skip(str(error), error.hint)
    except ToolError as error:
        unit.fail(str(error), error.hint or unit.again)
    except TimeLimitError:
        unit.time_out(TIME_LIMIT, unit.again)
    except OSError as error:
        unit.fail_for(error, unit.again)
    else:
        unit.done()


def asks_for(settings: Settings, part: str) -> bool:
    """Return whether a tool is to be there."""
    return part in [tool.name for tool in find_wanted(TOOLS, settings)]


KIND = Kind(UNIT, "AI tools", is_wanted, carry_out, asks_for=asks_for)

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
    try:
        for tool in chosen:
            unit = work.part(tool.name)
            units.append(unit)
            install_one(work, tool, unit)
    except StoppedError:
        return units
    wanted = find_wanted(TOOLS, work.context.settings)
    if wanted:
        work.settle(work.part(tool.name) for tool in wanted)
    return units


def install_one(work: Work, tool: AiTool, unit: Unit) -> None:
    """Install a tool if it is due, and note how it stands. Raises StoppedError."""
    installer = Installer(work.context.facts, unit, behind=not work.again)
    hint = f"devcopilot rerun {unit.name}"
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
        unit.fail(str(error), error.hint or hint)
    except TimeLimitError:
        unit.time_out(TIME_LIMIT, hint)
    except OSError as error:
        unit.fail_for(error, hint)
    else:
        unit.done()


KIND = Kind(UNIT, "AI tools", is_wanted, carry_out)

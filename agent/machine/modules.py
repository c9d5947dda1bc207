"""Loads modules that only some commands or answers need."""

import gc
import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def load(name: str) -> "ModuleType":
    """Return the module of this name. Nothing is collected meanwhile: what modules make stays."""
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.enable()

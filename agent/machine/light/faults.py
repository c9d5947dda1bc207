"""A fault of our own in a few words."""

import os

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(__file__))) + os.sep


def describe(error: BaseException) -> str:
    """Return the kind of an exception and the innermost line of ours that it came through.

    Its text is left out: it may hold a secret.
    """
    lines = []
    trace = error.__traceback__
    while trace is not None:
        lines.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        trace = trace.tb_next
    ours = [line for line in lines if line.startswith(_ROOT)]
    return f"{type(error).__name__} at {(ours or lines or ['?'])[-1]}"

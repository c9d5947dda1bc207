"""A plug-in of supervisord: what it starts can be ended from its first moment on.

What supervisord forks makes its own process group, and then becomes the program. Until then a
signal to that group finds nobody, and TERM finds supervisord's own handler, which notes it where
nobody looks: the service would go on until it is killed, most of the time to stop later.
"""

import contextlib
import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plug_in(supervisord: "Any") -> object:
    """Have this supervisord fork as `fork` does; return an RPC interface without any method.

    A factory of RPC interfaces is how supervisord lets itself be extended: it is called once,
    before the first service starts. See https://supervisord.org/configuration.html,
    "[rpcinterface:x] Section Settings".
    """
    supervisord.options.fork = fork
    return object()


def fork() -> int:
    """Fork; return the child's number, and 0 in the child. Raises OSError.

    When it returns, the child leads a process group and has no signal handlers.
    """
    handled = {number for number in signal.valid_signals() if callable(signal.getsignal(number))}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, handled)
    try:
        child = os.fork()
        if child == 0:
            for number in handled:
                signal.signal(number, signal.SIG_DFL)
        # Both do it, since either may come first; then the child may be the program already.
        with contextlib.suppress(OSError):
            os.setpgid(child, child)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return child

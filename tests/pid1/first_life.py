"""Run the first life with another program in the place of `configure`: FIRST… -- CMD…

TIME_LIMIT in the environment is the time that it gets.
"""

import os
import sys

from agent.init import bootstrap, signals

signals.block()
mark = sys.argv.index("--")
program = sys.argv[1:mark]
if "TIME_LIMIT" in os.environ:
    setattr(bootstrap, "TIME_LIMIT", float(os.environ["TIME_LIMIT"]))  # noqa: B010 - it is a constant
sys.exit(bootstrap.run(sys.argv[mark + 1 :], lambda _: os.execvp(program[0], program)))

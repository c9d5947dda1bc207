"""Run the first life with another program in the place of `configure`: FIRST… -- CMD…

TIME_LIMIT in the environment is the time that it gets, PROCESSOR_LIMIT that of a processor.
"""

import os
import sys

from agent.init import bootstrap, signals

signals.block()
mark = sys.argv.index("--")
program = sys.argv[1:mark]
for name in {"TIME_LIMIT", "PROCESSOR_LIMIT"} & set(os.environ):
    setattr(bootstrap, name, float(os.environ[name]))
sys.exit(bootstrap.run(sys.argv[mark + 1 :], lambda _: os.execvp(program[0], program)))

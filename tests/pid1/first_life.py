"""Run the first life with another program in the place of `configure`: FIRST… -- CMD…"""

import sys

from agent.init import first_life, signals

signals.block()
mark = sys.argv.index("--")
setattr(first_life, "CONFIGURE", tuple(sys.argv[1:mark]))  # noqa: B010 - it is a constant
sys.exit(first_life.run(sys.argv[mark + 1 :]))

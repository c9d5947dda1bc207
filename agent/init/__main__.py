"""`python -I -m agent.init --booted RUNTIME [--cores N] [--early …] -- CMD…`: the second life."""

import sys

from agent.init.entry import resume

sys.exit(resume(sys.argv[1:]))

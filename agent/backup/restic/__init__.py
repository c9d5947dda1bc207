"""restic, as the agent runs it."""

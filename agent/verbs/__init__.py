"""The verbs of the `devcopilot` command, one module each."""

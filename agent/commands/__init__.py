"""The verbs of `devcopilot`, a file each. Only here: options, standard output, JSON for people."""

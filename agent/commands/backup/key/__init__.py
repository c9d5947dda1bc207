"""Make a password for backups, and list, add and remove the passwords of the targets."""

COMMANDS = {
    "make": "print a new password, and do nothing else with it",
    "list": "list what opens the targets, without the passwords",
    "add": "make a password for an emergency, add it to every target, and show it once",
    "remove": "make a password worthless",
}
"""Each command with its one-line help, a file each, in the order of `--help`."""

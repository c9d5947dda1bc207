"""Make a password for backups, and list, add and remove the passwords of the destinations."""

COMMANDS = {
    "make": "print a new password without using it",
    "list": "list the passwords of each destination, without showing them",
    "add": "create an emergency password, add it to every destination, and show it once",
    "remove": "remove a password",
}
"""Each command with its one-line help, a file each, in the order of `--help`."""

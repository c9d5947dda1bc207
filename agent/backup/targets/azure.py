"""A container of Azure Blob Storage, through rclone: Debian's restic is built without Azure.

rclone gets everything from its own variables, so no file of it is read or written.
https://rclone.org/docs/#config-file and https://rclone.org/azureblob/
"""

from agent.backup.target import Target, TargetKind, name_workspace, reveal
from agent.machine.errors import Problem
from agent.machine.system import Facts
from agent.settings.everything import Settings
from agent.settings.urls import is_in_clear

PROGRAM = "rclone"
REMOTE = "AZURE"
"""Name of the remote; rclone reads its options from RCLONE_CONFIG_AZURE_*."""


def find(settings: Settings, facts: Facts) -> Target | Problem | None:
    """Return the target that AZURE_STORAGE_CONTAINER names."""
    backup = settings.backup
    if not backup.container:
        return None
    key, sas = facts.secret(backup.azure_key), facts.secret(backup.azure_sas)
    for found in (key, sas):
        if isinstance(found, Problem):
            return found
    if not backup.account:
        return Problem("cannot back up to azure: no account is set", "set AZURE_STORAGE_ACCOUNT")
    if backup.azure_endpoint and not key and is_in_clear(backup.azure_endpoint):
        return Problem(
            f"cannot back up to azure: {backup.azure_endpoint} would receive the SAS token, or the "
            "login of `az`, unencrypted",
            "use https in DEV8_BACKUP_AZURE_ENDPOINT, or set AZURE_STORAGE_KEY, which is only used "
            "to sign requests",
        )
    program = facts.which(PROGRAM)
    if program is None:
        return Problem("cannot back up to azure: rclone is not installed", "use dev8-mvp")
    server = backup.azure_endpoint or f"https://{backup.account}.blob.core.windows.net"
    options = {"TYPE": "azureblob", "ACCOUNT": backup.account, "ENDPOINT": backup.azure_endpoint}
    if key:
        options["KEY"] = reveal(key)
    elif sas:
        options["SAS_URL"] = f"{server}/{backup.container}?{reveal(sas).removeprefix('?')}"
    else:
        options["USE_AZ"] = "true"
    environment = {
        f"RCLONE_CONFIG_{REMOTE}_{name}": value for name, value in options.items() if value
    }
    place = f"{backup.container}/{backup.azure_prefix}/{name_workspace(settings)}"
    return Target(
        "azure",
        f"rclone:{REMOTE}:{place}",
        {"RCLONE_CONFIG": "/dev/null", **environment},
        (f"rclone.program={program}",),
        server=server,
    )


TARGET = TargetKind("azure", "AZURE_STORAGE_CONTAINER", lambda backup: bool(backup.container), find)

"""A bucket of S3, or of a server that speaks its protocol."""

from agent.backup.target import Target, TargetKind, name_workspace, reveal
from agent.machine.errors import Problem
from agent.machine.light import texts
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.settings.everything import Settings

AWS_OWN = "AWS_"
"""How AWS's own variables begin: keys, profiles, roles of a container or a cluster. restic and
rclone read them when no key is given for backups."""
AWS = "https://s3.amazonaws.com"


def find(settings: Settings, facts: Facts) -> Target | Problem | None:
    """Return the target that AWS_S3_BUCKET names."""
    backup = settings.backup
    if not backup.bucket:
        return None
    key = facts.secret(backup.s3_key)
    if isinstance(key, Problem):
        return key
    if bool(key) != bool(backup.s3_key_id):
        given, missing = "DEV8_BACKUP_S3_SECRET_ACCESS_KEY", "DEV8_BACKUP_S3_ACCESS_KEY_ID"
        if not key:
            given, missing = missing, given
        return Problem(
            f"cannot back up to s3: {given} is set without {missing}",
            f"set {missing} too, or unset {given}",
        )
    extra = backup.s3_extra or {}
    endpoint = (
        backup.s3_endpoint or extra.get("endpoint") or backup.s3_aws_endpoint or AWS
    ).rstrip("/")
    options = {
        "s3.region": backup.s3_region or extra.get("region"),
        "s3.storage-class": backup.s3_storage_class or extra.get("storage_class"),
    }
    place = f"{endpoint}/{backup.bucket}/{backup.s3_prefix}/{name_workspace(settings)}"
    return Target(
        "s3",
        f"s3:{place}",
        find_credentials(backup.s3_key_id, key, facts),
        tuple(f"{name}={value}" for name, value in options.items() if value),
        server=endpoint,
    )


def find_credentials(key_id: str | None, key: Secret | None, facts: Facts) -> dict[str, str]:
    """Return the variables with the key for backups; without one those of AWS that are set."""
    if key and key_id:
        return {
            "AWS_ACCESS_KEY_ID": key_id,
            "AWS_SECRET_ACCESS_KEY": reveal(key),
            "AWS_SESSION_TOKEN": "",  # one that the container has would belong to another key
        }
    return {
        name: texts.unwrap(value)  # docker's --env-file keeps quotes
        for name, value in facts.user_environ.items()
        if name.startswith(AWS_OWN) and value
    }


TARGET = TargetKind("s3", "AWS_S3_BUCKET", lambda backup: bool(backup.bucket), find)

"""The variables of backups: a group like those of `agent.settings.groups`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.machine.secret import SecretInput
from agent.settings.parsers import (
    Schedule,
    absolute_path,
    bucket_name,
    byte_size,
    command,
    count,
    duration,
    home_words,
    identifier,
    keep_rules,
    key_prefix,
    positive_duration,
    s3_options,
    schedule,
    single_line,
    switch,
    workspace_patterns,
)
from agent.settings.urls import http_url
from agent.settings.variable import secret, variable


@dataclass(frozen=True)
class Backup:
    """Backups."""

    enabled: bool = variable(
        "DEV8_BACKUP",
        switch,
        "Make backups by themselves, where a target is named below.",
        default="true",
        aliases=("WORKSPACE_BACKUP_ENABLED",),
    )
    schedule: Schedule | None = variable(
        "DEV8_BACKUP_SCHEDULE",
        schedule,
        "When: the time between two backups, a cron line (`0 3 * * *`) in the time of TZ, or off. "
        "Without a change since the last one none is made.",
        default="30m",
        aliases=("WORKSPACE_BACKUP_INTERVAL", "SUPERVISOR_BACKUP_INTERVAL"),
    )
    on_stop: bool = variable(
        "DEV8_BACKUP_ON_STOP",
        switch,
        "Make one more when the container stops, in what is left of DEV8_STOP_TIMEOUT.",
        default="true",
    )
    password: SecretInput | None = secret(
        "DEV8_BACKUP_PASSWORD",
        "Password that encrypts the backups; keep it outside of the container. "
        "`devcopilot backup key make` makes one.",
    )
    password_command: tuple[str, ...] | None = variable(
        "DEV8_BACKUP_PASSWORD_COMMAND", command, "Command that prints this password."
    )
    folder: Path | None = variable(
        "BACKUP_DIR", absolute_path, "Back up to this folder; put it on a volume of its own."
    )
    bucket: str | None = variable(
        "AWS_S3_BUCKET", bucket_name, "Back up to this bucket of S3, or of a server like it."
    )
    s3_prefix: str = variable(
        "AWS_S3_PREFIX", key_prefix, "Folder in the bucket.", default="backups"
    )
    s3_extra: Mapping[str, str] | None = variable(
        "AWS_S3_EXTRA_ARGS",
        s3_options,
        "Options as of `aws s3 cp`; --endpoint-url, --region and --storage-class are understood.",
    )
    s3_endpoint: str | None = variable(
        "DEV8_BACKUP_S3_ENDPOINT", http_url, "Server of the bucket, if it is not AWS's."
    )
    s3_aws_endpoint: str | None = variable(
        "AWS_ENDPOINT_URL_S3",
        http_url,
        "Server of the bucket as the AWS CLI is told it; it holds where neither "
        "DEV8_BACKUP_S3_ENDPOINT nor AWS_S3_EXTRA_ARGS names one.",
        aliases=("AWS_ENDPOINT_URL",),
    )
    s3_region: str | None = variable(
        "DEV8_BACKUP_S3_REGION",
        identifier,
        "Region of the bucket.",
        aliases=("AWS_REGION", "AWS_DEFAULT_REGION"),
    )
    s3_storage_class: str | None = variable(
        "DEV8_BACKUP_S3_STORAGE_CLASS", identifier, "Storage class of what is uploaded."
    )
    s3_key_id: str | None = variable(
        "DEV8_BACKUP_S3_ACCESS_KEY_ID",
        single_line,
        "Access key for the bucket; without one, AWS's own variables, files and roles are asked.",
    )
    s3_key: SecretInput | None = secret(
        "DEV8_BACKUP_S3_SECRET_ACCESS_KEY", "The secret to that access key."
    )
    container: str | None = variable(
        "AZURE_STORAGE_CONTAINER",
        bucket_name,
        "Back up to this container of Azure Blob Storage.",
        aliases=("AZURE_BLOB_CONTAINER",),
    )
    azure_prefix: str = variable(
        "AZURE_BLOB_PREFIX", key_prefix, "Folder in the container.", default="backups"
    )
    account: str | None = variable(
        "AZURE_STORAGE_ACCOUNT",
        identifier,
        "Storage account of that container.",
        aliases=("AZURE_BLOB_ACCOUNT_NAME",),
    )
    azure_endpoint: str | None = variable(
        "DEV8_BACKUP_AZURE_ENDPOINT",
        http_url,
        "Server of the account, if it is not the public cloud's.",
        aliases=("AZURE_BLOB_ENDPOINT",),
    )
    azure_key: SecretInput | None = secret(
        "AZURE_STORAGE_KEY",
        "Key of the account; without it and a SAS token, the login of `az` is used.",
        aliases=("AZURE_BLOB_ACCOUNT_KEY",),
    )
    azure_sas: SecretInput | None = secret(
        "AZURE_STORAGE_SAS_TOKEN",
        "SAS token for the container, instead of the key.",
        aliases=("AZURE_BLOB_SAS_TOKEN",),
    )
    home: tuple[str, ...] | None = variable(
        "DEV8_BACKUP_HOME",
        home_words,
        "What of the home is backed up besides the workspace: paths below the home. +PATH adds to "
        "the list that `devcopilot backup list --content` shows, -PATH takes away.",
    )
    exclude: tuple[str, ...] | None = variable(
        "DEV8_BACKUP_EXCLUDE",
        workspace_patterns,
        "What of the workspace is left out: patterns relative to it, one a line or with commas "
        "between them, such as /data/*.bin. Nothing is left out by itself but caches that say so "
        "in a CACHEDIR.TAG.",
    )
    before: tuple[str, ...] | None = variable(
        "DEV8_BACKUP_PRE", command, "Command that runs before a backup, such as a database's dump."
    )
    after: tuple[str, ...] | None = variable(
        "DEV8_BACKUP_POST", command, "Command that runs after a backup, whatever became of it."
    )
    hook_timeout: float = variable(
        "DEV8_BACKUP_HOOK_TIMEOUT",
        positive_duration,
        "Time that each of these two has.",
        default="1m",
    )
    retention_days: int = variable(
        "BACKUP_RETENTION_DAYS",
        count,
        "Days for which one backup a day is kept, where DEV8_BACKUP_KEEP says nothing.",
        default="7",
    )
    keep: Mapping[str, int] | None = variable(
        "DEV8_BACKUP_KEEP",
        keep_rules,
        "Which backups are kept, such as last=3,hourly=24,daily=7,weekly=4,monthly=6. The newest "
        "is always kept.",
    )
    prune_interval: float = variable(
        "DEV8_BACKUP_PRUNE_INTERVAL",
        duration,
        "Time between two clean-ups of the space that forgotten backups took; 0: never.",
        default="168h",
    )
    verify_interval: float = variable(
        "DEV8_BACKUP_VERIFY_INTERVAL",
        duration,
        "Time between two checks: a part of the data is read back, some files are restored and "
        "compared; 0: never.",
        default="24h",
    )
    memory: int | None = variable(
        "DEV8_BACKUP_MEMORY",
        byte_size,
        "Memory that a backup should stay below, such as 100M; less of it is slower.",
    )

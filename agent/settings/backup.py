"""Backups. To add a variable, add a field."""

from collections.abc import Mapping
from pathlib import Path

from agent.machine.light import texts
from agent.machine.secret import SecretInput
from agent.machine.values import frozen
from agent.settings.lists import home_words, keep_rules, workspace_patterns
from agent.settings.parsers import (
    Schedule,
    bucket_name,
    byte_size,
    command,
    count,
    data_folder,
    duration,
    identifier,
    key_prefix,
    positive_duration,
    s3_options,
    schedule,
    single_line,
    switch,
)
from agent.settings.storage import azure_key, sas_token
from agent.settings.urls import http_url
from agent.settings.variable import secret, variable


@frozen
class Backup:
    """Backups."""

    enabled: bool = variable(
        "DEV8_BACKUP",
        switch,
        "Back up automatically if a destination is set.",
        default="true",
        aliases=("WORKSPACE_BACKUP_ENABLED",),
    )
    schedule: Schedule | None = variable(
        "DEV8_BACKUP_SCHEDULE",
        schedule,
        "Interval between two backups, a cron line (`0 3 * * *`) in the time zone TZ, or off. "
        "Skipped if nothing changed since the last backup, unless a program has a file of the "
        "workspace mapped into memory for writing.",
        default="30m",
        aliases=("WORKSPACE_BACKUP_INTERVAL", "SUPERVISOR_BACKUP_INTERVAL"),
    )
    on_stop: bool = variable(
        "DEV8_BACKUP_ON_STOP",
        switch,
        "Back up when the container stops, in the time that remains of DEV8_STOP_TIMEOUT.",
        default="true",
    )
    password: SecretInput | None = secret(
        "DEV8_BACKUP_PASSWORD",
        texts.password,
        "Password that encrypts the backups; keep a copy outside the container. "
        "`devcopilot backup key make` generates one.",
    )
    password_command: tuple[str, ...] | None = variable(
        "DEV8_BACKUP_PASSWORD_COMMAND", command, "Command that prints this password."
    )
    folder: Path | None = variable(
        "BACKUP_DIR", data_folder, "Back up to this folder, which should be on a separate volume."
    )
    bucket: str | None = variable(
        "AWS_S3_BUCKET", bucket_name, "Back up to this bucket on S3 or a compatible server."
    )
    s3_prefix: str = variable(
        "AWS_S3_PREFIX", key_prefix, "Folder in the bucket.", default="backups"
    )
    s3_extra: Mapping[str, str] | None = variable(
        "AWS_S3_EXTRA_ARGS",
        s3_options,
        "Options of `aws s3 cp`; supports --endpoint-url, --region and --storage-class.",
    )
    s3_endpoint: str | None = variable(
        "DEV8_BACKUP_S3_ENDPOINT", http_url, "Server of the bucket, if it is not AWS."
    )
    s3_aws_endpoint: str | None = variable(
        "AWS_ENDPOINT_URL_S3",
        http_url,
        "Server of the bucket, as for the AWS CLI; used if neither DEV8_BACKUP_S3_ENDPOINT nor "
        "AWS_S3_EXTRA_ARGS sets one.",
        aliases=("AWS_ENDPOINT_URL",),
    )
    s3_region: str | None = variable(
        "DEV8_BACKUP_S3_REGION",
        identifier,
        "Region of the bucket.",
        aliases=("AWS_REGION", "AWS_DEFAULT_REGION"),
    )
    s3_storage_class: str | None = variable(
        "DEV8_BACKUP_S3_STORAGE_CLASS", identifier, "Storage class of uploaded files."
    )
    s3_key_id: str | None = variable(
        "DEV8_BACKUP_S3_ACCESS_KEY_ID",
        single_line,
        "Access key for the bucket; by default AWS's own variables, files and roles are used.",
    )
    s3_key: SecretInput | None = secret(
        "DEV8_BACKUP_S3_SECRET_ACCESS_KEY", texts.line, "Secret of that access key."
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
        "Server of the account, if it is not in the public cloud.",
        aliases=("AZURE_BLOB_ENDPOINT",),
    )
    azure_key: SecretInput | None = secret(
        "AZURE_STORAGE_KEY",
        azure_key,
        "Key of the account; without a key or SAS token, the login of `az` is used.",
        aliases=("AZURE_BLOB_ACCOUNT_KEY",),
    )
    azure_sas: SecretInput | None = secret(
        "AZURE_STORAGE_SAS_TOKEN",
        sas_token,
        "SAS token for the container, instead of the key.",
        aliases=("AZURE_BLOB_SAS_TOKEN",),
    )
    home: tuple[str, ...] | None = variable(
        "DEV8_BACKUP_HOME",
        home_words,
        "Paths in the home folder to back up in addition to the workspace. +PATH adds to the list "
        "that `devcopilot backup list --content` shows, -PATH removes from it.",
    )
    exclude: tuple[str, ...] | None = variable(
        "DEV8_BACKUP_EXCLUDE",
        workspace_patterns,
        "Patterns of workspace files to exclude, relative to the workspace, one per line or "
        "separated by commas, such as /data/*.bin. By default only folders marked with a "
        "CACHEDIR.TAG are excluded.",
    )
    before: tuple[str, ...] | None = variable(
        "DEV8_BACKUP_PRE", command, "Command to run before a backup, such as a database dump."
    )
    after: tuple[str, ...] | None = variable(
        "DEV8_BACKUP_POST", command, "Command to run after a backup, whether it succeeded or not."
    )
    hook_timeout: float = variable(
        "DEV8_BACKUP_HOOK_TIMEOUT",
        positive_duration,
        "Time limit for each of these two commands.",
        default="1m",
    )
    retention_days: int = variable(
        "BACKUP_RETENTION_DAYS",
        count,
        "Number of days to keep one backup per day, unless DEV8_BACKUP_KEEP is set.",
        default="7",
    )
    keep: Mapping[str, int] | None = variable(
        "DEV8_BACKUP_KEEP",
        keep_rules,
        "Which backups to keep, such as last=3,hourly=24,daily=7,weekly=4,monthly=6. The newest is "
        "always kept.",
    )
    prune_interval: float = variable(
        "DEV8_BACKUP_PRUNE_INTERVAL",
        duration,
        "Interval between two clean-ups of the disk space of removed backups; 0: never.",
        default="168h",
    )
    verify_interval: float = variable(
        "DEV8_BACKUP_VERIFY_INTERVAL",
        duration,
        "Interval between two verifications, which read back part of the data and restore and "
        "compare some files; 0: never.",
        default="24h",
    )
    memory: int | None = variable(
        "DEV8_BACKUP_MEMORY",
        byte_size,
        "Memory limit for a backup, such as 100M; a lower limit is slower.",
    )

"""The variables of the bash entrypoint and of its later Go supervisor, and what became of each.

`agent.settings.everything` has the variables that the agent reads; this module has all others. The
table in docs/migration.md is generated from both. At the end are variables of other programs that
are hidden from all children.
"""

from typing import Literal

from agent.machine.values import frozen

Verdict = Literal["ignored", "silent"]


@frozen
class OldVariable:
    """A variable that the agent accepts without reading it."""

    name: str
    doc: str
    """The reason, which completes the sentence "NAME is ignored: "."""
    verdict: Verdict = "ignored"
    """ignored: with a warning, because the user asked for something that does not happen.
    silent: nothing is lost."""


@frozen
class KeptVariable:
    """An old variable that the agent still reads."""

    name: str
    doc: str
    """What is different, or that nothing has changed."""


_SAME = "unchanged, with the same default"

_RESTIC = "an encrypted restic repository instead of tar.gz files; `restore` accepts those, too"

_REPORTS = "reports are also sent while nothing changes, and again after a failure"

KEPT: tuple[KeptVariable, ...] = (
    KeptVariable("WORKSPACE_DIR", f"{_SAME}; a folder of the system is refused"),
    KeptVariable("SSH_PUBLIC_KEY", "several lines, options and `cert-authority` work, too"),
    KeptVariable(
        "SSH_PRIVATE_KEY", "any type of key; the file is named after its type, not always id_rsa"
    ),
    KeptVariable("GITHUB_TOKEN", "works: the login no longer fails because the variable is set"),
    KeptVariable("GH_TOKEN", "read when GITHUB_TOKEN is not set"),
    KeptVariable("GIT_USER_NAME", "a default that your own git configuration overrides"),
    KeptVariable("GIT_USER_EMAIL", "a default that your own git configuration overrides"),
    KeptVariable("ANTHROPIC_API_KEY", "passed in a file instead of ~/.bashrc"),
    KeptVariable("OPENAI_API_KEY", "passed in a file instead of ~/.bashrc"),
    KeptVariable("GEMINI_API_KEY", "passed in a file instead of ~/.bashrc"),
    KeptVariable("CODE_SERVER_AUTH", _SAME),
    KeptVariable("CODE_SERVER_PASSWORD", "any text works; there is no default password any more"),
    KeptVariable("ENVIRONMENT_ID", "required only for reports; without it the workspace starts"),
    KeptVariable("WORKSPACE_ID", "another name of ENVIRONMENT_ID"),
    KeptVariable("BACKUP_DIR", f"{_RESTIC}; without it there is no local backup"),
    KeptVariable("BACKUP_RETENTION_DAYS", "one backup per day is kept for this many days"),
    KeptVariable("AWS_S3_BUCKET", _RESTIC),
    KeptVariable("AWS_S3_PREFIX", _SAME),
    KeptVariable("AWS_S3_EXTRA_ARGS", "supports --endpoint-url, --region and --storage-class"),
    KeptVariable("AZURE_STORAGE_ACCOUNT", _SAME),
    KeptVariable("AZURE_STORAGE_CONTAINER", _RESTIC),
    KeptVariable("AZURE_BLOB_PREFIX", _SAME),
    KeptVariable("AZURE_STORAGE_KEY", "used only for backups; for the Azure CLI run `az login`"),
    KeptVariable("WORKSPACE_BACKUP_ENABLED", "another name of DEV8_BACKUP"),
    KeptVariable("WORKSPACE_BACKUP_INTERVAL", "another name of DEV8_BACKUP_SCHEDULE"),
    KeptVariable("SUPERVISOR_BACKUP_INTERVAL", "another name of DEV8_BACKUP_SCHEDULE; 0: off"),
    KeptVariable("AZURE_BLOB_ACCOUNT_NAME", "another name of AZURE_STORAGE_ACCOUNT"),
    KeptVariable("AZURE_BLOB_ACCOUNT_KEY", "another name of AZURE_STORAGE_KEY"),
    KeptVariable("AZURE_BLOB_CONTAINER", "another name of AZURE_STORAGE_CONTAINER"),
    KeptVariable("AZURE_BLOB_SAS_TOKEN", "another name of AZURE_STORAGE_SAS_TOKEN"),
    KeptVariable("AZURE_BLOB_ENDPOINT", "another name of DEV8_BACKUP_AZURE_ENDPOINT"),
    KeptVariable("SUPERVISOR_MONITOR_INTERVAL", "at least 15s"),
    KeptVariable("MONITOR_INTERVAL", "another name of SUPERVISOR_MONITOR_INTERVAL"),
    KeptVariable("SUPERVISOR_HTTP_ENABLED", "the API also needs SUPERVISOR_HTTP_ADDR or reports"),
    KeptVariable(
        "SUPERVISOR_HTTP_ADDR", "an address that others can reach needs DEV8_API_PASSWORD"
    ),
    KeptVariable("SUPERVISOR_AGENT_ENABLED", "without a URL, nothing is reported"),
    KeptVariable("SUPERVISOR_AGENT_BASE_URL", _REPORTS),
    KeptVariable("SUPERVISOR_AGENT_ACTIVITY_ENDPOINT", "unchanged; ENVIRONMENT_ID is optional"),
    KeptVariable("SUPERVISOR_AGENT_API_KEY", "also as SUPERVISOR_AGENT_API_KEY_FILE"),
    KeptVariable("SUPERVISOR_AGENT_TIMEOUT", "unchanged, with the same default; at most 30s"),
    KeptVariable("AGENT_ENABLED", "another name of SUPERVISOR_AGENT_ENABLED"),
    KeptVariable("AGENT_BASE_URL", "another name of SUPERVISOR_AGENT_BASE_URL"),
    KeptVariable("AGENT_URL", "another name of SUPERVISOR_AGENT_BASE_URL"),
    KeptVariable("AGENT_REPORT_INTERVAL", _SAME),
)
"""In the order of the original's documentation."""

_MOUNT = "nothing is mounted; backups go directly to the storage"
_KEYS_ONLY = "ssh accepts public keys only; set SSH_PUBLIC_KEY"

VARIABLES: tuple[OldVariable, ...] = (
    OldVariable("SSH_PASSWORD", _KEYS_ONLY),
    OldVariable("AZURE_EXTRA_ARGS", "set AZURE_STORAGE_KEY_FILE, or log in with `az login`"),
    OldVariable("SUPERVISOR_BACKUP_MOUNT_PATH", f"{_MOUNT}; set AZURE_STORAGE_CONTAINER"),
    OldVariable("SUPERVISOR_BACKUP_EXCLUDES", "use DEV8_BACKUP_EXCLUDE"),
    OldVariable("SUPERVISOR_BACKUP_SNAPSHOT_PATH", "use AZURE_BLOB_PREFIX"),
    OldVariable(
        "SUPERVISOR_BACKUP_SYNC_ON_ACTIVITY", "a backup is made only if something changed", "silent"
    ),
    OldVariable("SUPERVISOR_MOUNT_ENABLE", _MOUNT),
    OldVariable("SUPERVISOR_BLOBFUSE_TMP", _MOUNT),
    OldVariable("SUPERVISOR_BLOBFUSE_BIN", _MOUNT),
    OldVariable("SUPERVISOR_BLOBFUSE_ALLOW_OTHER", _MOUNT),
    OldVariable("SUPERVISOR_LOG_FILE", "the log goes to the container's output"),
    OldVariable("SUPERVISOR_PORT", "it was never used", "silent"),
    OldVariable("REPORT_INTERVAL", "it was never used; AGENT_REPORT_INTERVAL is", "silent"),
    OldVariable("USER_ID", "only the control plane used it", "silent"),
    OldVariable("DEV8_USER", "the user is fixed when the image is built", "silent"),
    OldVariable("DEV8_UID", "the user is fixed when the image is built", "silent"),
    OldVariable("DEV8_GID", "the user is fixed when the image is built", "silent"),
)

_BEATS = "it would override the fresh token forever; set GITHUB_TOKEN"

WITHHELD: tuple[OldVariable, ...] = (
    OldVariable("COPILOT_GITHUB_TOKEN", _BEATS),
    OldVariable("GH_ENTERPRISE_TOKEN", f"{_BEATS} and GH_HOST"),
    OldVariable("GITHUB_ENTERPRISE_TOKEN", f"{_BEATS} and GH_HOST"),
)
"""Tokens of Copilot and gh, which are hidden from all children."""

SECRETS = frozenset(old.name for old in WITHHELD) | {"SSH_PASSWORD"}
"""Unused variables that hold a secret: they are hidden from all children."""

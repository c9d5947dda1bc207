import re

import pytest

from agent.settings.compatibility import KEPT, SECRETS, VARIABLES, WITHHELD, OldVariable
from agent.settings.everything import Settings, find_warnings, variables


def find_names(text: str) -> list[str]:
    return re.findall(r"\w+", text)


ENTRYPOINT = find_names("""
WORKSPACE_DIR SSH_PUBLIC_KEY SSH_PRIVATE_KEY GITHUB_TOKEN GH_TOKEN GIT_USER_NAME GIT_USER_EMAIL
ANTHROPIC_API_KEY OPENAI_API_KEY CODE_SERVER_AUTH CODE_SERVER_PASSWORD DEV8_USER DEV8_UID DEV8_GID
SSH_PASSWORD GEMINI_API_KEY
BACKUP_DIR BACKUP_RETENTION_DAYS AWS_S3_BUCKET AWS_S3_PREFIX AWS_S3_EXTRA_ARGS AZURE_STORAGE_ACCOUNT
AZURE_STORAGE_CONTAINER AZURE_BLOB_PREFIX AZURE_EXTRA_ARGS
""")
SUPERVISOR = find_names("""
SUPERVISOR_MONITOR_INTERVAL SUPERVISOR_LOG_FILE SUPERVISOR_BACKUP_INTERVAL
SUPERVISOR_BACKUP_MOUNT_PATH SUPERVISOR_BACKUP_EXCLUDES SUPERVISOR_BACKUP_SNAPSHOT_PATH
SUPERVISOR_BACKUP_SYNC_ON_ACTIVITY SUPERVISOR_MOUNT_ENABLE SUPERVISOR_BLOBFUSE_TMP
SUPERVISOR_BLOBFUSE_BIN SUPERVISOR_BLOBFUSE_ALLOW_OTHER AZURE_BLOB_ACCOUNT_NAME
AZURE_BLOB_ACCOUNT_KEY AZURE_BLOB_CONTAINER AZURE_BLOB_SAS_TOKEN AZURE_BLOB_ENDPOINT
SUPERVISOR_HTTP_ENABLED SUPERVISOR_HTTP_ADDR SUPERVISOR_AGENT_ENABLED SUPERVISOR_AGENT_BASE_URL
SUPERVISOR_AGENT_ACTIVITY_ENDPOINT SUPERVISOR_AGENT_API_KEY SUPERVISOR_AGENT_TIMEOUT ENVIRONMENT_ID
WORKSPACE_ID USER_ID AGENT_BASE_URL AGENT_ENABLED MONITOR_INTERVAL WORKSPACE_BACKUP_ENABLED
WORKSPACE_BACKUP_INTERVAL AZURE_STORAGE_KEY SUPERVISOR_PORT REPORT_INTERVAL AGENT_URL
AGENT_REPORT_INTERVAL
""")


def test_every_variable_of_old_has_an_outcome() -> None:
    known = {kept.name for kept in KEPT} | {old.name for old in VARIABLES}
    assert known == {*ENTRYPOINT, *SUPERVISOR}


def test_kept_variables_are_read() -> None:
    read = {name for _, entry in variables() for name in entry.names}
    assert {kept.name for kept in KEPT} <= read
    assert not {old.name for old in VARIABLES} & read


@pytest.mark.parametrize("old", [*VARIABLES, *WITHHELD], ids=lambda old: old.name)
def test_a_variable_without_use_is_accepted(old: OldVariable) -> None:
    environ = {old.name: "something"}
    assert Settings.from_environ(environ) == Settings.from_environ({})
    warnings = [str(warning) for warning in find_warnings(environ)]
    assert len(warnings) == (1 if old.verdict == "ignored" else 0)
    assert all(line.startswith(f"{old.name} is ignored: ") for line in warnings)
    assert find_warnings({old.name: ""}) == ()


def test_secrets_among_them_are_known() -> None:
    entries = {old.name: old for old in (*VARIABLES, *WITHHELD)}
    suspicious = {name for name in entries if name.endswith(("_KEY", "_TOKEN", "PASSWORD"))}
    assert suspicious == SECRETS
    assert {entries[name].verdict for name in SECRETS} == {"ignored"}, "something is lost"

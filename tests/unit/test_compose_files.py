"""docker/compose.yaml and .env.example name the same variables, and none that nobody reads."""

import re
from pathlib import Path
from typing import Any

import yaml

from agent.settings.everything import Settings, variables
from agent.settings.parsers import positive_duration

FOLDER = Path(__file__).resolve().parents[2] / "docker"
COMPOSE = (FOLDER / "compose.yaml").read_text()
EXAMPLE = (FOLDER / ".env.example").read_text()
SERVICE: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]["workspace"]
READ_BY_COMPOSE_ITSELF = {"COMPOSE_PROJECT_NAME"}

LEFT_OUT = {
    "DEV8_READY_ADDRESS": "Compose has no such probes",
    "WORKSPACE_DIR": "a volume lies at its default",
    "DEV8_STATE_DIR": "it lies in the home, which is a volume",
    "DEV8_RUNTIME_DIR": "it lies in /dev/shm",
    "DEV8_SERVICES_DIR": "it lies in the home; an override file can mount /etc/devcopilot",
    "DEV8_SSH_PORT": "SSH_PORT says where it is reached",
    "DEV8_SSH_ADDRESS": "what may reach it is the business of `ports:`",
    "DEV8_CODE_SERVER_PORT": "IDE_PORT says where it is reached",
    "DEV8_CODE_SERVER_ADDRESS": "what may reach it is the business of `ports:`",
    "GH_TOKEN": "another name of GITHUB_TOKEN",
    "GH_TOKEN_FILE": "another name of GITHUB_TOKEN_FILE",
    "WORKSPACE_ID": "another name of ENVIRONMENT_ID",
    "AGENT_ENABLED": "another name of SUPERVISOR_AGENT_ENABLED",
    "AGENT_BASE_URL": "another name of SUPERVISOR_AGENT_BASE_URL",
    "AGENT_URL": "another name of SUPERVISOR_AGENT_BASE_URL",
    "MONITOR_INTERVAL": "another name of SUPERVISOR_MONITOR_INTERVAL",
    "WORKSPACE_BACKUP_ENABLED": "another name of DEV8_BACKUP",
    "WORKSPACE_BACKUP_INTERVAL": "another name of DEV8_BACKUP_SCHEDULE",
    "SUPERVISOR_BACKUP_INTERVAL": "another name of DEV8_BACKUP_SCHEDULE",
    "AWS_ENDPOINT_URL": "DEV8_BACKUP_S3_ENDPOINT says it for the backups",
    "AWS_ENDPOINT_URL_S3": "DEV8_BACKUP_S3_ENDPOINT says it for the backups",
    "AWS_REGION": "another name of DEV8_BACKUP_S3_REGION",
    "AWS_DEFAULT_REGION": "another name of DEV8_BACKUP_S3_REGION",
    "AZURE_BLOB_CONTAINER": "another name of AZURE_STORAGE_CONTAINER",
    "AZURE_BLOB_ACCOUNT_NAME": "another name of AZURE_STORAGE_ACCOUNT",
    "AZURE_BLOB_ENDPOINT": "another name of DEV8_BACKUP_AZURE_ENDPOINT",
    "AZURE_BLOB_ACCOUNT_KEY_FILE": "another name of AZURE_STORAGE_KEY_FILE",
    "AZURE_BLOB_SAS_TOKEN_FILE": "another name of AZURE_STORAGE_SAS_TOKEN_FILE",
}
"""What the agent reads and compose.yaml does not pass on, and why; beside secrets as values."""

COUPLED = {"DEV8_GRACE_PERIOD": "stop_grace_period"}
"""What the agent is told of the engine's own settings."""

used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE))
documented = dict(re.findall(r"(?m)^#?([A-Z]\w+)=(.*)$", EXAMPLE))
known = {name: entry for _, entry in variables() for name in entry.names}


def test_the_example_documents_what_is_used_and_nothing_else() -> None:
    assert documented.keys() == used.keys() | READ_BY_COMPOSE_ITSELF
    assert COMPOSE.count("${") == len(used), "each variable once, with a default"


def test_what_is_passed_on_is_all_that_the_agent_reads_but_what_is_left_out() -> None:
    passed = SERVICE["environment"]
    values = {name for name, entry in known.items() if entry.secret and not name.endswith("_FILE")}
    assert sorted([*passed, *LEFT_OUT, *(values - LEFT_OUT.keys())]) == sorted(known)
    plain = {name: value for name, value in passed.items() if name not in COUPLED}
    assert all(value == f"${{{name}:-}}" for name, value in plain.items())
    for name, field in COUPLED.items():
        assert passed[name] == SERVICE[field], f"{field} sets both"


def test_secrets_are_passed_as_files_only() -> None:
    secret = {name for name, entry in known.items() if entry.secret}
    passed = SERVICE["environment"].keys() & secret
    assert passed == {f"{entry.name}_FILE" for entry in known.values() if entry.secret}


def test_the_example_shows_the_real_defaults() -> None:
    for name, shown in documented.items():
        default = used.get(name) or (known[name].default if name in known else None)
        if default:
            assert shown == default, name


def test_every_paragraph_of_the_example_explains_its_variables() -> None:
    for paragraph in EXAMPLE.split("\n\n"):
        assert re.match(r"# \S", paragraph), paragraph


def test_docker_gives_the_agent_more_time_than_it_takes() -> None:
    patience = positive_duration(used["STOP_GRACE_PERIOD"])
    told = {"DEV8_GRACE_PERIOD": used["STOP_GRACE_PERIOD"]}
    assert patience > Settings.from_environ(told).agent.stop_timeout

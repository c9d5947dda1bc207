from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.machine.errors import AgentError
from agent.machine.light.exits import Exit
from agent.machine.secret import Secret, SecretInput
from agent.settings import compatibility
from agent.settings.everything import Settings, find_warnings, secret_names, variables
from agent.settings.variable import Variable
from tests.contract.homes import COMPANIONS, FORMS

SECRETS = [entry for _, entry in variables() if entry.secret]


def find_problems(environ: Mapping[str, str]) -> list[str]:
    """Return what is wrong with this environment, as lines."""
    with pytest.raises(AgentError) as caught:
        Settings.from_environ(environ)
    assert caught.value.exit_code == Exit.USAGE
    return [str(problem) for problem in caught.value.problems]


def test_nothing_given_means_the_defaults() -> None:
    settings = Settings.from_environ({})
    assert settings.workspace.folder == Path("/workspace")
    assert settings.ssh.enabled
    assert (settings.ssh.port, settings.editor.port) == (2222, 8080)
    assert settings.github.token is None
    assert settings.github.host == "github.com"
    assert settings.github.refresh_interval == 300.0
    assert settings.editor.auth == "password"
    assert settings.agent.stop_timeout == 8.0  # docker kills after 10 s


@pytest.mark.parametrize(
    ("grace", "takes"), [("10s", 8.0), ("1s", 0.8), ("30", 25.0), ("1m", 55.0), ("1h", 3595.0)]
)
def test_a_stop_takes_less_than_the_grace_period(grace: str, takes: float) -> None:
    agent = Settings.from_environ({"DEV8_GRACE_PERIOD": grace}).agent
    assert agent.stop_timeout == pytest.approx(takes)
    both = Settings.from_environ({"DEV8_GRACE_PERIOD": grace, "DEV8_STOP_TIMEOUT": "500ms"})
    assert both.agent.stop_timeout == 0.5


@pytest.mark.parametrize("stop", ["60s", "2m"])
def test_a_stop_that_would_be_killed_is_refused(stop: str) -> None:
    (problem,) = find_problems({"DEV8_GRACE_PERIOD": "60", "DEV8_STOP_TIMEOUT": stop})
    assert problem == (
        "DEV8_STOP_TIMEOUT is not less than DEV8_GRACE_PERIOD (60 s): the container would be "
        "killed first (unset DEV8_STOP_TIMEOUT, which follows the grace period)"
    )


def test_empty_counts_as_absent() -> None:
    everything = {name: "" for _, entry in variables() for name in entry.names}
    assert Settings.from_environ(everything) == Settings.from_environ({})


def test_all_problems_come_at_once() -> None:
    found = find_problems(
        {"DEV8_SSH_PORT": "22", "WORKSPACE_DIR": "here", "CODE_SERVER_AUTH": "maybe"}
    )
    assert found == [
        "WORKSPACE_DIR='here' is not an absolute path, such as /workspace",
        "DEV8_SSH_PORT='22' is not a port number from 1024 to 65535",
        "CODE_SERVER_AUTH='maybe' is not password or none",
    ]


@pytest.mark.parametrize("entry", SECRETS, ids=lambda entry: entry.name)
def test_every_secret_may_come_as_a_value_or_as_a_file(entry: Variable) -> None:
    name = entry.name
    value = FORMS.get(name, "s3cret-value")
    for environ, expected in (
        ({name: value}, SecretInput(name, value=Secret(entry.clean(name, value)))),
        ({f"{name}_FILE": "/run/secrets/x"}, SecretInput(name, file=Path("/run/secrets/x"))),
    ):
        settings = Settings.from_environ({**COMPANIONS.get(name, {}), **environ})
        found = [
            item
            for group in vars(settings).values()
            for item in vars(group).values()
            if isinstance(item, SecretInput)
        ]
        assert expected in found
        assert "s3cret-value" not in repr(settings)


@pytest.mark.parametrize("entry", SECRETS, ids=lambda entry: entry.name)
def test_value_and_file_at_once_is_an_error(entry: Variable) -> None:
    name = entry.name
    assert find_problems({name: "s3cret-value", f"{name}_FILE": "/x"}) == [
        f"{name} and {name}_FILE are both set (unset one of them)"
    ]


SECRET_FILES = [name for _, entry in variables() for name in entry.names if name.endswith("_FILE")]


@pytest.mark.parametrize("name", SECRET_FILES)
@pytest.mark.parametrize(
    "value", ["ghp_hunter2", "-----BEGIN\nhunter2\n", "/\nhunter2", "hunter2\udcff"]
)
def test_a_secret_in_the_place_of_its_file_is_told_and_not_shown(name: str, value: str) -> None:
    (line,) = find_problems({name: value})
    assert line.startswith(f"{name} is not ")
    assert "hunter2" not in line


def test_the_first_of_two_names_wins() -> None:
    both = Settings.from_environ({"GITHUB_TOKEN": "one", "GH_TOKEN": "two"})
    assert both.github.token == SecretInput("GITHUB_TOKEN", value=Secret("one"))
    second = Settings.from_environ({"GITHUB_TOKEN": "", "GH_TOKEN": "two"})
    assert second.github.token == SecretInput("GH_TOKEN", value=Secret("two"))


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ('"Octo Cat"', "Octo Cat"),
        ("'Octo Cat'", "Octo Cat"),
        ('"Octo" "Cat"', '"Octo" "Cat"'),
        ('"Octo', '"Octo'),
        ('""', None),
        ("''", None),
        ("\"'Octo Cat'\"", "Octo Cat"),
        ("Octo Cat\r\n", "Octo Cat"),
        ('"Octo Cat\\n"', "Octo Cat"),
        ("Octo\\\\n", "Octo\\\\n"),
        ("O'Cat", "O'Cat"),
    ],
)
def test_quotes_around_a_text_are_those_of_an_env_file(given: str, read: str | None) -> None:
    """docker's --env-file keeps them, Compose and shells drop them."""
    assert Settings.from_environ({"GIT_USER_NAME": given}).git.user_name == read


def test_quotes_of_a_command_are_its_own() -> None:
    given = {"DEV8_BACKUP_PRE": '"/opt/my prog"', "BACKUP_DIR": "/backups"}
    assert Settings.from_environ(given).backup.before == ("/opt/my prog",)
    given = {"DEV8_BACKUP_PRE": "\"dump --all 'a b'\"", "BACKUP_DIR": "/backups"}
    assert Settings.from_environ(given).backup.before == ("dump", "--all", "a b")
    given = {"DEV8_BACKUP_PRE": "'my dump' --all 'a b'", "BACKUP_DIR": "/backups"}
    assert Settings.from_environ(given).backup.before == ("my dump", "--all", "a b")


def test_the_control_planes_names_are_read() -> None:
    assert Settings.from_environ({"WORKSPACE_ID": "w1"}).workspace.identifier == "w1"
    both = {"WORKSPACE_ID": "w1", "ENVIRONMENT_ID": "e1"}
    assert Settings.from_environ(both).workspace.identifier == "e1"


def test_contradictions() -> None:
    assert find_problems({"CODE_SERVER_PASSWORD": "a", "CODE_SERVER_HASHED_PASSWORD": "b"})
    assert find_problems({"DEV8_SSH_PORT": "8080"}) == [
        "DEV8_SSH_PORT and DEV8_CODE_SERVER_PORT use the same port (change one of them)"
    ]
    assert Settings.from_environ({"DEV8_SSH_PORT": "8080", "DEV8_CODE_SERVER": "false"})


REPORTING = {"SUPERVISOR_AGENT_BASE_URL": "https://plane.example.test", "ENVIRONMENT_ID": "e1"}


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"DEV8_METRICS_ADDRESS": "8080"}, "DEV8_CODE_SERVER_PORT and DEV8_METRICS_ADDRESS"),
        ({"DEV8_METRICS_ADDRESS": "8079"}, "DEV8_PAGE_PORT and DEV8_METRICS_ADDRESS"),
        ({"DEV8_API_PORT": "2222"}, "DEV8_SSH_PORT and DEV8_API_PORT"),
        (REPORTING | {"DEV8_METRICS_ADDRESS": "9000"}, "DEV8_METRICS_ADDRESS and DEV8_API_PORT"),
        (REPORTING | {"DEV8_CODE_SERVER_PORT": "9000"}, "DEV8_CODE_SERVER_PORT and DEV8_API_PORT"),
        ({"SUPERVISOR_HTTP_ADDR": ":8079"}, "DEV8_PAGE_PORT and SUPERVISOR_HTTP_ADDR"),
        (
            {"SUPERVISOR_HTTP_ADDR": "10.0.0.1:8079"},  # without a password it is on 127.0.0.1
            "DEV8_PAGE_PORT and SUPERVISOR_HTTP_ADDR",
        ),
        ({"DEV8_READY_ADDRESS": "[::]:8079"}, "DEV8_PAGE_PORT and DEV8_READY_ADDRESS"),
        ({"DEV8_METRICS_ADDRESS": "8080", "DEV8_CODE_SERVER": "false"}, ""),
        ({"DEV8_READY_ADDRESS": "127.0.0.2:8079"}, ""),
        ({"DEV8_READY_ADDRESS": "[::1]:8080", "DEV8_CODE_SERVER_ADDRESS": "0.0.0.0"}, ""),
        ({"DEV8_METRICS_ADDRESS": "8079", "DEV8_PAGE_PORT": "0"}, ""),
        ({"DEV8_API_PORT": "0", "DEV8_PAGE_PORT": "0"}, ""),
        (REPORTING | {"DEV8_METRICS_ADDRESS": "9000", "DEV8_API_PORT": "0"}, ""),
        (REPORTING | {"DEV8_METRICS_ADDRESS": "9000", "SUPERVISOR_HTTP_ADDR": "9001"}, ""),
        (REPORTING | {"DEV8_SSH_PORT": "9000", "SUPERVISOR_HTTP_ENABLED": "false"}, ""),
        ({"DEV8_METRICS_ADDRESS": "9000"}, ""),  # nothing is reported
        ({"DEV8_METRICS_ADDRESS": "2222", "DEV8_SSH_ADDRESS": "10.0.0.1"}, ""),
    ],
)
def test_two_that_listen_at_one_place_are_refused(given: dict[str, str], names: str) -> None:
    """Otherwise one of them is not there: with metrics on the editor's port, the editor."""
    if names:
        assert find_problems(given) == [f"{names} use the same port (change one of them)"]
    else:
        assert Settings.from_environ(given)


def test_text_that_is_not_utf8_is_an_error() -> None:
    environ = {
        "GIT_USER_NAME": "J\udcfcrg",
        "OPENAI_API_KEY": "sk-\udcff",
        "GH_TOKEN_FILE": "/\udcff",
    }
    assert len(find_problems(environ)) == 3


def test_no_problem_shows_a_credential() -> None:
    lines = find_problems({"DEV8_GITHUB_API_URL": "https://me:hunter2@api.example.com"})
    assert "hunter2" not in "".join(lines)


def test_what_kubernetes_injects_is_not_taken_for_ours() -> None:
    environ = {
        "DEV8_SSH_PORT": "tcp://10.0.0.7:2222",
        "DEV8_SSH_SERVICE_HOST": "10.0.0.7",
        "DEV8_SSH_SERVICE_PORT": "2222",
        "DEV8_SSH_SERVICE_PORT_SSH": "2222",
        "DEV8_SSH_PORT_2222_TCP": "tcp://10.0.0.7:2222",
        "DEV8_SSH_PORT_2222_TCP_ADDR": "10.0.0.7",
        "DEV8_API_PORT": "tcp://10.0.0.8:80",
        "DEV8_SERVICE_HOST": "10.0.0.9",
        "DEV8_SERVICE_PORT": "8080",
        "DEV8_SERVICE_PORT_HTTP": "8080",
        "DEV8_PORT": "tcp://10.0.0.9:8080",
        "DEV8_PORT_8080_TCP": "tcp://10.0.0.9:8080",
        "DEV8_PORT_8080_TCP_ADDR": "10.0.0.9",
        "DEV8_PORT_8080_TCP_PORT": "8080",
        "DEV8_PORT_8080_TCP_PROTO": "tcp",
    }
    assert Settings.from_environ(environ).ssh.port == 2222
    assert find_warnings(environ) == ()


def test_an_unknown_name_is_a_warning_with_the_nearest_known_one() -> None:
    (near,) = find_warnings({"DEV8_LOG_LEVL": "debug"})
    assert "DEV8_LOG_LEVL" in near.message
    assert near.hint == "did you mean DEV8_LOG_LEVEL?"
    (port,) = find_warnings({"DEV8_SHH_PORT": "2222"})
    assert port.hint == "did you mean DEV8_SSH_PORT?"
    (far,) = find_warnings({"DEV8_QQQQQQQQQ": "1"})
    assert "devcopilot settings" in far.hint
    assert find_warnings({"PATH": "/bin", "LOG_LEVL": "x"}) == ()


def test_names_are_unique_and_new_ones_have_the_prefix() -> None:
    names = [name for _, entry in variables() for name in entry.names]
    assert len(names) == len(set(names))
    old = {kept.name for kept in compatibility.KEPT}
    others_own = {"GH_HOST", "SSH_AUTHORIZED_KEYS_FILE", "CODE_SERVER_HASHED_PASSWORD",
                  "GITHUB_REFRESH_TOKEN", "AZURE_STORAGE_SAS_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN",
                  "AWS_ENDPOINT_URL_S3"}  # fmt: skip
    for _, entry in variables():
        own = entry.name.startswith(("DEV8_", "GITHUB_APP_")) or entry.name in old | others_own
        assert own, entry.name


def test_every_variable_is_documented() -> None:
    for group, entry in variables():
        assert group
        assert entry.doc.rstrip(")").endswith("."), entry.name
        if entry.default is not None:
            entry.parse(entry.default)


def test_secret_names_hold_every_name_whose_value_is_secret() -> None:
    assert {"GITHUB_TOKEN", "GH_TOKEN", "SSH_PRIVATE_KEY", "SSH_PASSWORD"} <= secret_names()
    assert "GITHUB_TOKEN_FILE" not in secret_names()


@pytest.mark.parametrize(("name", "value"), [
    ("DEV8_BACKUP_EXCLUDE", "[half"), ("DEV8_BACKUP_EXCLUDE", "/data, ../outside"),
    ("DEV8_BACKUP_EXCLUDE", "/"), ("DEV8_BACKUP_HOME", "+/etc/passwd"),
    ("DEV8_BACKUP_HOME", "../other"), ("DEV8_BACKUP_KEEP", "last=0"),
    ("DEV8_BACKUP_KEEP", "newest=3"), ("DEV8_BACKUP_MEMORY", "much"),
    ("DEV8_BACKUP_SCHEDULE", "30s"), ("AWS_S3_BUCKET", "s3://bucket"),
    ("AWS_S3_PREFIX", "a/../b"), ("BACKUP_RETENTION_DAYS", "0"), ("BACKUP_DIR", "relative"),
    ("AWS_S3_PREFIX", "two words"), ("AZURE_BLOB_PREFIX", "a?b"), ("DEV8_BACKUP_MEMORY", "0M"),
    ("BACKUP_RETENTION_DAYS", "a week"), ("BACKUP_RETENTION_DAYS", "1000000"),
])  # fmt: skip
def test_wrong_texts_for_backups_end_the_start(name: str, value: str) -> None:
    with pytest.raises(AgentError) as caught:
        Settings.from_environ({name: value})
    assert name in str(caught.value)
    assert caught.value.exit_code == Exit.USAGE


@pytest.mark.parametrize(("text", "size"), [
    ("4096", 4096), ("1B", 1), ("64K", 65536), ("100M", 104857600), ("100mib", 104857600),
    ("1G", 1073741824), ("2gb", 2147483648),
])  # fmt: skip
def test_a_size_is_read_in_bytes(text: str, size: int) -> None:
    assert Settings.from_environ({"DEV8_BACKUP_MEMORY": text}).backup.memory == size


@pytest.mark.parametrize("text", ["team/a", "/team/a", "team/a/", "//team/a//"])
def test_slashes_around_the_folder_of_a_bucket_are_no_part_of_it(text: str) -> None:
    given = {"AWS_S3_PREFIX": text, "AZURE_BLOB_PREFIX": text}
    backup = Settings.from_environ(given).backup
    assert (backup.s3_prefix, backup.azure_prefix) == ("team/a", "team/a")


def test_a_path_below_the_workspace_may_begin_with_a_dot() -> None:
    hooks = Settings.from_environ({"DEV8_DEVCONTAINER": "./.devcontainer/a.json"}).hooks
    assert hooks.devcontainer == ".devcontainer/a.json"


@pytest.mark.parametrize(("text", "action"), [
    ("exit", ("exit",)), ("EXIT", ("exit",)), ("Report", ("report",)),
    ("Stop-It 5", ("Stop-It", "5")),
])  # fmt: skip
def test_the_words_for_an_idle_workspace_may_have_capitals(
    text: str, action: tuple[str, ...]
) -> None:
    assert Settings.from_environ({"DEV8_IDLE_ACTION": text}).activity.idle_action == action

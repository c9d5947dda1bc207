"""What programs of ours do not get of a container's environment, and what they do."""

import os
from pathlib import Path

import pytest

from agent.machine.programs import steering
from agent.machine.programs.steering import Steered
from agent.machine.system import Facts, System

HOSTILE = {
    "editor": {
        "CODE_SERVER_HOST": "0.0.0.0", "CODE_SERVER_CONFIG": "/workspace/config.yaml",
        "CODE_SERVER_SESSION_SOCKET": "/workspace/socket", "PASSWORD": "known",
        "CODE_SERVER_PARENT_PID": "1", "HASHED_PASSWORD": "known", "CODE_SERVER_ANYTHING": "x",
        "CODE_SERVER_COOKIE_SUFFIX": "a; Domain=example.com", "EXTENSIONS_GALLERY": "[]",
        "CODE_SERVER_IDLE_TIMEOUT_SECONDS": "61", "XDG_CACHE_HOME": "/workspace",
        "XDG_CONFIG_HOME": "/workspace", "XDG_RUNTIME_DIR": "/workspace",
    },
    "runtime": {
        "NODE_OPTIONS": "--require=/workspace/x.js", "NODE_PATH": "/workspace",
        "NODE_TLS_REJECT_UNAUTHORIZED": "0", "NODE_V8_COVERAGE": "/workspace",
        "NODE_REDIRECT_WARNINGS": "/workspace/x", "NODE_COMPILE_CACHE": "/workspace",
        "NODE_CHANNEL_FD": "3", "NODE_UNIQUE_ID": "1", "NODE_ICU_DATA": "/workspace",
        "OPENSSL_CONF": "/workspace/openssl.cnf", "OPENSSL_MODULES": "/workspace",
        "OPENSSL_ENGINES": "/workspace", "VSCODE_OPTIONS": "--auth=none", "VSCODE_DEV": "1",
        "VSCODE_PORTABLE": "/workspace", "VSCODE_NODE_OPTIONS": "--inspect=0.0.0.0",
        "VSCODE_IPC_HOOK_CLI": "/workspace/socket", "VSCODE_ESM_ENTRYPOINT": "/workspace/x.js",
        "VSCODE_DEV_INJECT_NODE_MODULE_LOOKUP_PATH": "/workspace", "ELECTRON_RUN_AS_NODE": "1",
        "VSCODE_PROXY_URI": "//x/'><script>", "VSCODE_SERVER_CUSTOM_GLIBC_LINKER": "/workspace/x",
    },
    "sshd": {
        "OPENSSL_CONF": "/workspace/openssl.cnf", "OPENSSL_MODULES": "/workspace",
        "SSH_SK_HELPER": "/workspace/x", "KRB5_CONFIG": "/workspace/x",
        "KRB5CCNAME": "/workspace/x", "NOTIFY_SOCKET": "/workspace/x", "LISTEN_FDS": "1",
    },
    "restic": {
        "RESTIC_REPOSITORY2": "x", "RESTIC_PASSWORD_COMMAND": "touch /workspace/x",
        "RCLONE_CONFIG": "/workspace/x", "RCLONE_CONFIG_AZURE_ENDPOINT": "https://example.com",
        "RCLONE_PASSWORD_COMMAND": "touch /workspace/x", "RCLONE_DUMP": "auth",
        "RCLONE_NO_CHECK_CERTIFICATE": "true", "GODEBUG": "http2debug=2",
    },
    "git": {
        "GIT_DIR": "/workspace/.git", "GIT_WORK_TREE": "/workspace", "GIT_TRACE": "/workspace/x",
        "GIT_EXEC_PATH": "/workspace", "GIT_CONFIG": "/workspace/x", "GIT_PAGER": "x",
        "GIT_TRACE_CURL": "1", "GIT_SSH_COMMAND": "x", "GIT_ASKPASS": "x",
    },
    "npm": {
        "NODE_OPTIONS": "--require=/workspace/x.js", "npm_config_ignore_scripts": "false",
        "npm_config_script_shell": "/workspace/x", "NPM_CONFIG_NODE_OPTIONS": "--require=x",
        "npm_config_global": "true", "npm_config_dry_run": "true", "NODE_PATH": "/workspace",
    },
}  # fmt: skip
"""A way in, or out of the configuration, for whoever sets it."""
UNLUCKY = {
    "editor": {
        "PORT": "3000", "LOG_LEVEL": "trace", "CODE_SERVER_HOST": "127.0.0.1", "CI": "true",
        "EXTENSIONS_GALLERY": "{not json", "CODE_SERVER_IDLE_TIMEOUT_SECONDS": "5",
        "CODE_SERVER_RECONNECTION_GRACE_TIME": "soon", "XDG_RUNTIME_DIR": "/run/user/1000",
        "SNAP": "/snap/x",
    },
    "runtime": {
        "NODE_ENV": "development", "NODE_OPTIONS": "--max-old-space-size=64", "DEBUG": "*",
        "TMPDIR": "/missing", "UV_THREADPOOL_SIZE": "0", "FORCE_COLOR": "3", "VSCODE_PID": "1",
        "NODE_DEBUG": "http", "VSCODE_LOG_LEVEL": "trace",
    },
    "restic": {"MINIO_ROOT_USER": "x", "MINIO_ROOT_PASSWORD": "x", "GOMAXPROCS": "0",
               "GOMEMLIMIT": "1", "RESTIC_COMPRESSION": "x"},
    "git": {"GIT_INDEX_FILE": "x", "GIT_CEILING_DIRECTORIES": "/"},
    "npm": {"NODE_ENV": "production", "PREFIX": "/usr", "npm_config_omit": "optional"},
}  # fmt: skip
"""Meant for something else."""
LEFT = {
    "editor": {
        "PATH": "/bin", "HOST": "x", "XDG_DATA_HOME": "/data", "CS_DISABLE_PROXY": "1",
        "HTTPS_PROXY": "http://proxy:1",
        "CODE_SERVER_APP_NAME": "Our IDE", "CODE_SERVER_COOKIE_SUFFIX": "one_2",
        "EXTENSIONS_GALLERY": '{"serviceUrl": "https://example.com"}', "PORTS": "1",
        "CODE_SERVER_RECONNECTION_GRACE_TIME": "60",
    },
    "runtime": {
        "NODE_EXTRA_CA_CERTS": "/ca.pem", "NODE_USE_SYSTEM_CA": "1", "SSL_CERT_FILE": "/ca.pem",
        "VSCODE_PROXY_URI": "https://{{port}}.example.com", "TMPDIR": "/tmp", "MY_DEBUG": "1",
    },
    "sshd": {"PATH": "/bin", "TZ": "UTC"},
    "restic": {"AWS_PROFILE": "x", "HTTPS_PROXY": "x", "GOPATH": "/go"},
    "git": {"GIT_SSL_CAINFO": "/x", "GIT_CONFIG_GLOBAL": "/x", "GIT_CONFIG_COUNT": "0",
            "HOME": "/x"},
    "npm": {
        "npm_config_registry": "https://example.com", "NPM_CONFIG_HTTPS_PROXY": "x",
        "npm_config_cafile": "/x", "NODE_EXTRA_CA_CERTS": "/x", "npm_config_@x:registry": "x",
    },
}  # fmt: skip
PROGRAMS = {
    "editor": steering.EDITOR, "runtime": steering.RUNTIME, "sshd": steering.SSHD,
    "restic": steering.RESTIC, "git": steering.GIT, "npm": steering.NPM,
}  # fmt: skip


def list_cases(table: dict[str, dict[str, str]]) -> list[tuple[str, str, str]]:
    return [(program, *pair) for program, environ in table.items() for pair in environ.items()]


@pytest.mark.parametrize(("program", "name", "value"), list_cases(HOSTILE) + list_cases(UNLUCKY))
def test_what_steers_a_program_is_taken(program: str, name: str, value: str) -> None:
    assert PROGRAMS[program].choose({name: value}) == {name: value}


@pytest.mark.parametrize(("program", "name", "value"), list_cases(LEFT))
def test_what_is_meant_for_it_or_for_all_is_left(program: str, name: str, value: str) -> None:
    assert PROGRAMS[program].choose({name: value}) == {}


def test_a_rule_for_an_exception_decides_by_the_value() -> None:
    steered = Steered(("A_*",), {"A_B": str.isdecimal, "C": str.isdecimal})
    environ = {"A_B": "1", "A_C": "1", "C": "x", "D": "x"}
    assert steered.choose(environ) == {"A_C": "1", "C": "x"}
    assert steered.choose({"C": "1"}) == {}


def test_a_temporary_folder_counts_only_where_files_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert steering.is_folder(str(tmp_path))
    assert not steering.is_folder(str(tmp_path / "file"))
    assert not steering.is_folder(str(tmp_path / "missing"))


def test_a_program_is_known_by_its_name_wherever_it_lies() -> None:
    environ = {"GIT_DIR": "/x", "PATH": "/bin"}
    assert steering.clear("/opt/git/bin/git", environ) == {"PATH": "/bin"}
    assert steering.clear("git", environ) == {"PATH": "/bin"}
    assert steering.clear("/opt/git/bin/their-git", environ) == environ


def test_our_git_is_not_led_elsewhere(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG": str(tmp_path / "x"),
               "GIT_TRACE": str(tmp_path / "trace")}  # fmt: skip
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = Octo\n")
    facts = Facts(tmp_path, os.getuid(), tmp_path / "run", tmp_path / "state", environ)
    assert facts.run(("git", "config", "--global", "user.name")).stdout == b"Octo\n"
    System(environ).run(("git", "--version"))
    assert not (tmp_path / "trace").exists()

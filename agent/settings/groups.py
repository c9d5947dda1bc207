"""The groups of variables, one class each, with their documentation.

To add a variable, add a field; `agent.settings.everything` combines the groups.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.machine import texts
from agent.machine.keys import read_pem, read_ssh_key
from agent.machine.secret import SecretInput
from agent.settings import argon2
from agent.settings.parsers import (
    absolute_path,
    address,
    command,
    host_name,
    identifier,
    identifiers,
    interval,
    number,
    one_of,
    permissions,
    plain_path,
    port,
    positive_duration,
    single_line,
    switch,
    text,
    words_of,
)
from agent.settings.urls import private_url
from agent.settings.variable import secret, variable

LONGEST_RUNTIME_PATH = 80
"""Characters: a socket path can have 107 (unix(7)), and supervisord adds a name and a number."""
LONGEST_STATE_PATH = 200


@dataclass(frozen=True)
class Workspace:
    """The workspace."""

    folder: Path = variable(
        "WORKSPACE_DIR",
        absolute_path,
        "Workspace folder, which the editor opens.",
        default="/workspace",
    )
    identifier: str | None = variable(
        "ENVIRONMENT_ID",
        single_line,
        "Name of this workspace for the control plane.",
        aliases=("WORKSPACE_ID",),
    )


@dataclass(frozen=True)
class Ssh:
    """SSH."""

    enabled: bool = variable("DEV8_SSH", switch, "Run sshd.", default="true")
    port: int = variable("DEV8_SSH_PORT", port, "Port of sshd.", default="2222")
    address: str = variable(
        "DEV8_SSH_ADDRESS",
        address,
        "IP address that sshd listens on; :: means all addresses, including IPv6.",
        default="0.0.0.0",  # noqa: S104 - the container's network decides who can reach it
    )
    algorithms: str = variable(
        "DEV8_SSH_ALGORITHMS",
        one_of("modern", "quantum-safe", "compatible"),
        "modern: algorithms that are safe today. quantum-safe: only key exchanges that resist "
        "quantum computers; rejects clients older than OpenSSH 8.5 and many libraries. "
        "compatible: also the curves of FIPS 140.",
        default="modern",
    )
    public_key: str | None = variable(
        "SSH_PUBLIC_KEY",
        text,
        "Public keys that may log in, one per line, in authorized_keys format.",
    )
    authorized_keys_file: Path | None = variable(
        "SSH_AUTHORIZED_KEYS_FILE", absolute_path, "File with more such keys, read at startup."
    )
    private_key: SecretInput | None = secret(
        "SSH_PRIVATE_KEY",
        read_ssh_key,
        "Private key for outgoing connections, installed as ~/.ssh/id_TYPE: in the format of "
        "OpenSSH, PEM or PKCS #8. A key with a passphrase is rejected.",
    )


@dataclass(frozen=True)
class Git:
    """Git."""

    user_name: str | None = variable("GIT_USER_NAME", single_line, "Default of git's user.name.")
    user_email: str | None = variable("GIT_USER_EMAIL", single_line, "Default of git's user.email.")
    signing: str = variable(
        "DEV8_GIT_SIGNING",
        one_of("off", "ssh"),
        "ssh: sign commits and tags with SSH_PRIVATE_KEY, once a test signature has worked.",
        default="off",
    )


@dataclass(frozen=True)
class GitHub:
    """GitHub."""

    token: SecretInput | None = secret(
        "GITHUB_TOKEN",
        texts.word,
        "Token for git, gh and Copilot. A file is read again when it changes and may appear late. "
        "The value test_token means no login.",
        aliases=("GH_TOKEN",),
    )
    host: str = variable("GH_HOST", host_name, "GitHub host of the token.", default="github.com")
    api_url: str | None = variable(
        "DEV8_GITHUB_API_URL",
        private_url,
        "API that creates and checks tokens; by default that of GH_HOST. Must be https, or http on "
        "this machine.",
    )
    refresh_interval: float = variable(
        "DEV8_TOKEN_REFRESH_INTERVAL",
        interval,
        "Interval between two checks of the token, at least 1s.",
        default="5m",
    )
    app_id: str | None = variable(
        "GITHUB_APP_ID",
        identifier,
        "Id or client id of a GitHub App; the agent then creates installation tokens.",
    )
    app_key: SecretInput | None = secret(
        "GITHUB_APP_PRIVATE_KEY", read_pem, "Private key of the App (PEM)."
    )
    app_installation: str | None = variable(
        "GITHUB_APP_INSTALLATION_ID",
        number,
        "Installation of the App; by default that of GITHUB_APP_OWNER, or the only one.",
    )
    app_owner: str | None = variable(
        "GITHUB_APP_OWNER", identifier, "User or organization that installed the App."
    )
    app_repositories: tuple[str, ...] | None = variable(
        "GITHUB_APP_REPOSITORIES",
        identifiers,
        "Repositories that the token can access; by default all of the installation.",
    )
    app_permissions: Mapping[str, str] | None = variable(
        "GITHUB_APP_PERMISSIONS",
        permissions,
        "Permissions of the token, such as contents:write,metadata:read; by default all of the "
        "installation.",
    )
    client_id: str | None = variable(
        "GITHUB_APP_CLIENT_ID", identifier, "Client id of the App that issued GITHUB_REFRESH_TOKEN."
    )
    client_secret: SecretInput | None = secret(
        "GITHUB_APP_CLIENT_SECRET", texts.word, "Client secret of that App."
    )
    refresh_token: SecretInput | None = secret(
        "GITHUB_REFRESH_TOKEN",
        texts.word,
        "Refresh token (ghr_) of a user's login to that App. It works once; the next one is "
        "kept in the state folder.",
    )
    token_command: tuple[str, ...] | None = variable(
        "DEV8_GITHUB_TOKEN_COMMAND",
        command,
        "Command that prints a token, alone or as JSON: token, and expires_at (RFC 3339).",
    )
    token_url: str | None = variable(
        "DEV8_GITHUB_TOKEN_URL",
        private_url,
        "URL that returns such JSON. Must be https, or http on this machine.",
    )
    token_url_bearer: SecretInput | None = secret(
        "DEV8_GITHUB_TOKEN_URL_BEARER", texts.word, "Bearer token for that URL."
    )


@dataclass(frozen=True)
class Editor:
    """Editor."""

    enabled: bool = variable(
        "DEV8_CODE_SERVER", switch, "Run code-server where the image has it.", default="true"
    )
    port: int = variable("DEV8_CODE_SERVER_PORT", port, "Port of code-server.", default="8080")
    address: str = variable(
        "DEV8_CODE_SERVER_ADDRESS",
        address,
        "IP address that code-server listens on; :: means all addresses, including IPv6.",
        default="0.0.0.0",  # noqa: S104 - as above
    )
    auth: str = variable(
        "CODE_SERVER_AUTH",
        one_of("password", "none"),
        "password, or none: everyone who can reach the port gets a shell.",
        default="password",
    )
    password: SecretInput | None = secret(
        "CODE_SERVER_PASSWORD",
        texts.password,
        "Password of code-server. By default one is generated and kept; `devcopilot password` "
        "prints it.",
    )
    hashed_password: SecretInput | None = secret(
        "CODE_SERVER_HASHED_PASSWORD",
        argon2.read,
        "Argon2 hash of the password, instead of the password. Anyone who has it can log in, too.",
    )
    log_password: bool = variable(
        "DEV8_LOG_PASSWORD",
        switch,
        "Log a generated password once, for everyone who can read the log.",
        default="false",
    )


@dataclass(frozen=True)
class Ai:
    """AI tools."""

    anthropic_key: SecretInput | None = secret(
        "ANTHROPIC_API_KEY", texts.word, "Key for Claude Code, passed through its apiKeyHelper."
    )
    openai_key: SecretInput | None = secret(
        "OPENAI_API_KEY", texts.word, "Key for Codex, stored in its auth.json."
    )
    gemini_key: SecretInput | None = secret(
        "GEMINI_API_KEY", texts.word, "Key for Gemini CLI, stored in its .env file."
    )
    tools: tuple[str, ...] = variable(
        "DEV8_AI_TOOLS",
        words_of("auto", "off", "claude", "codex", "gemini"),
        "Tools to install in the background if they are missing: auto (those with a key), off, or "
        "names, which need no key: claude, codex, gemini.",
        default="auto",
    )


@dataclass(frozen=True)
class Agent:
    """The agent itself."""

    log_level: str | None = variable(
        "DEV8_LOG_LEVEL",
        one_of("debug", "info", "warning", "error"),
        "Lowest level to log: debug, info, warning or error. By default info, or warning if a CMD "
        "has the terminal.",
    )
    log_format: str = variable(
        "DEV8_LOG_FORMAT",
        one_of("auto", "json", "text"),
        "json, text, or auto: text on a terminal, JSON elsewhere.",
        default="auto",
    )
    stop_timeout: float = variable(
        "DEV8_STOP_TIMEOUT",
        positive_duration,
        "Total time allowed for shutdown; keep it below the timeout of `docker stop` (10 s).",
        default="8s",
    )
    services_dir: Path | None = variable(
        "DEV8_SERVICES_DIR",
        absolute_path,
        "Folder of your own services, *.toml; by default ~/.config/devcopilot/services.d. "
        "/etc/devcopilot/services.d is read as well.",
    )
    state_dir: Path | None = variable(
        "DEV8_STATE_DIR",
        plain_path(LONGEST_STATE_PATH),
        "Folder for data that must outlive the container, such as host keys and a generated "
        "password. By default ~/.local/state/devcopilot.",
    )
    runtime_dir: Path | None = variable(
        "DEV8_RUNTIME_DIR",
        plain_path(LONGEST_RUNTIME_PATH),
        "Private folder on tmpfs that lives as long as the container; by default "
        "/dev/shm/devcopilot-UID.",
    )

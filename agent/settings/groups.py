"""The groups of variables, a class each: what the agent reads, with its documentation.

To add a variable, add a field; `agent.settings.everything` puts the groups together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.machine.secret import SecretInput
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
"""Characters: a socket's path has 107 (unix(7)), and supervisord's adds a name and a number."""
LONGEST_STATE_PATH = 200


@dataclass(frozen=True)
class Workspace:
    """The workspace."""

    folder: Path = variable(
        "WORKSPACE_DIR",
        absolute_path,
        "Folder of the workspace: what the editor opens.",
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
        "IP address that sshd listens on; :: means every one, IPv6 as well.",
        default="0.0.0.0",  # noqa: S104 - what may reach it is for the container's network to say
    )
    algorithms: str = variable(
        "DEV8_SSH_ALGORITHMS",
        one_of("modern", "quantum-safe", "compatible"),
        "modern: what is safe today. quantum-safe: only key exchanges that no quantum computer "
        "breaks later; clients older than OpenSSH 8.5 and many libraries are refused. compatible: "
        "also the curves of FIPS 140.",
        default="modern",
    )
    public_key: str | None = variable(
        "SSH_PUBLIC_KEY",
        text,
        "Public keys that may log in, one a line, in the format of authorized_keys.",
    )
    authorized_keys_file: Path | None = variable(
        "SSH_AUTHORIZED_KEYS_FILE", absolute_path, "File with more such keys; it is read at start."
    )
    private_key: SecretInput | None = secret(
        "SSH_PRIVATE_KEY",
        "Private key for outgoing connections, installed as ~/.ssh/id_TYPE. A literal \\n, CRLF "
        "and a missing last newline are mended; a key with a passphrase is refused.",
    )


@dataclass(frozen=True)
class Git:
    """Git."""

    user_name: str | None = variable("GIT_USER_NAME", single_line, "Default of git's user.name.")
    user_email: str | None = variable("GIT_USER_EMAIL", single_line, "Default of git's user.email.")
    signing: str = variable(
        "DEV8_GIT_SIGNING",
        one_of("off", "ssh"),
        "ssh: commits and tags are signed with SSH_PRIVATE_KEY, once a test signature was made.",
        default="off",
    )


@dataclass(frozen=True)
class GitHub:
    """GitHub."""

    token: SecretInput | None = secret(
        "GITHUB_TOKEN",
        "Token for git, gh and Copilot. A file is read again when it changes and may appear late. "
        "The text test_token means: no login.",
        aliases=("GH_TOKEN",),
    )
    host: str = variable(
        "GH_HOST", host_name, "GitHub host that the token is for.", default="github.com"
    )
    api_url: str | None = variable(
        "DEV8_GITHUB_API_URL",
        private_url,
        "Where tokens are checked and made; by default the API of GH_HOST. https, or http on this "
        "machine.",
    )
    refresh_interval: float = variable(
        "DEV8_TOKEN_REFRESH_INTERVAL",
        interval,
        "Time between two checks of the token, at least 1s.",
        default="5m",
    )
    app_id: str | None = variable(
        "GITHUB_APP_ID",
        identifier,
        "Id or client id of a GitHub App: the agent then makes installation tokens by itself.",
    )
    app_key: SecretInput | None = secret("GITHUB_APP_PRIVATE_KEY", "The App's private key, PEM.")
    app_installation: str | None = variable(
        "GITHUB_APP_INSTALLATION_ID",
        number,
        "Which installation of the App; without it, that of GITHUB_APP_OWNER, or the only one.",
    )
    app_owner: str | None = variable(
        "GITHUB_APP_OWNER", identifier, "User or organization whose installation it is."
    )
    app_repositories: tuple[str, ...] | None = variable(
        "GITHUB_APP_REPOSITORIES",
        identifiers,
        "Names of the repositories that the token may reach; by default all of the installation.",
    )
    app_permissions: Mapping[str, str] | None = variable(
        "GITHUB_APP_PERMISSIONS",
        permissions,
        "What the token may do, such as contents:write,metadata:read; by default all that the "
        "installation may.",
    )
    client_id: str | None = variable(
        "GITHUB_APP_CLIENT_ID", identifier, "Client id of the App that GITHUB_REFRESH_TOKEN is of."
    )
    client_secret: SecretInput | None = secret(
        "GITHUB_APP_CLIENT_SECRET", "Client secret of that App."
    )
    refresh_token: SecretInput | None = secret(
        "GITHUB_REFRESH_TOKEN",
        "Refresh token (ghr_) of a user's login to that App. It can be used once; the one that "
        "follows it is kept in the state folder.",
    )
    token_command: tuple[str, ...] | None = variable(
        "DEV8_GITHUB_TOKEN_COMMAND",
        command,
        "Command that prints a token, alone or as JSON: token, and expires_at (RFC 3339).",
    )
    token_url: str | None = variable(
        "DEV8_GITHUB_TOKEN_URL",
        private_url,
        "URL that answers with such JSON. https, or http on this machine.",
    )
    token_url_bearer: SecretInput | None = secret(
        "DEV8_GITHUB_TOKEN_URL_BEARER", "Bearer token for that URL."
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
        "IP address that code-server listens on; :: means every one, IPv6 as well.",
        default="0.0.0.0",  # noqa: S104 - as above
    )
    auth: str = variable(
        "CODE_SERVER_AUTH",
        one_of("password", "none"),
        "password, or none: then everyone who reaches the port has a shell.",
        default="password",
    )
    password: SecretInput | None = secret(
        "CODE_SERVER_PASSWORD",
        "Password of code-server. Without one, one is made and kept; `devcopilot password` prints "
        "it.",
    )
    hashed_password: SecretInput | None = secret(
        "CODE_SERVER_HASHED_PASSWORD",
        "Argon2 hash of the password, instead of the password. Whoever has it can enter, too.",
    )
    log_password: bool = variable(
        "DEV8_LOG_PASSWORD",
        switch,
        "Show a password in the log, once, when it is made: to all who may read the log.",
        default="false",
    )


@dataclass(frozen=True)
class Ai:
    """AI tools."""

    anthropic_key: SecretInput | None = secret(
        "ANTHROPIC_API_KEY", "Key for Claude Code, handed over by its apiKeyHelper."
    )
    openai_key: SecretInput | None = secret(
        "OPENAI_API_KEY", "Key for Codex, in its own auth.json."
    )
    gemini_key: SecretInput | None = secret(
        "GEMINI_API_KEY", "Key for Gemini CLI, in its own .env file."
    )
    tools: tuple[str, ...] = variable(
        "DEV8_AI_TOOLS",
        words_of("auto", "off", "claude", "codex", "gemini"),
        "Tools that are installed in the background when the container lacks them: auto (those "
        "whose key is given), off, or names, which need no key: claude, codex, gemini.",
        default="auto",
    )


@dataclass(frozen=True)
class Agent:
    """The agent itself."""

    log_level: str | None = variable(
        "DEV8_LOG_LEVEL",
        one_of("debug", "info", "warning", "error"),
        "Least level that is shown: debug, info, warning or error. By default info; warning when "
        "a CMD has the terminal.",
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
        "Time that everything together has to stop; keep it below that of `docker stop` (10 s).",
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
        "Folder that outlives the container: host keys, made password, what the agent wrote. "
        "By default ~/.local/state/devcopilot.",
    )
    runtime_dir: Path | None = variable(
        "DEV8_RUNTIME_DIR",
        plain_path(LONGEST_RUNTIME_PATH),
        "Private folder on tmpfs for one life of the container; by default "
        "/dev/shm/devcopilot-UID.",
    )

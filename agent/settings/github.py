"""GitHub: tokens, Apps, hosts. To add a variable, add a field."""

from collections.abc import Mapping

from agent.machine.formats.private_keys import read_pem
from agent.machine.light import texts
from agent.machine.secret import SecretInput
from agent.machine.values import frozen
from agent.settings.lists import identifiers, permissions
from agent.settings.parsers import command, host_name, identifier, interval, number
from agent.settings.urls import private_url
from agent.settings.variable import secret, variable


@frozen
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

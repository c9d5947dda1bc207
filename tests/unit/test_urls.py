"""URLs among the variables."""

from urllib.parse import urlsplit

import pytest

from agent.machine.errors import AgentError
from agent.settings.everything import Settings
from agent.settings.urls import http_url, private_url

PRIVATE = ("DEV8_GITHUB_API_URL", "DEV8_GITHUB_TOKEN_URL")
OTHERS = ("DEV8_BACKUP_S3_ENDPOINT", "DEV8_BACKUP_AZURE_ENDPOINT")


@pytest.mark.parametrize(
    "url",
    ["https://api.github.com", "https://x:8443/api/v3", "http://127.0.0.1:9000/a", "https://[::1]:1",
     "https://10.0.0.1", "HTTPS://Example.COM", "https://my_proxy.local./x"],
)  # fmt: skip
def test_what_names_a_server_is_taken(url: str) -> None:
    for read in (http_url, private_url):
        assert read(f"{url}/") == url
        assert urlsplit(read(url)).hostname


@pytest.mark.parametrize(
    "url",
    ["", "x", "ftp://x", "https://", "https:///x", "https://:443/", "https://:443", "http://:80",
     "https://x:", "https://x:0", "https://x:99999", "https://x:a", "https://[::1", "https://[x]",
     "https://u:p@x", "https://u@x", "https://@x", "https://x?q=1", "https://x/#f", "https://x/a b",
     "https://x/\n/", "https://x\n.y", "https:\t//x", "https://x/\u2028", "https://-x", "https://a..b",
     "https://x\\y", "https://exa%6dple.com", "https:/x", "//x", "https://x/@"],
)  # fmt: skip
@pytest.mark.parametrize("name", [*PRIVATE, *OTHERS])
def test_anything_else_is_one_clear_message(name: str, url: str) -> None:
    if not url:
        return  # as good as unset
    with pytest.raises(AgentError) as caught:
        Settings.from_environ({name: url})
    (problem,) = caught.value.problems
    assert problem.message.startswith(f"{name}=")
    assert "is not a URL such as https://example.com, without user or password" in problem.message


@pytest.mark.parametrize(
    "url",
    ["http://ghe.example.com/api/v3", "http://10.0.0.1", "http://localhost.example.com",
     "http://127.0.0.1.example.com", "http://[fe80::1]", "http://0.0.0.0", "HTTP://x"],
)  # fmt: skip
def test_secrets_go_over_https_or_nowhere(url: str) -> None:
    for name in PRIVATE:
        with pytest.raises(AgentError, match="is not an https URL: it receives secrets"):
            Settings.from_environ({name: url})
    assert http_url(url) == url


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.9.1:80", "localhost:8000", "[::1]", "LOCALHOST"]
)
def test_this_machine_may_be_asked_over_http(host: str) -> None:
    assert private_url(f"http://{host}/x") == f"http://{host}/x"

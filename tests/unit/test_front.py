"""The editor behind a proxy: what is accepted of its variables, and what code-server is told."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from agent.machine.errors import AgentError, Problem
from agent.machine.planning.resources import File
from agent.services import code_server
from agent.services.service import Service
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.front import Front
from tests.worlds.machine import make_facts
from tests.worlds.proxies import read_snippet

PREFIX = "DEV8_CODE_SERVER_"


def read(**environ: str) -> Front:
    return Settings.from_environ(environ).front


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("TRUSTED_ORIGINS", "Dev.example.com", ("dev.example.com",)),
        ("TRUSTED_ORIGINS", "https://dev.example.com:443/", ("dev.example.com",)),
        ("TRUSTED_ORIGINS", "a.example:8443, *.b.example", ("a.example:8443", "*.b.example")),
        ("TRUSTED_ORIGINS", "[::1]:8080 10.0.0.1", ("[::1]:8080", "10.0.0.1")),
        ("TRUSTED_ORIGINS", "*", ("*",)),
        ("PROXY_DOMAIN", "*.Example.com", ("example.com",)),
        ("PROXY_DOMAIN", "{{port}}-dev.example.com", ("{{port}}-dev.example.com",)),
        ("PROXY_DOMAIN", "code-{{port}}.{{host}}", ("code-{{port}}.{{host}}",)),
        ("BASE_PATH", "/octo/ws-1/", "/octo/ws-1"),
        ("COOKIE_SUFFIX", "octo-1", "octo-1"),
        ("PROXY_URI", "https://{{port}}.example.com/", "https://{{port}}.example.com/"),
        ("PROXY_URI", "//{{port}}-{{host}}", "//{{port}}-{{host}}"),
        ("PROXY_URI", "./proxy/{{port}}/", "./proxy/{{port}}/"),
        ("LINK_DOMAINS", "example.com https://*.example.org", ("example.com",
                                                               "https://*.example.org")),
    ],
)  # fmt: skip
def test_what_is_accepted(name: str, value: str, expected: object) -> None:
    front = read(**{PREFIX + name: value})
    field = {"LINK_DOMAINS": "link_domains"}.get(name, name.lower())
    assert getattr(front, field) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRUSTED_ORIGINS", "https://dev.example.com/octo"),
        ("TRUSTED_ORIGINS", "dev.example.com;evil"),
        ("TRUSTED_ORIGINS", "*.*"),
        ("TRUSTED_ORIGINS", "dev.*.com"),
        ("TRUSTED_ORIGINS", "dev.example.com:0"),
        ("PROXY_DOMAIN", "https://example.com"),
        ("PROXY_DOMAIN", "localhost"),
        ("PROXY_DOMAIN", "example.com:8443"),
        ("PROXY_DOMAIN", "{{port}}.{{port}}.example.com"),
        ("BASE_PATH", "octo"),
        ("BASE_PATH", "/"),
        ("BASE_PATH", "/a/../b"),
        ("BASE_PATH", "/a b"),
        ("COOKIE_SUFFIX", "a; Domain=example.com"),
        ("PROXY_URI", "https://example.com/"),
        ("PROXY_URI", "javascript:{{port}}"),
        ("PROXY_URI", "https://{{port}}.example.com/'><script>"),
        ("PROXY_URI", "https://u@{{port}}.example.com"),
        ("PROXY_URI", "https://{{prot}}.{{port}}.example.com"),
        ("LINK_DOMAINS", "*"),
        ("LINK_DOMAINS", "javascript://x"),
    ],
)
def test_what_is_refused_in_one_line(name: str, value: str) -> None:
    with pytest.raises(AgentError) as caught:
        read(**{PREFIX + name: value})
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"{PREFIX}{name}=")
    assert " is not a" in str(problem)
    assert "u@" not in str(problem)


@pytest.mark.parametrize(
    ("public", "origins"),
    [
        ("https://dev.example.com", ("dev.example.com",)),
        ("https://Dev.example.com:443/octo", ("dev.example.com",)),
        ("https://dev.example.com:8443/octo", ("dev.example.com:8443",)),
    ],
)
def test_the_public_address_is_an_origin_as_browsers_name_it(
    public: str, origins: tuple[str, ...]
) -> None:
    assert read(DEV8_PUBLIC_URL=public).origins == origins


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "/proxy/3000/"),
        ({"PUBLIC_URL": "https://dev.example.com/octo"},
         "https://dev.example.com/octo/proxy/3000/"),
        ({"CODE_SERVER_PROXY_DOMAIN": "example.com"}, "https://3000.example.com"),
        ({"CODE_SERVER_PROXY_DOMAIN": "{{port}}-x.{{host}}", "PUBLIC_URL": "http://a.example/o"},
         "http://3000-x.a.example"),
        ({"CODE_SERVER_PROXY_URI": "https://{{port}}--ws.example.com"},
         "https://3000--ws.example.com"),
        ({"CODE_SERVER_PROXY_URI": "./absproxy/{{port}}", "PUBLIC_URL": "https://a.example/o"},
         "https://a.example/o/absproxy/3000"),
    ],
)  # fmt: skip
def test_where_a_port_is_shown(environ: Mapping[str, str], url: str) -> None:
    assert read(**{f"DEV8_{name}": value for name, value in environ.items()}).find_port_url(
        3000
    ) == (url)


def make_context(folder: Path, own: Mapping[str, str] | None = None, **environ: str) -> Context:
    facts = make_facts(folder, **(own or {}))
    return Context(environ, Settings.from_environ(environ), facts)


def configure(context: Context) -> tuple[dict[str, object], list[Problem]]:
    """Return the options of code-server, and what there is to say."""
    items = list(code_server.resources(context))
    (config,) = (item for item in items
                 if isinstance(item, File) and item.path.name == code_server.CONFIG)  # fmt: skip
    return yaml.safe_load(config.content), [item for item in items if isinstance(item, Problem)]


def test_code_server_learns_what_the_variables_say(tmp_path: Path) -> None:
    config, problems = configure(make_context(
        tmp_path, DEV8_PUBLIC_URL="https://dev.example.com/octo",
        DEV8_CODE_SERVER_TRUSTED_ORIGINS="other.example.com",
        DEV8_CODE_SERVER_PROXY_DOMAIN="example.com", DEV8_CODE_SERVER_LINK_DOMAINS="example.org",
    ))  # fmt: skip
    assert config["trusted-origins"] == ["dev.example.com", "other.example.com"]
    assert config["proxy-domain"] == ["example.com"]
    assert config["link-protection-trusted-domains"] == ["example.org"]
    assert config["abs-proxy-base-path"] == "/octo"
    assert problems == []
    config, _ = configure(make_context(tmp_path, DEV8_PUBLIC_URL="https://dev.example.com/octo",
                                       DEV8_CODE_SERVER_BASE_PATH="/inner"))  # fmt: skip
    assert config["abs-proxy-base-path"] == "/inner"


@pytest.mark.parametrize(
    ("environ", "own", "suffix"),
    [
        ({"ENVIRONMENT_ID": "env-42"}, {}, "env-42"),
        ({"ENVIRONMENT_ID": "env 42; Domain=x"}, {}, None),
        ({"ENVIRONMENT_ID": "env-42", "DEV8_CODE_SERVER_COOKIE_SUFFIX": "one"}, {}, "one"),
        ({"ENVIRONMENT_ID": "env-42"}, {"CODE_SERVER_COOKIE_SUFFIX": "two"}, "two"),
        ({"ENVIRONMENT_ID": "env-42"}, {"CODE_SERVER_COOKIE_SUFFIX": "a; Domain=x"}, "env-42"),
    ],
)
def test_the_name_of_the_cookie(
    environ: dict[str, str], own: dict[str, str], suffix: str | None, tmp_path: Path
) -> None:
    config, _ = configure(make_context(tmp_path, own, **environ))
    if suffix is None:
        assert str(config["cookie-suffix"]).isalnum()
    else:
        assert config["cookie-suffix"] == suffix


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"DEV8_PUBLIC_URL": "http://dev.example.com"}, "is not https"),
        ({"DEV8_PUBLIC_URL": "http://127.0.0.1:8080"}, None),
        ({"DEV8_CODE_SERVER_TRUSTED_ORIGINS": "a.example *"}, "from every website"),
    ],
)
def test_what_is_unsafe_is_said(environ: dict[str, str], words: str | None, tmp_path: Path) -> None:
    _, problems = configure(make_context(tmp_path, {}, **environ))
    assert [words in problem.message for problem in problems if words] == ([True] if words else [])
    assert bool(problems) == bool(words)


def test_the_environment_wins_over_nothing_that_the_agent_writes(tmp_path: Path) -> None:
    """code-server would take its own variables before its file."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/code-server").write_text("#!/bin/sh\n")
    (tmp_path / "bin/code-server").chmod(0o755)
    own = {"CODE_SERVER_COOKIE_SUFFIX": "two", "PATH": str(tmp_path / "bin"),
           "VSCODE_PROXY_URI": "https://{{port}}.own.example"}  # fmt: skip
    made = code_server.service(
        make_context(tmp_path, own, DEV8_CODE_SERVER_PROXY_URI="https://{{port}}.example.com")
    )
    assert isinstance(made, Service)
    assert "CODE_SERVER_COOKIE_SUFFIX" in made.without
    assert made.environment["VSCODE_PROXY_URI"] == "https://{{port}}.example.com"


def test_the_snippets_for_kubernetes_lead_to_the_editors_port() -> None:
    ingress, route = (yaml.safe_load(read_snippet(name)) for name in ("ingress.yaml", "route.yaml"))
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"]["port"]["number"] == 8080
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
    (rule,) = route["spec"]["rules"]
    assert rule["matches"][0]["path"]["value"] == "/octo/"
    assert rule["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"] == "/"
    assert rule["backendRefs"] == [{"name": "octo", "port": 8080}]


@pytest.mark.parametrize(("value", "count"), [("", 0), ("5", 1)])
def test_what_is_set_for_code_server_alone_is_named_unless_it_is_empty(
    tmp_path: Path, value: str, count: int
) -> None:
    name = "CODE_SERVER_IDLE_TIMEOUT_SECONDS"
    context = make_context(tmp_path, {name: value}, CODE_SERVER_AUTH="none")
    found = [each for each in configure(context)[1] if each.message.startswith(f"ignored {name}")]
    assert len(found) == count

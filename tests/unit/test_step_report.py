"""The variables of the original's supervisor: where reports go, and where the local API listens."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.machine.errors import AgentError
from agent.machine.light import runtime
from agent.observe.checks import control_plane
from agent.observe.describe import describe_report
from agent.observe.report import rules, status
from agent.settings import surfaces
from agent.settings.check import Result
from agent.settings.context import Context
from agent.settings.everything import Settings, find_warnings
from agent.workspace import report_rules
from tests.worlds.machine import Machine

URL = "https://plane.example.com"
ID = {"ENVIRONMENT_ID": "env-1"}
BASE = {"SUPERVISOR_AGENT_BASE_URL": URL, **ID}


def find_url(**variables: str) -> str | None:
    settings = Settings.from_environ(variables)
    return settings.report.find_url(settings.workspace.identifier)


ENDPOINT = f"{URL}/api/v1/environments/env-1/activity"


@pytest.mark.parametrize("name", ["SUPERVISOR_AGENT_BASE_URL", "AGENT_BASE_URL", "AGENT_URL"])
@pytest.mark.parametrize("identifier", ["ENVIRONMENT_ID", "WORKSPACE_ID"])
def test_a_url_and_an_id_turn_reports_on(name: str, identifier: str) -> None:
    variables = {name: f"{URL}/", identifier: "env-1"}
    assert find_url(**variables) == ENDPOINT
    assert find_warnings(variables) == ()


def test_the_names_of_the_supervisor_come_first() -> None:
    assert find_url(AGENT_URL="https://other", AGENT_BASE_URL="https://one", **BASE) == ENDPOINT
    values = Settings.from_environ(
        {"SUPERVISOR_MONITOR_INTERVAL": "1m", "MONITOR_INTERVAL": "2m",
         "SUPERVISOR_AGENT_ENABLED": "no", "AGENT_ENABLED": "true"}
    ).report  # fmt: skip
    assert (values.sampling, values.enabled) == (60.0, False)


@pytest.mark.parametrize("name", ["SUPERVISOR_AGENT_ENABLED", "AGENT_ENABLED"])
@pytest.mark.parametrize("value", ["false", "0", "no", "n", "off", "FALSE"])
def test_they_can_be_turned_off(name: str, value: str) -> None:
    assert find_url(**BASE, **{name: value}) is None


def test_nothing_is_reported_without_being_asked() -> None:
    """As Azure Container Apps start it: the switch is on, and nobody knows where to."""
    assert find_url(AGENT_ENABLED="true", WORKSPACE_ID="x", MONITOR_INTERVAL="30s") is None


def test_the_endpoint_is_taken_as_it_is_and_needs_no_id() -> None:
    own = f"{URL}/hook/?code=a%20b"
    assert find_url(SUPERVISOR_AGENT_ACTIVITY_ENDPOINT=own, **BASE) == own
    assert find_url(SUPERVISOR_AGENT_ACTIVITY_ENDPOINT=own) == own


def test_an_id_cannot_change_the_path() -> None:
    found = find_url(SUPERVISOR_AGENT_BASE_URL=f"{URL}/sub", ENVIRONMENT_ID="../a b?c#d/é")
    assert found == f"{URL}/sub/api/v1/environments/..%2Fa%20b%3Fc%23d%2F%C3%A9/activity"


@pytest.mark.parametrize(
    ("variables", "name", "value"),
    [({}, "timeout", 5.0), ({"SUPERVISOR_AGENT_TIMEOUT": "0"}, "timeout", 5.0),
     ({"SUPERVISOR_AGENT_TIMEOUT": "1500ms"}, "timeout", 1.5),
     ({"SUPERVISOR_AGENT_TIMEOUT": "5m"}, "timeout", 30.0),
     ({}, "heartbeat", 60.0), ({"AGENT_REPORT_INTERVAL": "5m"}, "heartbeat", 300.0),
     ({}, "sampling", 30.0), ({"MONITOR_INTERVAL": "1s"}, "sampling", 15.0),
     ({"SUPERVISOR_MONITOR_INTERVAL": "2m"}, "sampling", 120.0)],
)  # fmt: skip
def test_durations(variables: dict[str, str], name: str, value: float) -> None:
    assert getattr(Settings.from_environ(variables).report, name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [("SUPERVISOR_AGENT_TIMEOUT", "soon"), ("AGENT_REPORT_INTERVAL", "0"),
     ("SUPERVISOR_MONITOR_INTERVAL", "-1s"), ("SUPERVISOR_AGENT_ENABLED", "maybe"),
     ("SUPERVISOR_AGENT_BASE_URL", "plane.example.com"),
     ("SUPERVISOR_AGENT_BASE_URL", "https://u:p@x"),
     ("SUPERVISOR_AGENT_ACTIVITY_ENDPOINT", "ftp://x/y"),
     ("SUPERVISOR_AGENT_ACTIVITY_ENDPOINT", "https://x/y#z"),
     ("SUPERVISOR_HTTP_ADDR", "example.com:9000"), ("SUPERVISOR_HTTP_ADDR", "127.0.0.1:80"),
     ("SUPERVISOR_HTTP_ADDR", "127.0.0.1:http"), ("SUPERVISOR_HTTP_ADDR", "::1:9000")],
)  # fmt: skip
def test_a_wrong_value_is_one_clear_line(name: str, value: str) -> None:
    with pytest.raises(AgentError) as caught:
        Settings.from_environ({name: value})
    (problem,) = caught.value.problems
    assert problem.message.startswith(f"{name}=")
    assert ":p@" not in problem.message


@pytest.mark.parametrize(
    ("name", "value", "own"),
    [("AGENT_URL", "tcp://collector:4317", "SUPERVISOR_AGENT_BASE_URL"),
     ("AGENT_BASE_URL", "https://u:p@x", "SUPERVISOR_AGENT_BASE_URL"),
     ("AGENT_URL", "\udcff", "SUPERVISOR_AGENT_BASE_URL"),
     ("AGENT_ENABLED", "profiling", "SUPERVISOR_AGENT_ENABLED"),
     ("MONITOR_INTERVAL", "5 ticks", "SUPERVISOR_MONITOR_INTERVAL")],
)  # fmt: skip
def test_another_programs_value_of_a_common_name_is_ignored(
    name: str, value: str, own: str
) -> None:
    assert Settings.from_environ({name: value}) == Settings.from_environ({})
    (warning,) = find_warnings({name: value})
    assert warning.message.startswith(name)
    assert warning.message.endswith("it is ignored")
    assert own in warning.hint
    assert ":p@" not in warning.message


def test_the_next_name_counts_where_one_is_another_programs() -> None:
    assert find_url(AGENT_BASE_URL="collector:4317", AGENT_URL=URL, **ID) == ENDPOINT


# --- what the job gets --------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, report_rules.resources)


def read_plan(machine: Machine) -> Any:
    path = machine.facts.runtime / runtime.REPORTING
    return json.loads(path.read_bytes()) if path.exists() else None


def test_the_job_learns_all_that_it_needs(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "key"
    assert machine.configure(**BASE, SUPERVISOR_AGENT_API_KEY_FILE=str(file)) == []
    found = rules.read(str(machine.facts.runtime))
    assert found
    assert vars(found) == {
        "url": ENDPOINT, "identifier": "env-1", "key_file": str(file),
        "key_name": f"SUPERVISOR_AGENT_API_KEY_FILE={file}",
        "seconds": 5.0, "heartbeat": 60.0, "proxy": "", "proxy_login": "",
    }  # fmt: skip
    path = machine.facts.runtime / runtime.REPORTING
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_in_a_variable_is_read_from_its_own_file(machine: Machine) -> None:
    machine.configure(**BASE, SUPERVISOR_AGENT_API_KEY="a-secret-of-the-plane")
    found = read_plan(machine)
    assert found["key_file"].endswith(f"/{runtime.SECRETS}/SUPERVISOR_AGENT_API_KEY")
    assert "a-secret" not in json.dumps(found)


def test_without_reports_there_is_no_plan(machine: Machine) -> None:
    assert machine.configure(**BASE, AGENT_ENABLED="false") == []
    assert read_plan(machine) is None
    assert rules.read(str(machine.facts.runtime)) is None


@pytest.mark.parametrize(
    ("variables", "url", "proxy", "login"),
    [({"HTTPS_PROXY": "http://proxy:3128"}, URL, "proxy:3128", ""),
     ({"HTTPS_PROXY": "http://me:a%40b@[::1]:3128"}, URL, "[::1]:3128", "Basic bWU6YUBi"),
     ({"http_proxy": "proxy"}, "http://plane", "proxy:80", ""),
     ({"HTTPS_PROXY": "http://proxy:3128"}, "http://plane", "", ""),
     ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": ".example.com"}, URL, "", ""),
     ({"HTTP_PROXY": "http://proxy:3128"}, "http://127.0.0.1:8000", "", "")],
)  # fmt: skip
def test_the_proxy_is_that_of_other_programs(
    variables: dict[str, str], url: str, proxy: str, login: str, tmp_path: Path
) -> None:
    machine = Machine(tmp_path, report_rules.resources, **variables)
    assert machine.configure(AGENT_URL=url, **ID) == []
    found = read_plan(machine)
    assert (found["proxy"], found["proxy_login"]) == (proxy, login)


@pytest.mark.parametrize(
    "proxy", ["socks5://user:secret@x:1", "https://x", "http://x:99999", "http://"]
)
def test_a_proxy_of_another_kind_is_named(proxy: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, report_rules.resources, HTTPS_PROXY=proxy)
    assert machine.configure(**BASE) == [
        "reports do not go through HTTPS_PROXY: it is not the http address of a proxy "
        "(set HTTPS_PROXY=http://HOST:PORT)"
    ]
    assert read_plan(machine)["proxy"] == ""


def test_a_url_without_an_id_says_what_is_missing(machine: Machine) -> None:
    assert machine.configure(AGENT_BASE_URL=URL) == [
        "cannot report to the control plane: ENVIRONMENT_ID is not set "
        "(set it, or SUPERVISOR_AGENT_ENABLED=false)"
    ]


def test_a_key_over_http_is_a_warning(machine: Machine) -> None:
    plain = {"AGENT_BASE_URL": "http://agent.internal:8080", **ID}
    assert machine.configure(**plain) == []
    (problem,) = machine.configure(**plain, SUPERVISOR_AGENT_API_KEY="0123456789")
    assert problem.startswith("everyone on the way to agent.internal:8080 can read SUPERVISOR_")
    plain["AGENT_BASE_URL"] = "http://localhost:8080"
    assert machine.configure(**plain, SUPERVISOR_AGENT_API_KEY="0123456789") == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": "x"}', "null", "\xff"])
def test_a_damaged_plan_reports_nothing(content: str, machine: Machine) -> None:
    (machine.facts.runtime / runtime.REPORTING).write_text(content, encoding="latin-1")
    assert rules.read(str(machine.facts.runtime)) is None


# --- the local API ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "address"),
    [({}, None), (BASE, "127.0.0.1:9000"), ({**BASE, "SUPERVISOR_HTTP_ENABLED": "false"}, None),
     ({**BASE, "DEV8_API_PORT": "0"}, None), ({"DEV8_API_PORT": "9001"}, "127.0.0.1:9001"),
     ({**BASE, "DEV8_API_PORT": "9001"}, "127.0.0.1:9001"),
     ({"SUPERVISOR_HTTP_ADDR": "127.0.0.1:9090"}, "127.0.0.1:9090"),
     ({"SUPERVISOR_HTTP_ADDR": "localhost:9090"}, "127.0.0.1:9090"),
     ({"SUPERVISOR_HTTP_ADDR": "[::1]:9090"}, "[::1]:9090"),
     ({"SUPERVISOR_HTTP_ADDR": "9090"}, "127.0.0.1:9090"),
     ({"SUPERVISOR_HTTP_ADDR": "127.0.0.1:9090", "SUPERVISOR_HTTP_ENABLED": "no"}, None)],
)  # fmt: skip
def test_where_the_api_listens(
    variables: dict[str, str], address: str | None, machine: Machine
) -> None:
    found = surfaces.find_addresses(Settings.from_environ(variables)).get(surfaces.API)
    assert (str(found) if found else None) == address
    assert machine.configure(**variables) == []


@pytest.mark.parametrize("wanted", [":9090", "0.0.0.0:9090", "[::]:9090", "10.0.0.1:9090"])
def test_others_get_in_only_with_a_password(wanted: str, machine: Machine) -> None:
    variables = {"SUPERVISOR_HTTP_ADDR": wanted}
    found = surfaces.find_addresses(Settings.from_environ(variables)).get(surfaces.API)
    assert str(found) == "127.0.0.1:9090"
    (problem,) = machine.configure(**variables)
    assert "is open to the network and has no password (set DEV8_API_PASSWORD_FILE)" in problem
    variables["DEV8_API_PASSWORD_FILE"] = os.devnull
    found = surfaces.find_addresses(Settings.from_environ(variables)).get(surfaces.API)
    assert found
    assert not found.is_loopback
    assert machine.configure(**variables) == []


# --- how they stand -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "result", "words"),
    [({}, Result.UNKNOWN, "no report has been answered yet"),
     ({"accepted": "2026-01-01T00:00:00.5Z"}, Result.OK, "the control plane accepted a report"),
     ({"failures": 2, "problem": "plane answers with status 503"}, Result.FAIL, "503"),
     ({"refused": "x", "problem": "it refuses", "hint": "do this"}, Result.FAIL, "it refuses")],
)  # fmt: skip
def test_doctor_says_how_the_last_one_went(
    changes: dict[str, Any], result: Result, words: str, machine: Machine
) -> None:
    machine.configure(**BASE)
    path = status.STATE.path(machine.facts)
    path.write_text(json.dumps(changes))
    current = Context({}, Settings.from_environ(BASE), machine.facts)
    (finding,) = control_plane.look(current)
    assert finding.result == result
    assert words in finding.summary
    assert finding.fix == (
        changes.get("hint") or (control_plane.WAIT if "problem" in changes else "")
    )


def test_doctor_has_nothing_to_look_at_without_a_control_plane(machine: Machine) -> None:
    (finding,) = control_plane.look(Context({}, Settings.from_environ({}), machine.facts))
    assert finding.result == Result.SKIPPED


def test_a_row_has_no_secret_of_the_url_and_moments_that_do_not_age(machine: Machine) -> None:
    machine.configure(SUPERVISOR_AGENT_ACTIVITY_ENDPOINT=f"{URL}/hook?code=secret")
    status.STATE.path(machine.facts).write_text(
        json.dumps({"failures": 3, "retry_at": machine.facts.clock.uptime() + 120,
                    "attempted": "2026-01-01T00:00:00.123456789Z", "problem": "x"})
    )  # fmt: skip
    row = status.find_row(machine.facts)
    assert row
    assert row.url == f"{URL}/hook"
    assert row.attempted == "2026-01-01T00:00:00Z"
    assert row.accepted is None
    due = datetime.fromisoformat(row.next or "")
    assert 100 < (due - datetime.now(UTC)).total_seconds() < 130
    words = f"plane.example.com: none accepted yet, next in 2 min; {URL}/hook"
    assert describe_report(row).line == words

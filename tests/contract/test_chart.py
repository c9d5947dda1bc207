"""The Helm chart renders what the kustomizations render, object by object."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.settings.everything import Settings, secret_names
from tests.worlds.manifests import (
    CHART,
    CRDS,
    DEPLOY,
    NEWEST,
    OLDEST,
    TOP,
    Object,
    build,
    find,
    find_pod,
    find_unrestricted,
    find_variables,
    need_programs,
    run,
    template,
    validate,
    validate_custom,
    write_known,
)

HOST = {"host": "workspace.example.com"}
BUCKET = {"bucket": "workspaces", "region": "eu-central-1", "accessKeyId": "AKIAEXAMPLE"}
SAME: dict[str, Object] = {
    "base": {},
    "overlays/openshift": {"openshift": True},
    "overlays/ingress": {**HOST, "ingress": {"enabled": True}},
    "overlays/gateway": {**HOST, "gateway": {"enabled": True}},
    "overlays/backup-s3": {"backup": BUCKET},
}
"""A kustomization -> the values with which the chart is the same."""
KEYWORDS = {
    "$schema", "$defs", "$ref", "additionalProperties", "description", "enum", "items", "maximum",
    "minimum", "minLength", "maxLength", "pattern", "properties", "required", "type",
}  # fmt: skip
"""What the schema may consist of; https://json-schema.org/draft/2020-12 has more."""
FULL: Object = {
    **HOST,
    "ingress": {"enabled": True, "className": "nginx"},
    "gateway": {"enabled": True},
    "backup": BUCKET,
    "image": {"digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "certificatesConfigMap": "workspace-certificates",
    "storage": {"home": {"className": "fast"}},
    "settings": {"GITHUB_APP_ID": 1234567, "DEV8_SSH": False, "GIT_USER_NAME": 'Octo "O" Cat: x'},
    "networkPolicy": {
        "ingress": [{"from": [{"ipBlock": {"cidr": "10.1.2.0/24"}}], "ports": [{"port": "ide"}]}],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}]}],
    },
    "pod": {"hostUsers": False, "nodeSelector": {"pool": "workspaces"}},
    "podAnnotations": {"example.com/team": "a"},
}


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    need_programs()


def compare(item: Object) -> Any:
    """Return an object without what Helm says of itself, and without the order of variables."""
    for name in ("app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"):
        item["metadata"]["labels"].pop(name, None)
    for container in item.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
        container["env"].sort(key=lambda entry: entry["name"])
    return item


def by_kind(objects: list[Object]) -> dict[str, Object]:
    return {item["kind"]: compare(item) for item in objects if not is_hook(item)}


def is_hook(item: Object) -> bool:
    return "helm.sh/hook" in item["metadata"].get("annotations", {})


@pytest.mark.parametrize("name", SAME)
def test_it_is_the_kustomization(name: str) -> None:
    assert by_kind(template(SAME[name])) == by_kind(build(DEPLOY / name))


def test_certificates_are_those_of_the_component(tmp_path: Path) -> None:
    values = {"certificatesConfigMap": "workspace-certificates"}
    file = yaml.safe_load((DEPLOY / "components/certificates/certificates.yaml").read_text())
    wanted, pod = file["spec"]["template"]["spec"], find_pod(template(values))
    (container,) = wanted["containers"]
    for entry in wanted["volumes"]:
        assert entry in pod["volumes"]
    for name in ("env", "volumeMounts"):
        for entry in container[name]:
            assert entry in pod["containers"][0][name]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_knows_every_field(tmp_path: Path, version: str) -> None:
    objects = template(FULL)
    assert validate([write_known(objects, tmp_path / "x.yaml")], version) == ""
    for item in objects:
        if item["kind"] in CRDS:
            assert validate_custom(item, tmp_path) == ""


@pytest.mark.parametrize(
    "values", [{}, FULL, {"openshift": True}], ids=["plain", "full", "openshift"]
)
def test_its_pods_are_restricted(values: Object) -> None:
    objects = template(values)
    (test,) = (item for item in objects if is_hook(item))
    assert find_unrestricted(find_pod(objects)) == []
    assert find_unrestricted(test["spec"]) == []


def test_variables_arrive_as_they_were_written() -> None:
    variables = find_variables(template(FULL))
    assert variables["GITHUB_APP_ID"] == "1234567", "not 1.234567e+06"
    assert variables["DEV8_SSH"] == "false"
    assert variables["GIT_USER_NAME"] == 'Octo "O" Cat: x'
    settings = {"DEV8_PUBLIC_URL": "https://other.example.com", "ENVIRONMENT_ID": "octo"}
    objects = template({**FULL, "settings": settings})
    assert find_variables(objects).items() >= settings.items()
    names = [entry["name"] for entry in find_pod(objects)["containers"][0]["env"]]
    assert len(names) == len(set(names))


def test_more_rules_of_the_network_stand_beside_the_usual_ones() -> None:
    plain, more = (find(template(values), "NetworkPolicy")["spec"] for values in ({}, FULL))
    for name in ("ingress", "egress"):
        assert more[name] == [*plain[name], *FULL["networkPolicy"][name]]


@pytest.mark.parametrize("grace", [20, 60, 300])
def test_one_value_sets_how_long_a_stop_takes(grace: int) -> None:
    objects = template({"gracePeriodSeconds": grace})
    settings = Settings.from_environ(find_variables(objects))
    assert find_pod(objects)["terminationGracePeriodSeconds"] == grace
    assert grace / 2 <= settings.agent.stop_timeout < grace


def test_a_stopped_workspace_has_no_pod() -> None:
    assert find(template({"running": False}), "StatefulSet")["spec"]["replicas"] == 0


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"setings": {}}, "'setings' not allowed"),
        ({"settings": {"GITHUB_TOKEN": "x"}}, "/settings/GITHUB_TOKEN"),
        ({"pod": {"hostNetwork": True}}, "'hostNetwork' not allowed"),
        ({"gracePeriodSeconds": 5}, "/gracePeriodSeconds"),
        ({"ingress": {"enabled": True}}, "set host"),
        ({"storage": {"home": {"size": "10 GB"}}}, "/storage/home/size"),
    ],
)
def test_wrong_values_are_refused(values: Object, complaint: str) -> None:
    words = ("helm", "template", "workspace", CHART, "--values", "-")
    assert complaint in run(*words, text=json.dumps(values), code=1)


def test_its_schema_is_one() -> None:
    """Helm ignores a keyword that it does not know, and a format that is misspelt."""
    run("check-jsonschema", "--check-metaschema", CHART / "values.schema.json")
    found = set(list_keywords(json.loads((CHART / "values.schema.json").read_text())))
    assert found <= KEYWORDS


def list_keywords(schema: Any) -> Iterator[str]:
    """Yield what a schema says of values, and what those within it say."""
    if isinstance(schema, dict):
        yield from schema
        for name in ("properties", "$defs"):
            for inner in schema.get(name, {}).values():
                yield from list_keywords(inner)
        for name in ("items", "additionalProperties"):
            yield from list_keywords(schema.get(name))


def test_the_values_that_are_given_are_of_the_schema() -> None:
    run("check-jsonschema", "--schemafile", CHART / "values.schema.json", CHART / "values.yaml")


def test_a_long_name_is_refused() -> None:
    assert find(template({}, "w" * 52), "StatefulSet")
    assert "52 characters" in run("helm", "template", "w" * 53, CHART, code=1)


def test_it_refuses_exactly_the_secrets() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    refused = schema["properties"]["settings"]["properties"]
    plain = {name for name in secret_names() if not name.endswith("_FILE")}
    assert refused == dict.fromkeys(sorted(plain), False)


def test_it_is_of_this_version() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (project["version"], project["version"])
    run("helm", "lint", "--strict", CHART)


def test_the_notes_say_what_to_type() -> None:
    words = ("helm", "install", "octo", CHART, "--dry-run=client", "--values", "-")
    notes = run(*words, text=json.dumps(FULL)).partition("NOTES:")[2]
    assert "https://workspace.example.com/" in notes
    assert "exec octo-0 -- devcopilot password" in notes
    assert not re.search(r"\{\{|<no value>", notes)
    stopped = run(*words, text=json.dumps({"running": False})).partition("NOTES:")[2]
    assert "--set running=true" in stopped

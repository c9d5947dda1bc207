"""deploy/kubernetes as kubectl builds it, judged by schemas and by what a pod needs."""

import copy
import itertools
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.settings.everything import Settings, find_warnings
from tests.worlds.manifests import (
    BASE,
    CRDS,
    DEPLOY,
    NEWEST,
    OLDEST,
    OVERLAYS,
    PODMAN,
    TOP,
    Object,
    build,
    find,
    find_container,
    find_pod,
    find_template,
    find_unrestricted,
    find_variables,
    need_programs,
    validate,
    validate_custom,
    write_known,
    write_kustomization,
)

COMPONENTS = sorted(path.parent for path in DEPLOY.glob("components/*/kustomization.yaml"))
SECRETS = "/run/secrets/workspace"
EVERYTHING = [*OVERLAYS, BASE]
by_name = pytest.mark.parametrize("folder", EVERYTHING, ids=lambda path: path.name)


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    need_programs()


@pytest.fixture(scope="module")
def everything() -> dict[str, list[Object]]:
    return {folder.name: build(folder) for folder in EVERYTHING}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_knows_every_field(
    everything: dict[str, list[Object]], tmp_path: Path, version: str
) -> None:
    files = [write_known(item, tmp_path / f"{name}.yaml") for name, item in everything.items()]
    assert validate(files, version) == ""


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_a_misspelt_field_is_found(
    everything: dict[str, list[Object]], tmp_path: Path, version: str
) -> None:
    objects = copy.deepcopy(everything["sandbox"])
    find_pod(objects)["containers"][0]["readynessProbe"] = {}
    assert "readynessProbe" in validate([write_known(objects, tmp_path / "x.yaml")], version)


def test_custom_kinds_have_every_field(everything: dict[str, list[Object]], tmp_path: Path) -> None:
    found = [item for item in itertools.chain(*everything.values()) if item["kind"] in CRDS]
    assert {item["kind"] for item in found} == set(CRDS)
    for item in found:
        assert validate_custom(item, tmp_path) == ""
        wrong = {**item, "spec": {**item["spec"], "replica": 1}}
        assert "'replica' was unexpected" in validate_custom(wrong, tmp_path)


@by_name
def test_the_pod_is_restricted_with_a_read_only_root(
    everything: dict[str, list[Object]], folder: Path
) -> None:
    pod = find_pod(everything[folder.name])
    assert find_unrestricted(pod) == []
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False


def test_the_default_namespace_enforces_that(everything: dict[str, list[Object]]) -> None:
    namespace = find(everything["restricted"], "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [item for item in everything["restricted"] if item is not namespace]
    assert {item["metadata"]["namespace"] for item in others} == {namespace["metadata"]["name"]}


@by_name
def test_the_agent_ends_before_it_is_killed(
    everything: dict[str, list[Object]], folder: Path
) -> None:
    objects = everything[folder.name]
    agent = Settings.from_environ(find_variables(objects)).agent
    grace = find_pod(objects)["terminationGracePeriodSeconds"]
    assert agent.grace_period == grace
    assert agent.stop_timeout < grace


@by_name
def test_the_agent_knows_every_variable(everything: dict[str, list[Object]], folder: Path) -> None:
    variables = find_variables(everything[folder.name])
    assert list(find_warnings(variables)) == []
    assert not Settings.from_environ(variables).front.public_url or folder.name in {
        "gateway",
        "ingress",
    }


@by_name
def test_secrets_are_files_of_a_folder_that_may_come_later(
    everything: dict[str, list[Object]], folder: Path
) -> None:
    pod, container = find_pod(everything[folder.name]), find_container(everything[folder.name])
    (volume,) = (item for item in pod["volumes"] if "secret" in item)
    assert volume["secret"]["optional"] is True
    mounts = container["volumeMounts"]
    assert SECRETS in {mount["mountPath"] for mount in mounts}
    assert not [mount for mount in mounts if "subPath" in mount], "they never see a rotation"
    paths = {mount["mountPath"] for mount in mounts}
    assert "/run/secrets" not in paths, "the kubelet could not mount its own below it"
    for name, value in find_variables(everything[folder.name]).items():
        if name.endswith("_FILE") and name != "DEV8_CA_FILE":
            assert value.startswith(f"{SECRETS}/"), name
    assert "envFrom" not in container


@by_name
def test_no_probe_costs_a_process_or_loses_work(
    everything: dict[str, list[Object]], folder: Path
) -> None:
    container = find_container(everything[folder.name])
    assert "livenessProbe" not in container
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    settings = Settings.from_environ(find_variables(everything[folder.name]))
    assert str(settings.serving.ready_address) == f"0.0.0.0:{ports['ready']}"
    assert (settings.editor.port, settings.ssh.port) == (ports["ide"], ports["ssh"])
    for name in ("startupProbe", "readinessProbe"):
        assert container[name]["tcpSocket"] == {"port": "ready"}


@by_name
def test_everything_is_mounted_that_the_pod_has(
    everything: dict[str, list[Object]], folder: Path
) -> None:
    spec = find(everything[folder.name], "StatefulSet", "Sandbox")["spec"]
    claims = {claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]}
    volumes = {volume["name"] for volume in find_pod(everything[folder.name])["volumes"]}
    mounts = find_container(everything[folder.name])["volumeMounts"]
    assert {mount["name"] for mount in mounts} == claims | volumes
    paths = {mount["mountPath"] for mount in mounts}
    assert paths >= {"/home/dev8", "/workspace", "/tmp", "/dev/shm"}


def check_selectors(objects: list[Object]) -> None:
    """Service and policy are for this pod, by two labels."""
    labels = find_template(objects)["metadata"]["labels"]
    assert len(labels) == 2
    assert find(objects, "Service")["spec"]["selector"] == labels
    assert find(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels


@by_name
def test_service_and_policy_are_for_the_pod(
    everything: dict[str, list[Object]], folder: Path
) -> None:
    check_selectors(everything[folder.name])


def test_the_base_is_of_this_version(everything: dict[str, list[Object]]) -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    assert find_container(everything["base"])["image"] == f"dev8-mvp:{project['version']}"


def test_a_sandbox_has_the_same_pod_and_claims(everything: dict[str, list[Object]]) -> None:
    stateful = find(everything["base"], "StatefulSet")["spec"]
    sandbox = find(everything["sandbox"], "Sandbox")["spec"]
    assert sandbox["podTemplate"] == stateful["template"]
    assert sandbox["volumeClaimTemplates"] == stateful["volumeClaimTemplates"]
    assert "StatefulSet" not in {item["kind"] for item in everything["sandbox"]}


def test_openshift_chooses_the_ids(everything: dict[str, list[Object]]) -> None:
    text = repr(find_pod(everything["openshift"]))
    assert not re.search(r"runAsUser|runAsGroup|fsGroup'", text)


@pytest.mark.parametrize("name", ["ingress", "gateway"])
def test_the_agent_knows_the_address_outside(
    everything: dict[str, list[Object]], name: str
) -> None:
    spec = find(everything[name], "Ingress", "HTTPRoute")["spec"]
    host = spec["hostnames"][0] if name == "gateway" else spec["rules"][0]["host"]
    settings = Settings.from_environ(find_variables(everything[name]))
    assert settings.front.public_url == f"https://{host}"


@pytest.mark.parametrize("kind", ["StatefulSet", "Sandbox"])
def test_a_second_workspace_in_the_namespace_shares_nothing(tmp_path: Path, kind: str) -> None:
    chosen = [path for path in COMPONENTS if path.name != "sandbox"]
    objects = build(
        write_kustomization(
            tmp_path,
            resources=[BASE],
            components=[*chosen, *([DEPLOY / "components/sandbox"] if kind == "Sandbox" else ())],
            nameSuffix="-octo",
            labels=[{"pairs": {"app.kubernetes.io/instance": "octo"}, "includeSelectors": True}],
            secretGenerator=[{"name": "workspace", "literals": ["github_token=x"]}],
            images=[{"name": "dev8-mvp", "newName": "registry.example.com/dev8-mvp"}],
        )
    )
    find(objects, kind)
    check_selectors(objects)
    secret = find(objects, "Secret")["metadata"]["name"]
    assert {item["metadata"]["name"] for item in objects} == {"workspace-octo", secret}
    pod = find_pod(objects)
    assert pod["serviceAccountName"] == "workspace-octo"
    assert secret in {item.get("secret", {}).get("secretName") for item in pod["volumes"]}
    assert pod["containers"][0]["image"].startswith("registry.example.com/dev8-mvp:")
    (route,) = find(objects, "HTTPRoute")["spec"]["rules"]
    assert route["backendRefs"] == [{"name": "workspace-octo", "port": 8080}]
    (path,) = find(objects, "Ingress")["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"]["name"] == "workspace-octo"
    assert validate([write_known(objects, tmp_path / "x.yaml")], NEWEST) == ""


def test_the_page_shows_a_workspace_that_can_be_built(tmp_path: Path) -> None:
    page = (TOP / "docs/kubernetes.md").read_text()
    files = dict(re.findall(r"```yaml\n# (\S+\.yaml)\n(.*?)```", page, re.DOTALL))
    own = tmp_path / "workspaces/octo"
    own.mkdir(parents=True)
    for name, text in files.items():
        (own / name).write_text(text)
    (tmp_path / "deploy").symlink_to(TOP / "deploy")
    objects = build(own)
    (host,) = find(objects, "HTTPRoute")["spec"]["hostnames"]
    settings = Settings.from_environ(find_variables(objects))
    assert settings.front.public_url == f"https://{host}"
    assert {item["metadata"]["name"] for item in objects} == {"workspace-octo"}
    (secret,) = (item["secret"] for item in find_pod(objects)["volumes"] if "secret" in item)
    assert (secret["secretName"], secret["optional"]) == ("workspace-octo", True)
    assert validate([write_known(objects, tmp_path / "x.yaml")], NEWEST) == ""


def test_the_page_names_every_component() -> None:
    page = (TOP / "docs/kubernetes.md").read_text()
    table = page[page.index("| component |") :].partition("\n\n")[0]
    named = re.findall(r"`([a-z0-9-]+)`", "".join(re.findall(r"^\|([^|]*)\|", table, re.MULTILINE)))
    assert set(named) == {path.name for path in COMPONENTS}


def test_podman_has_the_pod_of_the_base(everything: dict[str, list[Object]]) -> None:
    """What podman knows of it; the rest of the base podman ignores, or is for a cluster."""
    wanted, pod = find_pod(everything["base"]), yaml.safe_load(PODMAN.read_text())["spec"]
    (ours,), (theirs,) = wanted["containers"], pod["containers"]

    def drop(item: dict[str, Any], *names: str) -> dict[str, Any]:
        return {name: value for name, value in item.items() if name not in names}

    assert pod["securityContext"].items() <= wanted["securityContext"].items()
    assert ours["securityContext"] == theirs["securityContext"]
    assert ours["image"] == theirs["image"]
    assert theirs["resources"]["limits"] == ours["resources"]["limits"]
    assert [drop(port, "hostIP", "hostPort") for port in theirs["ports"]] == [
        port for port in ours["ports"] if port["name"] != "ready"
    ]
    assert theirs["volumeMounts"] == [
        mount for mount in ours["volumeMounts"] if mount["name"] != "shm"
    ]
    assert all(entry in ours["env"] for entry in theirs["env"])


def test_the_page_shows_how_a_private_address_is_reached(tmp_path: Path) -> None:
    page = (TOP / "docs/kubernetes.md").read_text()
    (text,) = re.findall(r"```yaml\n(patches:\n.*?)```", page, re.DOTALL)
    patches = yaml.safe_load(text)["patches"]
    objects = build(write_kustomization(tmp_path, resources=[BASE], patches=patches))
    plain, more = (find(item, "NetworkPolicy")["spec"]["egress"] for item in (build(BASE), objects))
    assert more[:-1] == plain
    assert more[-1]["to"] == [{"ipBlock": {"cidr": "10.1.2.3/32"}}]
    assert validate([write_known(objects, tmp_path / "x.yaml")], NEWEST) == ""

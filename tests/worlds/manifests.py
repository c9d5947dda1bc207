"""The manifests of deploy/kubernetes as kubectl and helm render them, and judges of them."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.worlds.needs import need

TOP = Path(__file__).resolve().parents[2]
DEPLOY = TOP / "deploy/kubernetes"
BASE = DEPLOY / "base"
CHART = DEPLOY / "chart"
PODMAN = TOP / "deploy/podman/workspace.yaml"
OVERLAYS = sorted(path.parent for path in DEPLOY.glob("overlays/*/kustomization.yaml"))
CRDS = {"HTTPRoute": "httproute.json", "Sandbox": "sandbox.json"}
"""Kinds that Kubernetes itself does not know -> their schema in tests/worlds/crds."""
OLDEST, NEWEST = "1.25", "1.37"
"""Versions of Kubernetes that the manifests are for."""
WORKLOADS = ("StatefulSet", "Sandbox")

Object = dict[str, Any]


def need_programs() -> None:
    """Go on if kubectl and helm run here."""
    for name in ("kubectl", "helm"):
        need(shutil.which(name), f"needs {name}, which scripts/programs.sh fetches")
        try:
            subprocess.run([name, "version", "--client"], check=False, capture_output=True)
        except OSError as error:  # their package has them for one kind of processor
            pytest.skip(f"{name} cannot run on this machine: {error.strerror}")


def run(*words: str | Path, text: str = "", code: int = 0) -> str:
    """Return what a program says, and expect this exit code."""
    done = subprocess.run(
        words, check=False, input=text, capture_output=True, text=True, timeout=120
    )
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    return done.stdout if code == 0 else said


def build(folder: Path) -> list[Object]:
    """Return the objects of a kustomization."""
    return list(yaml.safe_load_all(run("kubectl", "kustomize", folder)))


def write_kustomization(folder: Path, **fields: Any) -> Path:
    """Write one beside the others; kustomize reads relative paths only."""
    for name in ("resources", "components"):
        fields[name] = [os.path.relpath(path, folder) for path in fields.get(name, ())]
    (folder / "kustomization.yaml").write_text(json.dumps(fields))
    return folder


def template(values: Object, name: str = "workspace") -> list[Object]:
    """Return the objects of a release."""
    words = ("helm", "template", name, CHART, "--values", "-")
    return list(yaml.safe_load_all(run(*words, text=json.dumps(values))))


def find(objects: Iterable[Object], *kinds: str) -> Object:
    """Return the one object of these kinds."""
    (found,) = (item for item in objects if item["kind"] in kinds)
    return found


def find_template(objects: Iterable[Object]) -> Object:
    """Return the template of the workspace's pod."""
    spec = find(objects, *WORKLOADS)["spec"]
    return dict(spec.get("template") or spec["podTemplate"])


def find_pod(objects: Iterable[Object]) -> Object:
    """Return the spec of the workspace's pod."""
    return dict(find_template(objects)["spec"])


def find_container(objects: Iterable[Object]) -> Object:
    """Return the workspace's container, the only one."""
    (container,) = find_pod(objects)["containers"]
    return dict(container)


def find_variables(objects: Iterable[Object]) -> dict[str, str]:
    """Return the variables that the container gets; what the cluster knows is `filled`.

    As the kubelet does it, a value can refer to what is above it.
    """
    found: dict[str, str] = {}
    for entry in find_container(objects)["env"]:
        given = entry.get("value", "filled")
        found[entry["name"]] = re.sub(r"\$\((\w+)\)", lambda name: found[name[1]], given)
    return found


def validate(files: Iterable[Path], version: str) -> str:
    """Let kubernetes-validate judge files of manifests; return its complaints."""
    done = subprocess.run(
        [sys.executable, "-m", "kubernetes_validate", "--strict", "--quiet", "--no-warn",
         "--kubernetes-version", version, *files],
        check=False, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(TOP / ".cache/programs/kubernetes")},
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


def validate_custom(item: Object, folder: Path) -> str:
    """Let check-jsonschema judge an object of a custom kind; return its complaints."""
    file = folder / f"{item['kind']}.json"
    file.write_text(json.dumps(item))
    schema = Path(__file__).parent / "crds" / CRDS[item["kind"]]
    words = ("check-jsonschema", "--schemafile", schema, file)
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=120)
    return done.stdout if done.returncode else ""


def write_known(objects: Iterable[Object], file: Path) -> Path:
    """Write what Kubernetes has schemas for; of a Sandbox the parts that it has them for."""
    known: list[Object] = []
    for item in objects:
        if item["kind"] not in CRDS:
            known.append(item)
        if item["kind"] == "Sandbox":
            spec, meta = item["spec"], {"name": "sandbox"}
            pod = {"kind": "PodTemplate", "metadata": meta, "template": spec["podTemplate"]}
            known.append({"apiVersion": "v1", **pod})
            for claim in spec["volumeClaimTemplates"]:
                known.append({"apiVersion": "v1", "kind": "PersistentVolumeClaim", **claim})
    file.write_text(yaml.safe_dump_all(known))
    return file


def find_unrestricted(pod: Object) -> list[str]:
    """Return what Pod Security "restricted" would refuse, and a root that can be written to.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/
    """
    shared = pod.get("securityContext", {})
    bad = [name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name)]
    kinds = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
             "projected", "secret"}  # fmt: skip
    bad += [item["name"] for item in pod.get("volumes", ()) if not kinds & set(item)]
    bad += ["sysctls"] if shared.get("sysctls") else []
    for container in (*pod["containers"], *pod.get("initContainers", ())):
        context = {**shared, **container.get("securityContext", {})}
        expected = {
            "runAsNonRoot": context.get("runAsNonRoot") is True,
            "runAsUser": context.get("runAsUser") != 0,
            "seccompProfile": context.get("seccompProfile") == {"type": "RuntimeDefault"},
            "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False,
            "capabilities": context.get("capabilities") == {"drop": ["ALL"]},
            "readOnlyRootFilesystem": context.get("readOnlyRootFilesystem") is True,
            "hostPort": not any("hostPort" in port for port in container.get("ports", ())),
        }
        bad += [name for name, holds in expected.items() if not holds]
    return bad

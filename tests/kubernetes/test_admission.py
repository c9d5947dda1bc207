"""What a namespace admits that holds users and pods to "restricted" with a read-only root.

By a PodSecurityPolicy, which is what Kubernetes 1.20 enforces; Pod Security itself came later.
"""

import copy
import json

import pytest

from tests.kubernetes.workspaces import Object, Workspace
from tests.worlds import manifests

RESTRICTED = manifests.DEPLOY / "overlays/restricted"
REFUSED = "is forbidden: PodSecurityPolicy: unable to admit pod"


def test_the_workspace_is_admitted_and_runs_with_nothing_more(workspace: Workspace) -> None:
    workspace.start(base=RESTRICTED)
    workspace.wait_ready()
    assert workspace.pod()["metadata"]["annotations"]["kubernetes.io/psp"] == "restricted"
    lines = workspace.call("cat", "/proc/1/status").splitlines()
    status = dict(line.split(":\t") for line in lines if ":\t" in line)
    assert status["Uid"].split("\t")[0] == "1000"
    assert int(status["CapBnd"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    root = workspace.call("grep", " / / ", "/proc/1/mountinfo")
    assert root.split()[5].split(",")[0] == "ro"
    assert workspace.call("sh", "-c", "ls /var/run/secrets/kubernetes.io 2>&1 || true").endswith(
        "No such file or directory\n"
    ), "no token of a service account"


@pytest.mark.parametrize(
    ("where", "fields", "because"),
    [
        ("pod", {"runAsUser": 0}, "running with the root UID is forbidden"),
        ("container", {"readOnlyRootFilesystem": False}, "must be set to true"),
        ("container", {"allowPrivilegeEscalation": True}, "Allowing privilege escalation"),
        ("container", {"capabilities": {"add": ["NET_RAW"]}}, "capabilit"),
        ("pod", {"seccompProfile": {"type": "Unconfined"}}, "seccomp"),
    ],
    ids=["root", "writable root", "escalation", "capabilities", "no seccomp"],
)
def test_the_same_pod_with_less_hardening_is_refused(
    workspace: Workspace, where: str, fields: Object, because: str
) -> None:
    spec = copy.deepcopy(manifests.find_pod(workspace.render(base=RESTRICTED)))
    del spec["serviceAccountName"]
    spec["volumes"] = [
        *spec["volumes"],
        {"name": "home", "emptyDir": {}},
        {"name": "workspace", "emptyDir": {}},
    ]
    pod: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "mine"}, "spec": spec}
    assert "created" in create(workspace, pod)
    (spec if where == "pod" else spec["containers"][0])["securityContext"].update(fields)
    said = create(workspace, pod)
    assert REFUSED in said
    assert because in said


def create(workspace: Workspace, pod: Object) -> str:
    """Return what the API says to a pod that the developer would make."""
    return workspace.kubectl("create", "--dry-run=server", "--filename=-", text=json.dumps(pod),
                             check=False)  # fmt: skip

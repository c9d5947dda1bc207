"""The life of a workspace's pod: secrets that change, restarts, and ends that lose nothing."""

import base64
import json
from datetime import datetime

from tests.kubernetes.workspaces import (
    CLAIMS,
    DEADLINE,
    POD,
    Object,
    Workspace,
    make_claim,
    with_container,
    with_variables,
)
from tests.worlds.waiting import wait_until

FILL = "printf 'protocol=https\\nhost=github.com\\n\\n' | git credential fill"


def make_secret(**values: str) -> Object:
    data = {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "workspace"}, "data": data}


def test_a_secret_that_changes_reaches_git(workspace: Workspace) -> None:
    workspace.apply(make_secret(github_token="ghp_first0000000000000000000000000000000"))
    workspace.start()
    workspace.wait_ready()
    assert "password=ghp_first" in workspace.call("sh", "-c", FILL)
    workspace.apply(make_secret(github_token="ghp_second000000000000000000000000000000"))
    wait_until(lambda: "password=ghp_second" in workspace.call("sh", "-c", FILL),
               "the new token", DEADLINE)  # fmt: skip
    assert workspace.container()["restartCount"] == 0


def test_a_container_that_is_killed_starts_again_in_its_pod(workspace: Workspace) -> None:
    """What lies in the pod's /dev/shm is still there then."""
    workspace.start()
    pod = workspace.wait_ready()
    workspace.call("sh", "-c", "echo mine > ~/kept; echo mine > /workspace/kept")
    (container,) = workspace.containers()
    workspace.cluster.run("docker", "kill", container)
    wait_until(lambda: workspace.container().get("restartCount") == 1, "a restart", DEADLINE)
    assert workspace.wait_ready() == pod
    assert workspace.call("sh", "-c", "cat ~/kept /workspace/kept") == "mine\nmine\n"
    assert workspace.ends() == [("137", "9")]


def test_a_pod_that_is_deleted_ends_in_order(workspace: Workspace) -> None:
    workspace.start()
    pod = workspace.wait_ready()
    workspace.kubectl("delete", "pod", POD, "--wait=false")
    workspace.wait_ready(after=pod)
    assert workspace.ends() == [("0", "")], "not killed, and no failure"


def test_a_drain_makes_a_backup_that_the_next_pod_has(workspace: Workspace) -> None:
    mount = {"name": "backups", "mountPath": "/backups"}
    workspace.start(
        with_variables(BACKUP_DIR="/backups"), with_container(volumeMounts=[mount]),
        {"volumeClaimTemplates": [*map(make_claim, (*CLAIMS, "backups"))]},
        claims=(*CLAIMS, "backups"),
    )  # fmt: skip
    pod = workspace.wait_ready()
    wait_until(lambda: list_backups(workspace), "the first backup", DEADLINE)
    workspace.call("sh", "-c", "date +%s > /workspace/unsaved")
    written = int(workspace.call("cat", "/workspace/unsaved"))
    assert max(list_backups(workspace)) <= written, "the file is in no backup yet"
    drain(workspace)
    workspace.wait_ready(after=pod)
    assert max(list_backups(workspace)) >= written
    assert workspace.ends() == [("0", "")]
    workspace.call("rm", "/workspace/unsaved")
    workspace.call("devcopilot", "backup", "restore", "--yes", "--path", "unsaved")
    assert int(workspace.call("cat", "/workspace/unsaved")) == written


def drain(workspace: Workspace) -> None:
    """Empty the node, and let pods come back to it; each of ours has an emptyDir."""
    words = ("drain", "node1", f"--timeout={DEADLINE:.0f}s")
    assert "--delete-emptydir-data" in workspace.cluster.kubectl(*words, check=False)
    workspace.cluster.kubectl(*words, "--delete-emptydir-data")
    workspace.cluster.kubectl("uncordon", "node1")


def list_backups(workspace: Workspace) -> list[float]:
    """Return when each backup was made, in seconds since 1970."""
    rows = json.loads(workspace.call("devcopilot", "backup", "list", "--json"))
    return [datetime.fromisoformat(row["time"]).timestamp() for row in rows]


def test_the_activity_answer_is_one_that_kubeflow_reads(workspace: Workspace) -> None:
    """Its podExec probe runs a command in the container, and reads `has_activity` of its output."""
    workspace.start()
    workspace.wait_ready()
    answer = json.loads(workspace.call("devcopilot", "activity", "--json"))
    assert isinstance(answer["has_activity"], bool)
    assert answer["last_activity"] is None or datetime.fromisoformat(answer["last_activity"]).tzinfo

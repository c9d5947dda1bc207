"""What differs between platforms: uids, authorities, and homes with many files."""

import base64
import os
from pathlib import Path

from tests.e2e.test_certificates import TOOLS
from tests.kubernetes.workspaces import POD, Workspace, with_container, with_pod
from tests.worlds.authority import Authority, write_files
from tests.worlds.inspection import HERE, PORT
from tests.worlds.waiting import wait_until

OPENSHIFT_UID = 1000680000
MANY = 300_000
STRANGE_GROUP = 4242
ASKING = ("curl", "node", "python")
ASKED = {f"/{name}" for name in ASKING}


def test_any_uid_will_do(workspace: Workspace) -> None:
    """OpenShift gives a namespace a uid and an fsGroup, and group 0, as this patch does."""
    given = {"runAsUser": OPENSHIFT_UID, "runAsGroup": 0, "fsGroup": OPENSHIFT_UID}
    workspace.start(with_pod(securityContext=given), components=["openshift"])
    workspace.wait_ready()
    assert workspace.call("id", "--user").strip() == str(OPENSHIFT_UID)
    assert workspace.call("whoami").strip() == "dev8"
    assert workspace.call("devcopilot", "health") == ""
    workspace.call("sh", "-c", "touch /home/dev8/mine /workspace/mine")


def test_a_home_of_many_files_is_not_walked_through_at_a_start(workspace: Workspace) -> None:
    """OnRootMismatch: the kubelet has given the empty volume to the group, and looks at its top."""
    workspace.start()
    workspace.wait_ready()
    scale(workspace, 0)
    workspace.wait_gone()
    home = workspace.cluster.find_volume(workspace.namespace, f"home-{POD}")
    last = fill(home / "project", MANY)
    scale(workspace, 1)
    workspace.wait_ready()
    assert last.stat().st_gid == STRANGE_GROUP
    assert workspace.call("sh", "-c", "ls -f ~/project/0 | wc -l").strip() == "1002"


def scale(workspace: Workspace, replicas: int) -> None:
    """Stop the workspace, or start it again."""
    workspace.kubectl("scale", "statefulset", "workspace", f"--replicas={replicas}")


def fill(folder: Path, count: int) -> Path:
    """Make so many files of dev8's, a thousand in a folder; return one of them."""
    for number in range(count // 1000):
        place = folder / str(number)
        place.mkdir(parents=True)
        os.chown(place, 1000, STRANGE_GROUP)
        for name in range(1000):
            path = f"{place}/{name}"
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
            os.chown(path, 1000, STRANGE_GROUP)
    os.chown(folder, 1000, STRANGE_GROUP)
    return Path(path)


def test_an_authority_from_a_configmap_is_trusted(workspace: Workspace, tmp_path: Path) -> None:
    authority, server = Authority(), tmp_path / "server"
    server.mkdir()
    write_files(server, authority.sign("localhost"))
    script, ask = HERE / "tls_server.py", (HERE / "tls_client.py").read_text()
    files = {path.name: base64.b64encode(path.read_bytes()).decode()
             for path in (script, *server.iterdir())}  # fmt: skip
    certificate = authority.own.certificate.decode()
    for kind, name, data in (
        ("ConfigMap", "workspace-certificates", {"ca.pem": certificate}),
        ("Secret", "workspace", files),
    ):
        meta = {"name": name}
        workspace.apply({"apiVersion": "v1", "kind": kind, "metadata": meta, "data": data})
    command = ["python3", f"/run/secrets/workspace/{script.name}", str(PORT)]
    workspace.start(with_container(args=command), components=["certificates"])
    workspace.wait_ready()
    for tool in ASKING:
        workspace.kubectl("exec", POD, "--", "python3", "-c", ask, "40", TOOLS[tool], check=False)
    wait_until(lambda: set(workspace.kubectl("logs", POD).split()) >= ASKED, "all of them asked")

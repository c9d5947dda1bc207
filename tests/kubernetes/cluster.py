"""A Kubernetes of one node for tests: the real control plane and kubelet, in their own namespaces.

Nothing of the machine is changed, and nothing is left behind: the network, the mounts and the
processes end with the cluster's first process, and its files and control groups are removed then.
"""

import contextlib
import json
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.worlds.bound import BOUND
from tests.worlds.programs import Awaited
from tests.worlds.waiting import wait_until

HERE = Path(__file__).parent
BUILT = HERE.parents[1] / ".cache/kubernetes/bin"
"""What scripts/kubernetes.sh has made."""
PATH = f"{BUILT}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ADDRESS = "172.31.250.1"
"""Of the node, in its own network: no other network of the machine has to be free of it."""
ADMIN, DEVELOPER, NODE = "admin", "developer", "node"
USERS = {
    ADMIN: ("admin", "system:masters"),
    NODE: ("system:node:node1", "system:nodes"),
    DEVELOPER: ("developer", ""),
}
"""Each with its name and its group in the cluster. The developer may do what RBAC's `edit` allows,
in the namespaces of `add_namespace`."""
NAMESPACES = ("--mount", "--pid", "--net", "--uts", "--ipc")
START_TIME = 180.0


class Cluster:
    """A cluster that runs."""

    def __init__(self, folder: Path) -> None:
        """Begin to start it; `folder` is empty, and its own."""
        self.folder = folder
        for name in ("docker", "kubelet", "etcd", "log", "keys", "pause", "volumes"):
            (folder / name).mkdir(mode=0o700 if name in ("keys", "etcd") else 0o755)
        shutil.copy(BUILT / "pause", folder / "pause/pause")
        shutil.copy(HERE / "runc-lenient", folder)
        make_keys(folder / "keys")
        way = (*BOUND, "unshare", *NAMESPACES, "--fork", "--mount-proc", "--kill-child")
        with (folder / "log/node").open("wb") as log:
            self._node = subprocess.Popen(
                [*way, HERE / "node.sh", str(folder), ADDRESS], env={"PATH": PATH},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Return the process that all others of the cluster are below."""
        return self._node.pid

    def wait(self) -> None:
        """Wait until pods can be scheduled."""
        wait_until(
            lambda: (self.folder / "started").exists() or self._node.poll() is not None,
            "a control plane that answers", START_TIME,
        )  # fmt: skip
        assert self._node.poll() is None, (self.folder / "log/node").read_text()
        wait_until(self._is_ready, "a node that is ready", START_TIME)

    def run(self, *words: str, text: str | None = None, check: bool = True) -> str:
        """Run a program of the node; return what it printed, with its errors if it may fail."""
        done = subprocess.run(
            [*self._enter(), *words], env={"PATH": PATH}, input=text, timeout=300,
            text=True, check=False, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if check else subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0 or not check, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def kubectl(self, *words: str, user: str = ADMIN, **options: Any) -> str:
        """Run kubectl as one of the users; `options` are those of `run`."""
        return self.run("kubectl", f"--kubeconfig={self.folder}/keys/{user}", *words, **options)

    def get(self, *words: str) -> dict[str, Any]:
        """Return an object, or a list of objects."""
        return dict(json.loads(self.kubectl("get", *words, "--output=json")))

    def load(self, image: str, docker: str, name: str) -> None:
        """Take an image from the machine's engine, and give it another name here."""
        with Awaited[bytes]([docker, "save", image], stdout=subprocess.PIPE) as saving:
            subprocess.run([*self._enter(), "docker", "load"], check=True, timeout=600,
                           stdin=saving.stdout, stdout=subprocess.DEVNULL)  # fmt: skip
        assert saving.returncode == 0, f"there is no {image} here"
        self.run("docker", "tag", image, name)

    def add_namespace(self, name: str) -> None:
        """Make a namespace in which the developer and all accounts are held to `restricted`."""
        self.kubectl("create", "namespace", name)
        self.kubectl("apply", "--filename=-", text=make_rights(name))

    def add_volume(self, namespace: str, claim: str) -> None:
        """Make a volume for a claim that is to come; see `find_volume`."""
        path = self.find_volume(namespace, claim)
        path.mkdir()
        self.kubectl("apply", "--filename=-", text=json.dumps(make_volume(namespace, claim, path)))

    def find_volume(self, namespace: str, claim: str) -> Path:
        """Return where a claim's volume lies on this machine."""
        return self.folder / "volumes" / f"{namespace}-{claim}"

    def close(self) -> None:
        """End everything, and remove it."""
        self._node.kill()
        self._node.wait()
        wait_until(self._remove_groups, "control groups that are empty")
        shutil.rmtree(self.folder)

    def _enter(self) -> tuple[str, ...]:
        """Return the words before a program of the node's."""
        children = Path(f"/proc/{self._node.pid}/task/{self._node.pid}/children").read_text()
        return ("nsenter", "--target", children.split()[0], "--mount", "--pid", "--net")

    def _is_ready(self) -> bool:
        conditions = [
            item for node in self.get("nodes")["items"] for item in node["status"]["conditions"]
        ]
        return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)

    def _remove_groups(self) -> bool:
        """Remove the control groups of the pods, inner ones first; tell whether all are gone."""
        tops = list(Path("/sys/fs/cgroup").glob(f"**/{self.folder.name}"))
        for top in tops:
            for path in (*sorted(top.glob("**/"), reverse=True), top):
                with contextlib.suppress(OSError):
                    path.rmdir()
        return not any(top.exists() for top in tops)


def make_keys(folder: Path) -> None:
    """Make the keys of the API and of accounts, and the way of each user to it."""
    openssl = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    names = ("-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    call(*openssl, *names, "-keyout", str(folder / "api.key"), "-out", str(folder / "api.crt"))
    call("openssl", "genrsa", "-out", str(folder / "accounts.key"), "2048")
    call("openssl", "rsa", "-in", str(folder / "accounts.key"), "-pubout",
         "-out", str(folder / "accounts.pub"))  # fmt: skip
    tokens = []
    for user, (name, group) in USERS.items():
        token = secrets.token_hex(16)
        tokens.append(f'{token},{name},{name},"{group}"\n')
        (folder / user).write_text(json.dumps(make_access(folder / "api.crt", token)))
    (folder / "tokens.csv").write_text("".join(tokens))


def call(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=60)


def make_access(certificate: Path, token: str) -> dict[str, Any]:
    """Return what a kubeconfig file says."""
    cluster = {"server": "https://127.0.0.1:6443", "certificate-authority": str(certificate)}
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }  # fmt: skip


def make_rights(namespace: str) -> str:
    """Return the policy, and who is held to it in a namespace."""
    return (HERE / "restricted.yaml").read_text().replace("NAMESPACE", namespace)


def make_volume(namespace: str, claim: str, path: Path) -> dict[str, Any]:
    """Return a volume in a folder of the node: `local`, since for hostPath fsGroup does nothing."""
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node1"]}
    return {
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": path.name},
        "spec": {
            "claimRef": {"namespace": namespace, "name": claim},
            "capacity": {"storage": "20Gi"}, "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain", "local": {"path": str(path)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }  # fmt: skip


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    """Run a cluster; nothing of it is left afterwards."""
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="dev8-kubernetes-")))
    try:
        cluster.wait()
        yield cluster
    finally:
        cluster.close()

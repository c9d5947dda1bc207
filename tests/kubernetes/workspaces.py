"""A workspace on the cluster, from the manifests of deploy/kubernetes as they are.

Added for the cluster: the tag of the image, and volumes for the claims. What a test adds
is a patch of the kind that a platform would write.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.kubernetes.cluster import DEVELOPER, Cluster
from tests.worlds import manifests
from tests.worlds.containers import MVP
from tests.worlds.waiting import wait_until

NAME, POD = "workspace", "workspace-0"
CLAIMS = ("home", "workspace")
DEADLINE = 180.0
"""Seconds that a pod may take to do anything."""
IMAGE = MVP.partition(":")[0]
TAG = "tested"
ON_NODE = f"{IMAGE}:{TAG}"
"""The image there. One with the tag `latest` would be pulled for each pod."""

Object = dict[str, Any]


class Workspace:
    """The one workspace of a namespace; the developer makes it."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        """`folder` is an empty one for its kustomization."""
        self.cluster = cluster
        self.namespace = namespace
        self._folder = folder

    def start(
        self,
        *parts: Object,
        base: Path = manifests.BASE,
        components: Sequence[str] = (),
        claims: Sequence[str] = CLAIMS,
    ) -> None:
        """Apply the manifests; `parts` are merged into the StatefulSet.

        `components` are names of those in deploy/kubernetes.
        """
        for claim in claims:
            self.cluster.add_volume(self.namespace, f"{claim}-{POD}")
        self.apply(*self.render(*parts, base=base, components=components))

    def render(
        self, *parts: Object, base: Path = manifests.BASE, components: Sequence[str] = ()
    ) -> list[Object]:
        """Return the objects that kustomize makes."""
        folder = manifests.write_kustomization(
            self._folder, namespace=self.namespace, resources=[base],
            components=[manifests.DEPLOY / "components" / name for name in components],
            images=[{"name": IMAGE, "newTag": TAG}],
            patches=[{"patch": json.dumps(make_patch(part))} for part in parts],
        )  # fmt: skip
        # The namespace is the administrator's.
        return [item for item in manifests.build(folder) if item["kind"] != "Namespace"]

    def apply(self, *objects: Object, user: str = DEVELOPER) -> None:
        """Make objects, or change them."""
        self.kubectl("apply", "--filename=-", text=make_list(objects), user=user)

    def kubectl(self, *words: str, user: str = DEVELOPER, **options: Any) -> str:
        """Run kubectl in the namespace."""
        return self.cluster.kubectl(f"--namespace={self.namespace}", *words, user=user, **options)

    def call(self, *words: str) -> str:
        """Run a program in the pod; return what it printed."""
        return self.kubectl("exec", POD, "--", *words)

    def pod(self) -> Object:
        """Return the pod; an empty one if there is none."""
        pods = self.cluster.get(f"--namespace={self.namespace}", "pods")["items"]
        return next((pod for pod in pods if pod["metadata"]["name"] == POD), {})

    def container(self) -> Object:
        """Return what is known of its container; nothing before it is known."""
        return dict((self.pod().get("status", {}).get("containerStatuses") or [{}])[0])

    def is_ready(self) -> bool:
        """Tell whether Kubernetes sends visitors to it."""
        conditions = self.pod().get("status", {}).get("conditions", ())
        return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)

    def wait_ready(self, *, after: str = "") -> str:
        """Wait until a pod other than `after` is ready; return its id."""

        def find() -> str:
            pod = self.pod()
            found = pod.get("metadata", {}).get("uid", "")
            is_new = found != after and "deletionTimestamp" not in pod.get("metadata", {})
            return str(found) if is_new and self.is_ready() else ""

        try:
            return wait_until(find, "a pod that is ready", DEADLINE)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {self.describe()}") from None

    def wait_gone(self) -> None:
        """Wait until there is no pod."""
        wait_until(lambda: not self.pod(), "the end of the pod", DEADLINE)

    def describe(self) -> str:
        """Return what a person would look at."""
        return self.kubectl("describe", "pod", POD, check=False)

    def containers(self) -> list[str]:
        """Return the ids of its running containers, without the pod's sandbox."""
        label = "--filter=label=io.kubernetes"
        return self.cluster.run(
            "docker", "ps", "--quiet", f"{label}.pod.namespace={self.namespace}",
            f"{label}.container.name={NAME}",
        ).split()  # fmt: skip

    def ends(self) -> list[tuple[str, str]]:
        """Return how its containers have ended: (exit code, "9" if they were killed)."""
        label = "--filter=label=io.kubernetes"
        lines = self.cluster.run(
            "docker", "events", "--since=0", "--until=0s", "--format={{json .}}",
            f"{label}.pod.namespace={self.namespace}", f"{label}.container.name={NAME}",
            "--filter=event=die", "--filter=event=kill",
        ).splitlines()  # fmt: skip
        events = [json.loads(line) for line in lines]
        killed = {
            event["id"] for event in events
            if event["Action"] == "kill" and event["Actor"]["Attributes"]["signal"] == "9"
        }  # fmt: skip
        return [
            (event["Actor"]["Attributes"]["exitCode"], "9" if event["id"] in killed else "")
            for event in events if event["Action"] == "die"
        ]  # fmt: skip

    def remove(self) -> None:
        """Free what it takes of the node."""
        self.kubectl("delete", "statefulset", NAME, "--ignore-not-found", "--wait=false")
        self.wait_gone()


def with_variables(**variables: str) -> Object:
    """Return the part of a StatefulSet that sets variables."""
    return with_container(env=[{"name": name, "value": value} for name, value in variables.items()])


def with_container(**fields: Any) -> Object:
    """Return the part of a StatefulSet that changes fields of its container."""
    return with_pod(containers=[{"name": NAME, **fields}])


def with_pod(**fields: Any) -> Object:
    """Return the part of a StatefulSet that changes fields of its pod."""
    return {"template": {"spec": fields}}


def make_patch(spec: Object) -> Object:
    """Return a patch that kustomize merges into the StatefulSet."""
    return {
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": NAME}, "spec": spec,
    }  # fmt: skip


def make_claim(name: str) -> Object:
    """Return a template of a claim."""
    resources = {"requests": {"storage": "1Gi"}}
    return {
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources},
    }


def make_list(objects: Iterable[Object]) -> str:
    """Return objects as one text for kubectl."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})

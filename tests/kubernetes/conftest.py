"""The cluster, one for all tests here; each test has a namespace of its own."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes import cluster as clusters
from tests.kubernetes.cluster import BUILT, Cluster
from tests.kubernetes.workspaces import ON_NODE, Workspace
from tests.worlds.containers import DOCKER, MVP
from tests.worlds.manifests import need_programs
from tests.worlds.needs import need

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster that has our image."""
    need(os.getuid() == 0, "needs root, for namespaces and mounts")
    need((BUILT / "kubelet").exists(), "there is no Kubernetes here; run: make test-kubernetes")
    need_programs()
    with clusters.running() as cluster:
        cluster.load(MVP, DOCKER, ON_NODE)
        yield cluster


@pytest.fixture
def workspace(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    """A namespace for a workspace that a test starts; only what frees the node is removed."""
    namespace = f"w{next(NUMBERS)}"
    cluster.add_namespace(namespace)
    workspace = Workspace(cluster, namespace, tmp_path)
    yield workspace
    workspace.remove()

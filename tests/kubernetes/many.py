"""What many idle workspaces cost a node and its cluster: python -m tests.kubernetes.many COUNT…

Prints a row for each count, with what was used in SECONDS of idling once all were ready. For
docs/kubernetes.md, and run by hand: its figures are those of a machine that does nothing else.
"""

import json
import os
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.kubernetes.cluster import Cluster, running
from tests.kubernetes.workspaces import (
    CLAIMS,
    NAME,
    ON_NODE,
    Workspace,
    with_container,
)
from tests.worlds.containers import DOCKER, MVP
from tests.worlds.waiting import wait_until

SECONDS = 120.0
START_TIME = 1200.0
SMALL = {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}}
"""So many pods would not be scheduled onto so few processors otherwise."""
CONTROL = ("kube-apiserver", "etcd", "kube-controller", "kube-scheduler")
NODE = ("kubelet", "dockerd", "containerd", "containerd-shim")
MIB = 2**20
Figures = defaultdict[str, float]


def find_processes(pid: int) -> Iterator[int]:
    """Yield all processes below one."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from find_processes(child)


def weigh_programs(cluster: Cluster) -> tuple[Figures, Figures]:
    """Return the bytes and the seconds of processor that each program of the cluster has."""
    sizes, seconds = Figures(float), Figures(float)
    for pid in find_processes(cluster.pid):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        name = re.sub("-manager|-runc-v2|-run.*", "", status.split()[1])
        found = re.search(r"RssAnon:\s+(\d+)", status)
        sizes[name] += int(found[1]) * 1024 if found else 0
        seconds[name] += (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    return sizes, seconds


def read_metrics(cluster: Cluster) -> Figures:
    """Return what the API server counts, by name and without labels."""
    found = Figures(float)
    for line in cluster.kubectl("get", "--raw=/metrics").splitlines():
        if line.startswith(("apiserver_request_total{", "apiserver_registered_watchers{")):
            found[line.partition("{")[0]] += float(line.split()[-1])
    return found


def read_pods(cluster: Cluster) -> list[Mapping[str, Any]]:
    """Return what the kubelet knows of each workspace's container."""
    path = "/api/v1/nodes/node1/proxy/stats/summary"
    summary = json.loads(cluster.kubectl("get", f"--raw={path}"))
    return [item for pod in summary["pods"] for item in pod["containers"] if item["name"] == NAME]


def count_ready(workspace: Workspace) -> int:
    """Return how many pods are ready."""
    state = workspace.cluster.get(f"--namespace={workspace.namespace}", "statefulset", NAME)
    return int(state["status"].get("readyReplicas", 0))


def measure(workspace: Workspace, count: int) -> dict[str, float]:
    """Scale to so many; return a row."""
    cluster, began = workspace.cluster, time.monotonic()
    workspace.kubectl("scale", "statefulset", NAME, f"--replicas={count}")
    wait_until(lambda: count_ready(workspace) == count, f"{count} pods", START_TIME)
    took = time.monotonic() - began
    time.sleep(30)  # what follows the start, such as setup, is over then
    before = weigh_programs(cluster)[1], read_metrics(cluster), read_pods(cluster), time.monotonic()
    time.sleep(SECONDS)
    sizes, seconds = weigh_programs(cluster)
    metrics, pods, passed = read_metrics(cluster), read_pods(cluster), time.monotonic() - before[3]

    def share(names: tuple[str, ...]) -> float:
        return sum(seconds[name] - before[0][name] for name in names) / passed * 1000

    used = sum(pod["cpu"]["usageCoreNanoSeconds"] for pod in pods)
    used -= sum(pod["cpu"]["usageCoreNanoSeconds"] for pod in before[2])
    requests = metrics["apiserver_request_total"] - before[1]["apiserver_request_total"]
    return {
        "pods": count,
        "seconds until all were ready": took,
        "working set of a pod (MiB)": average(p["memory"]["workingSetBytes"] for p in pods) / MIB,
        "processor of a pod (millicores)": used / 1e6 / passed / max(count, 1),
        "control plane (MiB)": sum(sizes[name] for name in CONTROL) / MIB,
        "control plane (millicores)": share(CONTROL),
        "kubelet and engine (MiB)": sum(sizes[name] for name in NODE) / MIB,
        "kubelet and engine (millicores)": share(NODE),
        "requests to the API a second": requests / passed,
        "watches": metrics["apiserver_registered_watchers"],
    }


def average(values: Iterator[float]) -> float:
    """Return the mean; 0 of nothing."""
    found = list(values)
    return sum(found) / len(found) if found else 0.0


def main(counts: list[int]) -> None:
    """Print the rows."""
    with running() as cluster, tempfile.TemporaryDirectory() as folder:
        cluster.load(MVP, DOCKER, ON_NODE)
        cluster.add_namespace("many")
        workspace = Workspace(cluster, "many", Path(folder))
        for number in range(max(counts)):
            for claim in CLAIMS:
                cluster.add_volume("many", f"{claim}-{NAME}-{number}")
        parallel = {"podManagementPolicy": "Parallel", "replicas": 0}
        workspace.start(with_container(**SMALL), parallel, claims=())
        for count in counts:
            row = measure(workspace, count)
            print(", ".join(f"{name}: {value:.4g}" for name, value in row.items()), flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])

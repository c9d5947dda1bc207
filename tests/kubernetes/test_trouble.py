"""What somebody sees of a workspace in trouble who has nothing but Kubernetes."""

from tests.kubernetes.workspaces import (
    DEADLINE,
    Object,
    Workspace,
    with_container,
    with_pod,
    with_variables,
)
from tests.worlds.waiting import wait_until


def wait_terminated(workspace: Workspace) -> Object:
    """Return how the container ended for the first time."""

    def find() -> Object:
        states = (workspace.container().get(name, {}) for name in ("lastState", "state"))
        return next((state["terminated"] for state in states if "terminated" in state), {})

    return wait_until(find, "the end of the container", DEADLINE)


def test_a_wrong_variable_says_so_in_describe(workspace: Workspace) -> None:
    workspace.start(with_variables(DEV8_SSH_PORT="many"))
    end = wait_terminated(workspace)
    sentence = "DEV8_SSH_PORT='many' is not a port number"
    assert end["exitCode"] == 2
    assert end["message"].startswith(sentence), "without the head of a line of the log"
    assert sentence in workspace.describe()


def test_a_pod_that_was_never_ready_is_replaced_once_it_is_corrected(workspace: Workspace) -> None:
    """Nobody has to delete it; with OrderedReady its StatefulSet would wait for it for ever."""
    workspace.start(with_variables(DEV8_SSH_PORT="many"))
    wait_terminated(workspace)
    workspace.apply(*workspace.render())
    workspace.wait_ready()


def test_a_service_that_is_given_up_says_so_in_describe(workspace: Workspace) -> None:
    """Its log is in the container that is gone; the message stays."""
    service = 'command = ["false"]\nessential = true\n'
    workspace.apply({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "services"},
        "data": {"mine.toml": service},
    })  # fmt: skip
    mount = {"name": "services", "mountPath": "/etc/devcopilot/services.d"}
    volume = {"name": "services", "configMap": {"name": "services"}}
    workspace.start(with_container(volumeMounts=[mount]), with_pod(volumes=[volume]))
    end = wait_terminated(workspace)
    assert end["exitCode"] == 70
    assert "init: error: an essential service keeps failing service=mine" in end["message"]
    assert len(end["message"]) <= 4096
    assert "an essential service keeps failing" in workspace.describe()


def test_a_service_that_ends_makes_the_pod_unready_until_it_is_back(workspace: Workspace) -> None:
    probe = {"tcpSocket": {"port": "ready"}, "periodSeconds": 1, "failureThreshold": 1}
    workspace.start(with_container(readinessProbe=probe))
    pod = workspace.wait_ready()
    workspace.call("pkill", "--oldest", "--signal=KILL", "sshd")
    wait_until(lambda: not workspace.is_ready(), "a pod that is not ready", DEADLINE)
    assert workspace.wait_ready() == pod
    assert workspace.container()["restartCount"] == 0, "the agent has restarted the service alone"

"""Nothing listens where it was not asked to: settings, and every socket of the container."""

import pytest

from tests.worlds.containers import BASE, HARDENED, WORKSPACE, Recipe, running
from tests.worlds.doors import list_doors
from tests.worlds.waiting import wait_until

RUN = "/dev/shm/devcopilot-1000"
BROKER, SERVICES = f"unix {RUN}/broker.sock", f"unix {RUN}/supervisord.sock"
"""In a folder that only the workspace's user enters. A token may come later: the first is always
there."""
SSH, EDITOR, PAGE = "tcp 0.0.0.0:2222", "tcp 0.0.0.0:8080", "tcp 127.0.0.1:8079"
EDITOR_OWN = "unix /home/dev8/.local/share/code-server/code-server-ipc.sock"
"""code-server's, for `code-server FILE` in a terminal; in such a folder, too."""
PASSWORDS = {"DEV8_METRICS_PASSWORD": "long enough", "DEV8_API_PASSWORD": "long enough"}
CONTROL_PLANE = {
    "SUPERVISOR_AGENT_BASE_URL": "http://127.0.0.1:1", "SUPERVISOR_AGENT_API_KEY": "a-key",
    "ENVIRONMENT_ID": "one",
}  # fmt: skip
ROWS: dict[str, tuple[str, dict[str, str], set[str]]] = {
    "default": (WORKSPACE, {}, {BROKER, SERVICES, SSH, EDITOR, EDITOR_OWN, PAGE}),
    "neither ssh nor editor": (BASE, {"DEV8_SSH": "false", "DEV8_CODE_SERVER": "false"}, {BROKER}),
    "all at their own": (
        WORKSPACE,
        {
            "DEV8_SSH": "false", "DEV8_CODE_SERVER_ADDRESS": "127.0.0.1",
            "DEV8_CODE_SERVER_PORT": "8888", "DEV8_PAGE_PORT": "7079",
            "DEV8_METRICS_ADDRESS": "9100", "DEV8_API_PORT": "9001",
        },
        {
            BROKER, SERVICES, EDITOR_OWN, "tcp 127.0.0.1:8888", "tcp 127.0.0.1:7079",
            "tcp 127.0.0.1:9100", "tcp 127.0.0.1:9001",
        },
    ),
    "open to the network": (
        BASE,
        {
            "DEV8_SSH_ADDRESS": "::", "DEV8_PAGE_PORT": "0", "DEV8_READY_ADDRESS": "0.0.0.0:8078",
            "DEV8_METRICS_ADDRESS": "0.0.0.0:9100", "SUPERVISOR_HTTP_ADDR": ":9000", **PASSWORDS,
        },
        {
            BROKER, SERVICES, SSH, "tcp [::]:2222", "tcp 0.0.0.0:8078", "tcp 0.0.0.0:9100",
            "tcp 0.0.0.0:9000",
        },
    ),
    "control plane": (BASE, CONTROL_PLANE, {BROKER, SERVICES, SSH, PAGE, "tcp 127.0.0.1:9000"}),
    "control plane, no API": (
        BASE, {**CONTROL_PLANE, "SUPERVISOR_HTTP_ENABLED": "false"}, {BROKER, SERVICES, SSH, PAGE},
    ),
}  # fmt: skip
"""Image, variables, and what takes callers."""


@pytest.mark.parametrize(("image", "variables", "expected"), ROWS.values(), ids=list(ROWS))
def test_nothing_else_listens(image: str, variables: dict[str, str], expected: set[str]) -> None:
    words = [word for pair in variables.items() for word in ("-e", "=".join(pair))]
    with running(Recipe(image, (*HARDENED, *words), published=False)) as box:
        box.wait_ready()
        at_ready = list_doors(box)
        wait_until(lambda: box.has_run("setup"), "the end of the setup")
        assert list_doors(box) == expected
        assert at_ready <= expected

"""The name server is dead and the network a black hole: the start takes not a second longer."""

import shutil
import statistics
from collections.abc import Callable

from tests.faults.lives import HOME, Ground, living
from tests.faults.tally import Tally
from tests.worlds.needs import need
from tests.worlds.waiting import wait_until

NO_SERVER = "192.0.2.1"
"""https://www.rfc-editor.org/rfc/rfc5737: nobody has it."""
CUT_OFF = "ip link set lo up"
BLACK_HOLE = (
    f"{CUT_OFF} && ip link add hole type veth peer name nobody && ip link set nobody up && "
    "ip address add 10.9.9.2/24 dev hole && ip link set hole up && "
    "ip neighbour add 10.9.9.1 lladdr 02:00:00:00:00:01 dev hole && "
    "ip route add default via 10.9.9.1 && "
    f"echo nameserver {NO_SERVER} >$1/resolv && mount --bind $1/resolv /etc/resolv.conf"
)
"""Nobody takes what comes out at the other end: no answer, and no refusal."""
VARIABLES = {
    "DEV8_GITHUB_API_URL": "", "DEV8_REPOSITORIES": "octo/demo", "DEV8_DOTFILES": "octo/dots",
    "BACKUP_DIR": "", "AWS_S3_BUCKET": "a-bucket", "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b", "SUPERVISOR_AGENT_BASE_URL": "https://control.example.com",
    "ENVIRONMENT_ID": "one",
}  # fmt: skip
"""All that asks somebody outside."""


def measure_start(ground: Ground, network: str) -> tuple[float, int]:
    """Return the seconds until ready, and the exit code after TERM."""
    before = f"{HOME} && {network}"
    with living(ground, variables=VARIABLES, before=before, way=("unshare", "--net")) as life:
        life.wait_ready()
        ready = wait_until(lambda: life.state()["ready_seconds"], "the time in state.json")
        return float(ready), life.stop()


def test_a_black_hole_delays_nothing(ground: Ground, tally: Callable[[int], Tally]) -> None:
    need(shutil.which("ip"), "there is no ip")
    count, cut_off, lost = tally(30), [], []
    for _ in count.tries():
        cut_off.append(measure_start(ground, CUT_OFF)[0])
        ready, code = measure_start(ground, BLACK_HOLE)
        lost.append(ready)
        count.count(f"stop: {code}" if code else "")
    count.check()
    without, within = statistics.median(cut_off), statistics.median(lost)
    print(f"ready after {without:.2f} s without a network, {within:.2f} s in a black hole")
    assert within < without + 1.0

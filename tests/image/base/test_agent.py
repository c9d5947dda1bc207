"""The agent in its own venv; what any image with it promises is tested in any/."""

from testinfra.host import Host


def test_supervisord_is_in_its_venv(host: Host) -> None:
    host.run_expect([0], "test -x /opt/devcopilot/bin/supervisord")


def test_health_fails_where_nothing_runs(host: Host) -> None:
    assert host.run("devcopilot health").rc == 1

"""The image started as it is meant to be, with no option but the hardening."""

from tests.image.conftest import ENGINE, MODES, Image
from tests.worlds.containers import Recipe, answers_http, answers_ssh, running
from tests.worlds.waiting import wait_until

QUICK_CHECK = ("--health-interval", "1s")


def test_answers_becomes_healthy_and_stops_in_order(image: Image, mode: str) -> None:
    with running(Recipe(image.name, (*MODES[mode], *QUICK_CHECK))) as box:
        box.wait_ready()
        assert answers_ssh(box.ssh_port)
        if "code-server" in image.variant.tools:
            assert answers_http(box.ide_port)
        if ENGINE != "podman":  # its timers need systemd
            wait_until(lambda: box.inspect("{{.State.Health.Status}}") == "healthy", "health")
        _, code = box.stop()
    assert code == 0

"""The agent in its own venv; what any image with it promises is tested in any/."""

from testinfra.host import Host

from scripts.variants import list_languages
from tests.image.conftest import Image


def test_supervisord_is_in_its_venv(host: Host) -> None:
    host.run_expect([0], "test -x /opt/devcopilot/bin/supervisord")


def test_health_fails_where_nothing_runs(host: Host) -> None:
    assert host.run("devcopilot health").rc == 1


def test_tells_the_versions_of_the_languages(image: Image, host: Host) -> None:
    told = host.check_output("devcopilot version").splitlines()[1:]
    wanted = list_languages(image.variant)
    for text in wanted:
        assert any(line.startswith(text) for line in told), text
    assert len(told) == len(wanted) + ("java" in image.variant.tools), "Maven is none of the list"

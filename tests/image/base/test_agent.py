"""The agent in its own venv."""

from testinfra.host import Host

PYTHON = "/opt/devcopilot/bin/python"


def test_tells_its_version(host: Host) -> None:
    assert host.check_output("devcopilot version").startswith("devcopilot ")


def test_imports_all_that_it_depends_on(host: Host) -> None:
    host.run_expect([0], f"{PYTHON} -I -c 'import github, psutil, requests, structlog, supervisor'")
    host.run_expect([0], "test -x /opt/devcopilot/bin/supervisord")


def test_is_not_led_astray_by_the_environment(host: Host) -> None:
    """PYTHONPATH and the current folder are the user's, for the user's programs."""
    host.run_expect(
        [0],
        "cd $(mktemp -d) && mkdir agent && echo 'raise SystemExit(9)' >agent/__init__.py && "
        "PYTHONPATH=$PWD devcopilot version",
    )


def test_is_compiled(host: Host) -> None:
    """A read-only root keeps no bytecode; every start would compile everything again."""
    folder = host.check_output(f"{PYTHON} -I -c 'import agent; print(*agent.__path__)'")
    sources = host.check_output(f"find {folder} -name '*.py' | wc -l")
    compiled = host.check_output(f"find {folder} -name '*.cpython-311.pyc' | wc -l")
    assert int(sources) == int(compiled) > 0


def test_belongs_to_root(host: Host) -> None:
    assert host.check_output("find /opt/devcopilot ! -user root") == ""
    assert host.check_output("find /opt/devcopilot -perm /022 ! -type l") == ""


def test_health_fails_where_nothing_runs(host: Host) -> None:
    assert host.run("devcopilot health").rc == 1

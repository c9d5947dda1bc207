"""What has to be in an image: the agent, what it calls, and the folders that it writes to."""

import re

import pytest
from testinfra.host import Host

from tests.image.any.conftest import Stranger
from tests.image.conftest import make_folder

promise = pytest.mark.promise
AGENT = "/opt/devcopilot"
PYTHON = f"{AGENT}/bin/python"
STATE = ".local/state/devcopilot"


def apt(*packages: str) -> str:
    """Return the command that installs packages."""
    return f"apt-get install {' '.join(packages)}"


def read_version(text: str) -> tuple[int, ...]:
    """Return the first version in what a program says of itself."""
    found = re.search(r"(\d+)\.(\d+)", text)
    assert found, text
    return tuple(map(int, found.groups()))


# --- the agent ----------------------------------------------------------------------------------


@promise("Python 3.11", f"{apt('python3.11')}, which {PYTHON} leads to")
def test_the_agents_python_runs(host: Host) -> None:
    if host.run(f"test -e {AGENT}").rc == 0:
        host.run_expect([0], f"{PYTHON} -I -c ''")


@promise("the agent", f"COPY --from=dev8-base {AGENT} {AGENT}, and link bin/devcopilot of it")
def test_the_agent_tells_its_version(host: Host) -> None:
    assert host.check_output("devcopilot version").startswith("devcopilot ")


@promise("a whole agent", f"COPY the whole of {AGENT}: packages in it are missing")
def test_the_agent_imports_all_that_it_depends_on(host: Host) -> None:
    host.run_expect([0], f"{PYTHON} -I -c 'import github, psutil, requests, structlog, supervisor'")


@promise("protection from PYTHONPATH", f"end the first line of {AGENT}/bin/devcopilot with -I")
def test_the_agent_is_not_led_astray_by_the_environment(host: Host) -> None:
    """PYTHONPATH and the current folder are the user's, for the user's programs."""
    host.run_expect(
        [0],
        "cd $(mktemp -d) && mkdir agent && echo 'raise SystemExit(9)' >agent/__init__.py && "
        "PYTHONPATH=$PWD devcopilot version",
    )


@promise("an agent that only root can change", f"chown -R root {AGENT} && chmod -R go-w {AGENT}")
def test_the_agent_belongs_to_root(host: Host) -> None:
    assert host.check_output(f"find {AGENT} ! -user root") == ""
    assert host.check_output(f"find {AGENT} -perm /022 ! -type l") == ""


@promise(
    "compiled sources", f"{PYTHON} -m compileall --invalidation-mode unchecked-hash {AGENT}/lib"
)
def test_the_agent_is_compiled(host: Host) -> None:
    """A read-only root keeps no bytecode; every start would compile everything again."""
    folder = host.check_output(f"{PYTHON} -I -c 'import agent; print(*agent.__path__)'")
    sources = host.check_output(f"find {folder} -name '*.py' | wc -l")
    compiled = host.check_output(f"find {folder} -name '*.pyc' | wc -l")
    assert int(sources) == int(compiled) > 0


# --- what it calls ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("git", marks=promise("git", apt("git"))),
        pytest.param("ssh", marks=promise("ssh", apt("openssh-client"))),
        pytest.param("ssh-keygen", marks=promise("ssh-keygen", apt("openssh-client"))),
        pytest.param("/usr/sbin/sshd", marks=promise("sshd", apt("openssh-server"))),
        pytest.param("ps", marks=promise("ps", apt("procps"))),
        pytest.param("restic", marks=promise(
            "restic, which makes the backups", "COPY --from=dev8-base /usr/local/bin/restic")),
        pytest.param("gh", marks=promise("gh", "COPY --from=dev8-base /opt/gh")),
    ],
)  # fmt: skip
def test_the_program_is_there(host: Host, program: str) -> None:
    host.run_expect([0], f"command -v {program}")


@promise("a restic of 0.18 or newer", "COPY --from=dev8-base /usr/local/bin/restic")
def test_restic_is_new_enough(host: Host) -> None:
    """0.18: exit codes, restore --delete, --retry-lock; 0.14 gave back a wrong link."""
    if host.run("command -v restic").rc == 0:
        assert read_version(host.check_output("restic version")) >= (0, 18)


@promise("a restic that works", "COPY --from=dev8-base /usr/local/bin/restic")
def test_restic_gives_back_what_it_took(host: Host) -> None:
    if host.run("command -v restic").rc:
        return
    folder = make_folder(host, {"a": "1", "b c": "2"})
    restic = f"RESTIC_PASSWORD=x restic --quiet --repo {folder}-repository"
    host.run_expect([0], f"{restic} init && {restic} backup {folder} && rm {folder}/a")
    host.run_expect([0], f"{restic} check --read-data && {restic} restore latest --target /")
    assert host.check_output(f"cat {folder}/a '{folder}/b c'") == "12"
    host.run_expect([12], f"RESTIC_PASSWORD=wrong restic --repo {folder}-repository snapshots")


@promise(
    "the agent's gh before the real one", "ln -s .../agent/github/helpers/gh /usr/local/bin/gh"
)
def test_the_agents_gh_stands_before_the_real_one(host: Host) -> None:
    if host.run("command -v gh").rc == 0:
        assert host.check_output("readlink -f $(command -v gh)").endswith("agent/github/helpers/gh")


@promise("certificates", apt("ca-certificates"))
def test_certificates_are_there(host: Host) -> None:
    host.run_expect([0], "test -s /etc/ssl/certs/ca-certificates.crt")


# --- how they find each other -------------------------------------------------------------------


@promise("the agent's file in git's configuration",
         f"git config --system --add include.path '~/{STATE}/gitconfig'")  # fmt: skip
def test_git_reads_what_the_agent_sets(host: Host) -> None:
    if host.run("command -v git").rc:
        return
    home = host.check_output("mktemp -d")
    host.run_expect(
        [0],
        f"export HOME={home} && mkdir -p $HOME/{STATE} && "
        f"git config -f $HOME/{STATE}/gitconfig test.key value && git config test.key",
    )


@promise("the agent's known hosts in ssh's configuration",
         "COPY --from=dev8-base /etc/ssh/ssh_config.d")  # fmt: skip
def test_ssh_reads_the_known_hosts_of_the_agent(host: Host) -> None:
    if host.run("command -v ssh").rc == 0:
        found = host.check_output("ssh -G example.com")
        assert re.search(rf"(?m)^userknownhostsfile .*{STATE}/ssh/known_hosts", found)


@promise("the session file of shells over ssh",
         "COPY --from=dev8-base /etc/profile.d/session.sh")  # fmt: skip
def test_shells_read_the_session(host: Host) -> None:
    host.run_expect([0], "test -r /etc/profile.d/session.sh")


@promise("the file that fish reads",
         "COPY --from=dev8-base /etc/fish/conf.d/devcopilot.fish")  # fmt: skip
def test_fish_reads_what_the_agent_sets(host: Host) -> None:
    if host.run("command -v fish").rc == 0:
        host.run_expect([0], "test -r /etc/fish/conf.d/devcopilot.fish")


# --- its user and folders -----------------------------------------------------------------------


@promise("a user other than root", "useradd someone, and USER someone")
def test_does_not_run_as_root(stranger: Stranger) -> None:
    assert stranger.user.partition(":")[0] not in ("0", "root")


@promise("an entry of its user in /etc/passwd", "useradd: ssh refuses a user without a name")
def test_its_user_has_a_name(host: Host) -> None:
    host.run_expect([0], "getent passwd $(id -u)")


@promise("a home folder that its user can write", "useradd --create-home, or chown it")
def test_its_home_can_be_written(host: Host) -> None:
    host.run_expect([0], "cd $(getent passwd $(id -u) | cut -d : -f 6) && test -w .")


@promise("a WORKSPACE_DIR that its user can write", "install -d -o USER /workspace")
def test_its_workspace_can_be_written(host: Host, stranger: Stranger) -> None:
    if stranger.has_feature:
        return
    host.run_expect([0], f"test -w {stranger.workspace} || test -w $(dirname {stranger.workspace})")


@promise("a language with UTF-8", "ENV LANG=C.UTF-8")
def test_speaks_utf_8(host: Host) -> None:
    assert host.check_output("locale charmap") == "UTF-8"


@promise("freedom from host keys", "rm /etc/ssh/ssh_host_*: they would be the same everywhere")
def test_holds_no_host_key(host: Host) -> None:
    assert host.run("ls /etc/ssh | grep ssh_host_").stdout == ""

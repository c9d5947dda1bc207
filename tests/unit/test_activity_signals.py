"""What counts as use of a workspace, in a fake /proc; tests/e2e/test_activity.py has a real one."""

import fcntl
import json
import time
from pathlib import Path

import pytest

from agent.observe.activity import leases
from agent.observe.activity.all import SIGNALS
from agent.observe.activity.sample import Sample
from tests.fakes.proc import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def find(sample: Sample, name: str) -> float | None:
    """Return the seconds since a signal was seen last."""
    seen = sample.view.memory.seen.get(name)
    return None if seen is None else sample.view.now.boot - seen[0]


def why(sample: Sample, name: str) -> str:
    (found,) = (sighting for signal, sighting in sample.sightings if signal.name == name)
    return found.why


def pass_time(machine: Machine, minutes: float, **used: float) -> Sample:
    """Let time pass as the job sees it: a sample each 30 s."""
    for _ in range(int(minutes * 2)):
        machine.wait(30, **used)
        found = machine.look()
    return found


def test_nothing_is_in_use_that_nobody_has_touched(machine: Machine) -> None:
    assert machine.look().verdict.active, "it has just started"
    found = pass_time(machine, 60)
    assert not found.verdict.active
    assert not [signal.name for signal in SIGNALS if find(found, signal.name) is not None]
    assert found.verdict.reason.startswith("Idle for 60 min: nobody has used it since it started.")


# --- people ---


def test_a_key_in_a_terminal_is_seen_at_once(machine: Machine) -> None:
    machine.open_terminal(2)
    pass_time(machine, 60)
    machine.type(2)
    machine.wait(4)
    found = machine.look()
    assert found.verdict.active
    assert found.verdict.reason.startswith("Active: you typed in terminal pts/2.")
    assert find(found, "terminal-input") == 4


def test_opening_a_terminal_is_not_typing(machine: Machine) -> None:
    """A browser that is loaded again opens its terminals again."""
    pass_time(machine, 60)
    machine.open_terminal(3)
    machine.print(3)
    found = machine.look()
    assert find(found, "terminal-input") is None
    assert not found.verdict.active


def test_an_old_key_stays_old_when_the_clock_is_set(machine: Machine) -> None:
    machine.open_terminal(2)
    machine.wait(60)
    machine.type(2)
    machine.look()
    pass_time(machine, 30)
    machine.set_back = 3600
    found = machine.look()
    assert find(found, "terminal-input") == 1800


def test_the_editor_tells_of_its_user(machine: Machine) -> None:
    pass_time(machine, 60)
    machine.touch(machine.runtime / "activity/editor")
    machine.wait(10)
    assert find(machine.look(), "editor") == 10


@pytest.mark.parametrize("counts", [False, True])
def test_an_open_tab_counts_only_where_that_is_wanted(tmp_path: Path, counts: bool) -> None:
    heartbeat = tmp_path / "heartbeat"
    machine = Machine(tmp_path / "machine", heartbeat=str(heartbeat), tabs=counts)
    machine.touch(heartbeat)  # code-server starts
    assert find(machine.look(), "tab") is None
    for _ in range(60):
        machine.wait(60)
        machine.touch(heartbeat)
        found = machine.look()
    assert found.verdict.active == counts
    assert find(found, "tab") == 0


def test_a_connection_is_shown_and_does_not_count(machine: Machine) -> None:
    local, remote = "0100007F:08AE", "0100007F:D431"
    lines = ["head", f"0: {local} {remote} 01 x", f"1: {local} 00000000:0000 0A x",
             f"2: {remote} {local} 01 x"]  # fmt: skip
    (machine.proc / "net/tcp").write_text("\n".join(lines))
    (machine.proc / "net/tcp6").write_text(f"head\n0: {'0' * 32}:1F90 {'0' * 32}:0001 01 x\n")
    found = pass_time(machine, 30)
    document = found.make_document()
    assert document["ssh"]["connections"] == document["ide"]["connections"] == 1
    assert find(found, "ssh") == 0
    assert not found.verdict.active


def test_a_token_that_is_given_out_is_shown_and_does_not_count(machine: Machine) -> None:
    """An editor that is left open fetches every few minutes."""
    for _ in range(30):
        machine.wait(60)
        machine.touch(machine.runtime / "audit")
        found = machine.look()
    assert find(found, "git") == 0
    assert not found.verdict.active


# --- programs ---


def test_a_quiet_build_counts_without_a_connection_until_it_ends(machine: Machine) -> None:
    """In tmux: its terminals belong to a server that nobody is connected to."""
    machine.open_terminal(1)
    make = machine.run(1, 200, "make")
    machine.start(201, "cc1plus", parent=make, terminal=1, group=make, session=101,
                  foreground=make)  # fmt: skip
    found = pass_time(machine, 30, p201=0.9)
    assert find(found, "terminal-job") == 0
    assert found.verdict.reason.startswith("Active: make works in terminal pts/1")
    machine.end(201)
    machine.end(make)
    machine.put_in_foreground(1, 101)
    found = pass_time(machine, 30)
    assert not found.verdict.active
    assert 1700 < (find(found, "terminal-job") or 0) <= 1800


def test_many_short_children_count_as_well(machine: Machine) -> None:
    """Those that come and go between two samples are on their parent's account."""
    machine.open_terminal(1)
    make = machine.run(1, 200, "make")
    assert find(pass_time(machine, 10, p200=0.5), "terminal-job") == 0
    assert make


def test_output_counts_and_a_prompt_does_not(machine: Machine) -> None:
    machine.open_terminal(1)
    pass_time(machine, 20)
    machine.print(1)  # a message in a shell at its prompt
    assert find(machine.look(), "terminal-job") is None
    machine.run(1, 200, "rsync")
    pass_time(machine, 20)
    machine.print(1)
    machine.wait(5)
    assert find(machine.look(), "terminal-job") == 5


@pytest.mark.parametrize("name", ["tail", "watch", "top", "htop", "less", "sleep", "vim", "npm"])
def test_what_only_waits_or_shows_something_does_not_count(machine: Machine, name: str) -> None:
    """`npm run dev` that nobody uses: neither output nor work."""
    machine.open_terminal(1)
    machine.wait(10)
    pid = machine.run(1, 200, name)
    machine.wait(600)
    for _ in range(60):
        machine.wait(30, **({f"p{pid}": 0.05} if name in ("watch", "top", "htop") else {}))
        if name != "npm":
            machine.print(1)
        found = machine.look()
    assert find(found, "terminal-job") is None
    assert not found.verdict.active


def test_what_watch_starts_does_not_count(machine: Machine) -> None:
    machine.open_terminal(1)
    pid = machine.run(1, 200, "watch")
    machine.start(201, "kubectl", parent=pid, terminal=1, group=pid, session=101, foreground=pid)
    machine.look()
    assert find(pass_time(machine, 10, p201=0.2), "terminal-job") is None


@pytest.mark.parametrize("form", ["claude", "node"])
def test_an_ai_tool_counts_at_work_and_not_at_its_prompt(machine: Machine, form: str) -> None:
    machine.open_terminal(1)
    words = ("node", "/usr/local/bin/gemini") if form == "node" else ("claude",)
    tool = machine.run(1, 200, form, *words)
    machine.wait(600)
    machine.look()
    found = pass_time(machine, 30, p200=0.004)
    assert find(found, "ai") is None
    assert not found.verdict.active
    assert why(found, "ai") == f"{words[-1].rpartition('/')[2]} waits at its prompt"
    assert find(pass_time(machine, 5, p200=0.05), "ai") == 0
    machine.start(201, "pytest", parent=tool)
    machine.look()
    found = pass_time(machine, 5, p201=0.5)
    assert find(found, "ai") == 0
    assert found.verdict.reason.startswith("Active: ")
    assert find(found, "terminal-job") is None, "it has a signal of its own"


@pytest.mark.parametrize(
    ("command", "counts"),
    [
        (("claude", "-p", "fix it"), True),
        (("codex", "exec", "fix it"), True),
        (("codex", "app-server"), False),
        (("claude", "--print", "--input-format=stream-json"), False),
    ],
)
def test_a_task_without_a_prompt_counts_while_it_waits(
    machine: Machine, command: tuple[str, ...], counts: bool
) -> None:
    """For an answer that takes minutes. What an editor talks to waits for that."""
    machine.start(300, command[0], *command, parent=0)
    found = pass_time(machine, 30)
    assert (find(found, "ai") == 0) == counts


def test_work_in_the_background_counts_after_two_minutes(machine: Machine) -> None:
    machine.start(400, "train")  # with nohup: its parent is init
    machine.look()
    machine.wait(30, p400=1.0)
    assert find(machine.look(), "work") is None
    found = pass_time(machine, 5, p400=1.0)
    assert found.verdict.reason.startswith("Active: train works in the background")
    assert find(pass_time(machine, 5, p400=0.02), "work") == 300


def start_editor(machine: Machine) -> tuple[int, int]:
    """Start code-server below supervisord; return its extension host and its terminals' parent."""
    python = "/opt/python"
    machine.start(10, "python3", python, "-I", "-m", "agent.init.preload", "supervisor.supervisord")
    machine.start(11, "node", "/usr/lib/code-server/lib/node", "/usr/lib/code-server", parent=10)
    host = machine.start(12, "node", "node", "bootstrap", "--type=extensionHost", parent=11)
    terminals = machine.start(13, "node", "node", "bootstrap", "--type=ptyHost", parent=11)
    return host, terminals


def test_a_busy_language_server_does_not_count(machine: Machine) -> None:
    host, _ = start_editor(machine)
    machine.start(20, "node", "node", "tsserver.js", parent=host)
    machine.start(21, "java", "java", "-jar", "jdt.jar", parent=20)
    machine.look()
    found = pass_time(machine, 30, p20=0.9, p21=0.9, p12=0.3, p11=0.2)
    assert not found.verdict.active
    assert find(found, "work") is None


def test_what_a_terminal_of_the_editor_has_left_behind_counts(machine: Machine) -> None:
    _, terminals = start_editor(machine)
    shell = machine.start(30, "bash", parent=terminals)
    machine.start(31, "pytest", parent=shell)
    machine.look()
    assert find(pass_time(machine, 5, p31=0.9), "work") == 0


def test_services_and_jobs_of_the_agent_do_not_count(machine: Machine) -> None:
    start_editor(machine)
    machine.start(40, "postgres", parent=10)
    machine.start(41, "sshd", parent=10)
    machine.start(42, "python3", "/opt/python", "-I", "-m", "agent", "--log", "refresh")
    machine.start(43, "restic", parent=42)
    machine.look()
    found = pass_time(machine, 10, p40=0.9, p41=0.5, p42=0.9, p43=0.9)
    assert find(found, "work") is None


def test_what_runs_in_a_session_of_ssh_counts(machine: Machine) -> None:
    start_editor(machine)
    machine.start(41, "sshd", parent=10)
    machine.start(44, "sshd-session", parent=41)
    machine.start(45, "rsync", parent=44)
    machine.look()
    assert find(pass_time(machine, 10, p44=0.3, p45=0.9), "work") == 0


def test_programs_alone_count_for_a_limited_time(tmp_path: Path) -> None:
    """After the last sign of a person; then the timeout begins."""
    machine = Machine(tmp_path, job_max=3600, timeout=1800)
    machine.open_terminal(1)
    machine.wait(60)
    machine.type(1)
    machine.start(400, "yes")
    machine.look()
    found = pass_time(machine, 55, p400=1.0)
    assert find(found, "work") == 0
    found = pass_time(machine, 20, p400=1.0)
    assert 600 < (find(found, "work") or 0) < 1200
    assert "DEV8_ACTIVITY_JOB_MAX" in why(found, "work")
    assert found.verdict.stops is not None
    assert found.verdict.stops > found.view.now.boot, "the timeout begins when the limit is reached"
    machine.type(1)
    assert find(pass_time(machine, 1, p400=1.0), "work") == 0


# --- the agent ---


@pytest.mark.parametrize("form", ["devcopilot", "python3"])
def test_who_looks_at_the_workspace_does_not_use_it(machine: Machine, form: str) -> None:
    """`devcopilot why`, `status` or `log -f` in a terminal, and what they start."""
    machine.open_terminal(1)
    machine.wait(60)
    words = ("/opt/python", "-I", "-m", "agent", "log", "-f")
    verb = machine.run(1, 200, form, *words, parent=0)
    machine.start(201, "less", parent=verb, terminal=1, group=verb, session=101, foreground=verb)
    machine.wait(60)
    for _ in range(60):
        machine.wait(30, p200=0.3)
        machine.print(1)
        found = machine.look()
    assert find(found, "terminal-job") is None
    assert find(found, "work") is None


def test_the_container_s_own_terminal_shows_the_log(machine: Machine) -> None:
    """With `docker run --tty` init and its log are in the foreground."""
    machine.open_terminal(0)
    machine.start(60, "python3", "/opt/python", "-I", "-m", "agent.init.logger",
                  terminal=0, group=1)  # fmt: skip
    machine.put_in_foreground(0, 1)
    machine.wait(60)
    for _ in range(60):
        machine.wait(30, p60=0.1)
        machine.print(0)
        found = machine.look()
    assert find(found, "terminal-job") is None


def test_units_count_and_a_backup_only_delays(machine: Machine) -> None:
    (machine.runtime / "units").mkdir()
    unit = machine.runtime / "units/hooks:postCreate.json"
    unit.write_text('{"state": "running"}')
    assert find(pass_time(machine, 30), "units") is None  # who worked on it was killed
    with (machine.runtime / "units/hooks.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert find(pass_time(machine, 30), "units") == 0
    unit.write_text('{"state": "done"}')
    machine.write_state(backup=True)
    found = pass_time(machine, 30)
    assert not found.verdict.active
    assert found.holds == ["a backup is being made"]


def test_a_lease_holds_until_its_time(machine: Machine) -> None:
    pass_time(machine, 30)
    leases.write(str(machine.runtime), machine.boot + 7200, "training")
    found = pass_time(machine, 110)
    assert found.verdict.reason.startswith("Active: `devcopilot keep` holds it: training")
    found = pass_time(machine, 30)
    assert not found.verdict.active
    assert not leases.list_names(str(machine.runtime))


def test_the_time_of_a_lease_is_known_beforehand(tmp_path: Path) -> None:
    machine = Machine(tmp_path, timeout=1800, action=["exit"])
    leases.write(str(machine.runtime), machine.boot + 7200, "for 2h")
    found = machine.look()
    assert found.verdict.stops == machine.boot + 7200 + 1800
    assert "It would stop in 2 h 30 min" in found.verdict.reason


def test_a_workspace_that_is_older_than_the_machine_has_its_time(tmp_path: Path) -> None:
    """As the tests make it that let time pass, on a machine that has just been started."""
    machine = Machine(tmp_path, timeout=3600, action=["exit"])
    machine.look()
    assert machine.kept
    machine.kept = json.dumps({**json.loads(machine.kept), "begin": -7200.0}).encode()
    found = machine.look()
    assert found.verdict.stops == -3600.0
    assert "It would stop at any moment" in found.verdict.reason


def test_an_end_on_another_day_has_its_date(tmp_path: Path) -> None:
    found = Machine(tmp_path, timeout=86400, action=["exit"]).look()
    tomorrow = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.view.now.wall + 86400))
    assert f"It would stop in 1 d 0 h ({tomorrow} " in found.verdict.reason


def test_a_lease_ends_with_its_process(machine: Machine) -> None:
    machine.start(500, "make")
    folder = str(machine.runtime)
    leases.write(folder, machine.boot + 9999, "make", 500, proc=str(machine.proc))
    assert find(pass_time(machine, 10), "lease") == 0
    machine.end(500)
    machine.start(500, "another")  # of the same pid
    found = pass_time(machine, 10)
    assert find(found, "lease") == 600
    assert not leases.list_names(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 3}', '{"until": "x", "why": 1}', "\0"])
def test_a_damaged_lease_holds_nothing(machine: Machine, text: str) -> None:
    folder = machine.runtime / leases.FOLDER
    folder.mkdir()
    (folder / "1.json").write_text(text)
    assert find(machine.look(), "lease") is None

"""The ports of the workspace: whose they are, what they are called, and how to open them."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.commands import ports as verb
from agent.machine.errors import AgentError
from agent.machine.light.clock import Clock
from agent.machine.network.sockets import Socket
from agent.observe.ports import labels, listeners, listening_programs, opening, overview
from agent.observe.ports.labels import Labels
from agent.observe.ports.listeners import Listener
from agent.observe.ports.listening_programs import Program
from agent.observe.ports.opening import Doors
from agent.observe.ports.overview import Row
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts

NOW = datetime(2026, 11, 29, tzinfo=UTC)
DOORS = Doors("", 2222, "dev8")
PUBLIC = Doors("https://dev.example.com/octo", 2222, "dev8", "dev.example.com")


def make_program(*command: str, pid: int = 7, name: str = "node") -> Program:
    return Program(pid, name, command or ("node", "server.js"), "/workspace", 100.0 + pid, NOW)


def make_listener(
    *addresses: str, port: int = 3000, program: Program | None = None, protocol: str = "tcp"
) -> Listener:
    return Listener(protocol, port, addresses or ("127.0.0.1",), 1000, program)


@pytest.fixture
def current(tmp_path: Path) -> Context:
    variables = {"DEV8_PORTS": "4000=given", "WORKSPACE_DIR": str(tmp_path / "workspace")}
    (tmp_path / "workspace").mkdir()
    return Context(variables, Settings.from_environ(variables), make_facts(tmp_path))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def listen(stack: ExitStack, *addresses: str) -> int:
    """Listen on one port of several addresses; return it."""
    port = 0
    for address in addresses:
        six = ":" in address
        server = stack.enter_context(socket.socket(socket.AF_INET6 if six else socket.AF_INET))
        if six:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, len(addresses) > 1)
        server.bind((address, port))
        server.listen()
        port = server.getsockname()[1]
    return port


# --- who listens


@pytest.mark.parametrize(
    ("addresses", "reach", "shown", "url"),
    [
        (("127.0.0.1",), "loopback", "loopback", True),
        (("0.0.0.0",), "all", "all", True),
        (("::",), "all", "all", True),
        (("::1",), "loopback", "[::1]", False),
        (("127.0.0.1", "::1"), "loopback", "loopback", True),
        (("0.0.0.0", "::"), "all", "all", True),
    ],
)
def test_each_address_makes_one_row(
    current: Context,
    stack: ExitStack,
    addresses: tuple[str, ...],
    reach: str,
    shown: str,
    url: bool,
) -> None:
    port = listen(stack, *addresses)
    (found,) = [each for each in listeners.find(Clock()) if each.port == port]
    row = overview.describe(found, "", DOORS, usual=True)
    assert (row.addresses, row.reach) == (tuple(sorted(addresses, key=lambda a: ":" in a)), reach)
    assert (row.uid, row.pid) == (os.getuid(), os.getpid())
    assert row.folder == str(Path.cwd())
    assert verb.describe_address(row) == shown
    assert (row.url == f"/proxy/{port}/") is url
    assert bool(row.advice) is not url
    assert row.since
    started = datetime.fromisoformat(row.since)
    assert datetime.now(UTC) - timedelta(hours=2) < started <= datetime.now(UTC)
    stack.close()
    assert port not in {each.port for each in listeners.find(Clock())}


def test_children_with_the_same_socket_are_one_row(stack: ExitStack) -> None:
    server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    argv = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]
    child = subprocess.Popen(argv, pass_fds=[server.fileno()], stdout=subprocess.PIPE)
    assert child.stdout
    try:
        child.stdout.readline()
        port = server.getsockname()[1]
        (found,) = [each for each in listeners.find(Clock()) if each.port == port]
        assert found.program
        assert found.program.pid == os.getpid()
    finally:
        child.kill()
        child.communicate()


def test_several_workers_of_one_program_are_one_row() -> None:
    found = [Socket("tcp", "0.0.0.0", 3000, 1000, inode) for inode in (1, 2, 3)]
    owners = {inode: make_program(pid=10 - inode) for inode in (1, 2, 3)}
    (row,) = listeners.join(found, owners)
    assert row.program
    assert row.program.pid == 7
    assert row.addresses == ("0.0.0.0",)


def test_what_we_may_not_look_into_is_there_with_its_user(current: Context) -> None:
    (found,) = listeners.join([Socket("tcp", "0.0.0.0", 25, 0, 9)], {})
    row = overview.describe(found, "", DOORS, usual=True)
    assert (row.program, row.pid, row.folder, row.since, row.user) == (
        None,
        None,
        None,
        None,
        "root",
    )
    assert verb.make_cells(row) == (
        "25", "all", "uid 0, program not visible", "-", "-", "-", "/proxy/25/"
    )  # fmt: skip
    assert row.ssh == "ssh -N -L 10025:localhost:25 -p 2222 dev8@HOST"


def test_two_programs_on_two_addresses_of_a_port_are_two_rows() -> None:
    found = [Socket("tcp", "127.0.0.1", 3000, 1000, 1), Socket("tcp", "::1", 3000, 1000, 2)]
    owners = {1: make_program(), 2: make_program(name="python3")}
    assert len(listeners.join(found, owners)) == 2


@pytest.mark.parametrize(
    ("name", "command", "shown"),
    [
        ("nginx", ("nginx: master process", "-g"), "nginx"),
        ("node", ("node", "/w/node_modules/.bin/vite", "--port", "5173"), "node vite"),
        ("MainThread", ("/usr/bin/node", "server.js", "--token=hunter2"), "node server.js"),
        ("python3", ("python3", "-m", "http.server", "8000"), "python3 http.server"),
        ("python3", ("python3.11", "-c", "password='hunter2'"), "python3.11"),
        ("node", ("node", "--eval", "hunter2"), "node"),
        ("node", ("node", "--require", "hunter2", "x.js"), "node"),
        ("java", ("java", "-jar", "/opt/app.jar"), "java app.jar"),
        ("npm run dev", ("npm run dev",), "npm run dev"),
        ("kworker", (), "kworker"),
    ],
)
def test_a_program_is_named_without_its_other_words(
    name: str, command: tuple[str, ...], shown: str
) -> None:
    assert listening_programs.make_name(name, command) == shown
    assert "hunter2" not in shown


def test_a_process_that_is_gone_or_strange_is_none(tmp_path: Path) -> None:
    assert listening_programs.read(7, Clock(), tmp_path) is None
    (tmp_path / "7").mkdir()
    (tmp_path / "7/stat").write_text("7 (x) S 1")
    (tmp_path / "7/cmdline").write_bytes(b"x\0")
    assert listening_programs.read(7, Clock(), tmp_path) is None


@pytest.mark.parametrize(
    ("command", "of_editor"),
    [
        (("/usr/lib/code-server/lib/node", "--x", "/usr/lib/code-server/out/bootstrap-fork"), True),
        (("/home/dev8/.vscode-server/cli/servers/x/server/node",), True),
        (("node", "/home/dev8/.vscode-server/extensions/x/server.js", "--port=1"), True),
        (("/home/dev8/.cursor-server/bin/node",), True),
        (("node", "/workspace/my-code-server/x.js"), False),
        (("node", "/workspace/server.js"), False),
    ],
)
def test_a_part_of_an_editor_is_known(command: tuple[str, ...], of_editor: bool) -> None:
    assert make_program(*command).is_of_editor is of_editor


def test_what_an_editor_keeps_for_itself_is_shown_on_demand(
    current: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = make_program("/x/.vscode-server/node", name="node")
    low = listeners.read_ephemeral().start
    found = [
        make_listener(port=low + 1, program=editor),
        make_listener(port=5500, program=editor),  # somebody has asked an extension for it
        make_listener(port=low + 2, program=make_program()),
        make_listener(port=low + 3),
    ]
    monkeypatch.setattr(listeners, "find", lambda *_, **__: found)
    usual = [row.port for row in overview.collect(current).rows]
    assert usual == [5500, low + 2, low + 3]
    assert len(overview.collect(current, everything=True).rows) == 4


@pytest.mark.parametrize("text", ["", "a b", "1", "1 2 3", "9" * 30])
def test_a_range_that_cannot_be_read_is_the_usual_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "range").write_text(text)
    assert listeners.read_ephemeral(tmp_path / "range").start == 32768


# --- what a port is called

ATTRIBUTES: dict[str, Any] = {
    "3000": {"label": "web"},
    "4000-4999": {"label": "range"},
    ".+/server\\.js": {"label": "pattern"},
    "(bad": {"label": "broken"},
    "5000": "not an object",
    "5001": {"label": 7},
    "5002": {"label": "x" * 500},
    "6000": {"onAutoForward": "silent"},
}


@pytest.mark.parametrize(
    ("port", "command", "label"),
    [
        (3000, (), "web"),
        (4000, (), "given"),
        (4001, (), "range"),
        (4999, (), "range"),
        (8000, ("node", "/w/server.js"), "pattern"),
        (8000, ("node", "/w/other.js"), ""),
        (5000, (), ""),
        (5001, (), ""),
        (5002, (), "x" * 60),
        (6000, (), ""),
    ],
)
def test_a_label_by_number_range_and_pattern(
    port: int, command: tuple[str, ...], label: str
) -> None:
    names = Labels({4000: "given"}, ATTRIBUTES)
    program = make_program(*command) if command else None
    assert names.find([make_listener(port=port, program=program)]) == [label]


def test_a_pattern_that_takes_for_ever_is_given_up() -> None:
    """Also in a thread, where no signal ends it: the page answers in one."""
    names = Labels({}, {"(a*)*b": {"label": "never"}})
    found = [make_listener(program=make_program("a" * 2000))]
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(names.find, found).result(timeout=30) == [""]


def test_patterns_have_their_time_however_late_they_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine the start of Python alone takes seconds."""
    late = tmp_path / "python"
    late.write_text(f'#!/bin/sh\n/bin/sleep 1.5\nexec {sys.executable} "$@"\n')
    late.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(late))
    names = Labels({}, {".+/server": {"label": "found"}})
    assert names.find([make_listener(program=make_program("/w/server"))]) == ["found"]


def test_labels_come_from_the_project(current: Context) -> None:
    folder = current.settings.workspace.folder
    text = json.dumps({"portsAttributes": {"3000": {"label": "web"}}})
    (folder / ".devcontainer.json").write_text(text)
    names = labels.load(current)
    assert names.find([make_listener(port=3000)]) == ["web"]
    assert names.find([make_listener(port=4000)]) == ["given"]
    (folder / ".devcontainer.json").write_text('{"portsAttributes": [1]}')
    assert labels.load(current).find([make_listener(port=3000)]) == [""]
    (folder / ".devcontainer.json").write_text("{")
    assert labels.load(current).find([make_listener(port=4000)]) == ["given"]


# --- how to open it


@pytest.mark.parametrize(
    ("addresses", "url", "ssh"),
    [
        (("127.0.0.1",), "/proxy/3000/", "3000:localhost:3000"),
        (("::",), "/proxy/3000/", "3000:localhost:3000"),
        (("::ffff:127.0.0.1",), "/proxy/3000/", "3000:localhost:3000"),
        (("::1",), None, "3000:[::1]:3000"),
        (("10.1.2.3",), None, "3000:10.1.2.3:3000"),
        (("::ffff:10.1.2.3",), None, "3000:10.1.2.3:3000"),
    ],
)
def test_the_ways_to_a_port(addresses: tuple[str, ...], url: str | None, ssh: str) -> None:
    listener = make_listener(*addresses)
    assert DOORS.find_url(listener) == url
    assert DOORS.find_ssh(listener) == f"ssh -N -L {ssh} -p 2222 dev8@HOST"
    assert PUBLIC.find_url(listener) == (url and f"https://dev.example.com/octo{url}")
    assert list(opening.advise(listener, DOORS)) == (
        []
        if url
        else [
            f"it listens on {'[::1]' if addresses == ('::1',) else '10.1.2.3'}:3000 only, which "
            "the editor cannot reach: have it listen on 127.0.0.1"
        ]
    )


def test_without_editor_and_ssh_there_is_no_way() -> None:
    doors, listener = Doors(None, None, "dev8"), make_listener("::1", program=make_program("vite"))
    assert (doors.find_url(listener), doors.find_ssh(listener)) == (None, None)
    assert list(opening.advise(listener, doors)) == []
    udp = make_listener(protocol="udp")
    assert (DOORS.find_url(udp), DOORS.find_ssh(udp)) == (None, None)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("node", "/w/node_modules/.bin/vite"), "Vite"),
        (("node", "/w/node_modules/vite/bin/vite.js", "--port", "3"), "Vite"),
        (("next-server (v16.4.6)",), "Next.js"),
        (("node", "/w/node_modules/.bin/next", "dev"), "Next.js"),
        (("node", "/w/node_modules/react-scripts/scripts/start.js"), "Create React App"),
        (("ng serve",), "Angular"),
        (("node", "/w/node_modules/.bin/vue-cli-service", "serve"), "Vue CLI"),
        (("node", "/w/invite.js"), ""),
        (("node", "/w/vitest", "run"), ""),
        (("python3", "-m", "http.server"), ""),
    ],
)
def test_servers_that_need_help_are_known(command: tuple[str, ...], name: str) -> None:
    found = opening.find_kind(make_program(*command))
    assert (found.name if found else "") == name


def test_advice_names_the_path_and_the_host() -> None:
    listener = make_listener(port=5173, program=make_program("node", "/w/.bin/vite"))
    assert list(opening.advise(listener, DOORS)) == [
        "Vite expects to be at /. Behind the editor, use vite --base /absproxy/5173/, and open "
        "/absproxy/5173/"
    ]
    assert list(opening.advise(listener, PUBLIC)) == [
        "Vite expects to be at /. Behind the editor, use vite --base /octo/absproxy/5173/, and "
        "open https://dev.example.com/octo/absproxy/5173/",
        "if Vite refuses the host: set __VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS=dev.example.com, or "
        "server.allowedHosts",
    ]
    followed = make_program("node", "/w/.bin/vite", "--base", "/absproxy/5173/")
    assert list(opening.advise(make_listener(port=5173, program=followed), DOORS)) == []


def test_a_host_that_is_an_address_is_refused_by_nobody() -> None:
    doors = Doors("http://10.0.0.1:8080", 2222, "dev8", "10.0.0.1")
    listener = make_listener(port=5173, program=make_program("vite"))
    assert len(list(opening.advise(listener, doors))) == 1


# --- what people and programs see


def test_the_rows_are_whole(current: Context, stack: ExitStack) -> None:
    port = listen(stack, "127.0.0.1")
    (row,) = [row for row in overview.collect(current).rows if row.port == port]
    assert (row.url, row.ssh) == (None, None), "neither runs here"
    assert row.usual
    assert set(vars(row)) == set(Row.__dataclass_fields__)


def test_threads_may_ask(current: Context) -> None:
    """The page is answered in one."""
    attributes = {"portsAttributes": {"x.*": {"label": "x"}}}
    (current.settings.workspace.folder / ".devcontainer.json").write_text(json.dumps(attributes))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(overview.collect, current).result(timeout=30).notes is not None


def test_engines_of_containers_are_told() -> None:
    assert listening_programs.find_engine({1: "bash", 2: "dockerd"}) == "dockerd"
    assert listening_programs.find_engine({1: "bash"}) == ""


def test_watching_prints_at_each_change_and_only_then(
    current: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = make_listener(port=3000, program=make_program())
    other = make_listener(port=3000, program=make_program(pid=8))
    answers = [[], [web], [web], [other], []]
    monkeypatch.setattr(listeners, "find", lambda *_, **__: answers.pop(0))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    seen: list[list[int | None]] = []
    with pytest.raises(IndexError):
        for each in verb.look(current, everything=False, again=True):
            seen.append([row.pid for row in each.rows])
    assert seen == [[], [7], [8], []]


@pytest.mark.parametrize(
    "value", ["dev.example.com", "https://u:p@h/", "https://h/?a=b", "ftp://h"]
)
def test_a_bad_address_is_refused(value: str) -> None:
    with pytest.raises(AgentError, match="DEV8_PUBLIC_URL"):
        Settings.from_environ({"DEV8_PUBLIC_URL": value})


def test_the_doors_are_those_that_run(tmp_path: Path) -> None:
    variables = {"DEV8_PUBLIC_URL": "https://dev.example.com/octo/", "DEV8_SSH_PORT": "2022"}
    current = Context(variables, Settings.from_environ(variables), make_facts(tmp_path))
    doors = overview.find_doors(current, {"code-server", "sshd"})
    assert (doors.editor, doors.ssh_port) == ("https://dev.example.com/octo", 2022)
    assert (doors.prefix, doors.host, doors.has_name) == ("/octo", "dev.example.com", True)
    doors = overview.find_doors(current, set())
    assert (doors.editor, doors.ssh_port) == (None, None)


@pytest.mark.parametrize(
    ("addresses", "hidden"),
    [(("127.0.0.11",), True), (("127.0.0.1",), False), (("127.0.0.11", "127.0.0.1"), False)],
)
def test_the_name_server_of_docker_is_nobodys_port(
    addresses: tuple[str, ...], hidden: bool
) -> None:
    """It answers in every network but the default one, and is no program of the workspace."""
    found = Listener("tcp", 40915, addresses, 0, None)
    assert overview.is_resolver(found) == hidden

"""The files of services.d: read when right, one clear line when wrong."""

import os
from pathlib import Path

import pytest

from agent.machine.errors import Problem
from agent.machine.system import Facts
from agent.services import user
from agent.services.service import CommandProbe, HttpProbe, PortProbe, Service
from agent.settings.context import Context
from agent.settings.everything import Settings


@pytest.fixture
def facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Facts:
    monkeypatch.setattr(user, "SYSTEM_FOLDER", tmp_path / "etc")
    return Facts(tmp_path, 1000, tmp_path / "run", tmp_path / "state")


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)


def read(facts: Facts, **environ: str) -> list[Service | Problem]:
    return list(user.find_services(Context({}, Settings.from_environ(environ), facts)))


def test_no_folder_is_no_service(facts: Facts) -> None:
    assert read(facts) == []


def test_everything_that_can_be_said(facts: Facts) -> None:
    text = """
        command = ["node", "server.js", "%s; \\n"]
        essential = true
        probe = { http = "http://127.0.0.1:3000/health?a=b" }
        directory = "/workspace"
        [environment]
        PORT = "3000"
        "dotted.name" = ""
    """
    write(facts.home / user.USER_FOLDER, web=text)
    assert read(facts) == [
        Service(
            name="web",
            argv=("node", "server.js", "%s; \n"),
            essential=True,
            probe=HttpProbe(3000, "/health?a=b"),
            environment={"PORT": "3000", "dotted.name": "", "DEV8_SERVICE": "web"},
            directory=Path("/workspace"),
        )
    ]


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(facts: Facts) -> None:
    write(facts.home / user.USER_FOLDER, nap='command = ["sleep", "1h"]')
    os.mkfifo(facts.home / user.USER_FOLDER / "pipe.toml")
    _, problem = read(facts)
    assert "pipe.toml: it is not a regular file" in str(problem)


def test_least_that_can_be_said(facts: Facts) -> None:
    write(facts.home / user.USER_FOLDER, nap='command = ["sleep", "1h"]')
    assert read(facts) == [
        Service("nap", ("sleep", "1h"), essential=False, environment={"DEV8_SERVICE": "nap"})
    ]


@pytest.mark.parametrize(
    ("text", "probe"),
    [
        ('{ http = "http://localhost:8000" }', HttpProbe(8000, "/")),
        ("{ port = 5432 }", PortProbe(5432)),
        ('{ command = ["pg_isready"] }', CommandProbe(("pg_isready",))),
    ],
)
def test_probes(facts: Facts, text: str, probe: object) -> None:
    write(facts.home / user.USER_FOLDER, web=f'command = ["x"]\nprobe = {text}')
    (service,) = read(facts)
    assert isinstance(service, Service)
    assert service.probe == probe


def test_both_folders_are_read_and_the_setting_moves_one(facts: Facts) -> None:
    write(user.SYSTEM_FOLDER, one='command = ["1"]')
    write(facts.home / user.USER_FOLDER, two='command = ["2"]')
    write(facts.home / "other", three='command = ["3"]')
    names = [item.name for item in read(facts) if isinstance(item, Service)]
    moved = [item.name for item in read(facts, DEV8_SERVICES_DIR=str(facts.home / "other"))
             if isinstance(item, Service)]  # fmt: skip
    assert (names, moved) == (["two", "one"], ["three", "one"])


@pytest.mark.parametrize("text", ['command = ["mine"]', "nonsense", ""])
def test_a_file_of_the_user_replaces_that_of_the_image(facts: Facts, text: str) -> None:
    write(user.SYSTEM_FOLDER, web='command = ["image"]', other='command = ["image"]')
    write(facts.home / user.USER_FOLDER, web=text)
    mine, other = read(facts)
    if text.startswith("command"):
        assert isinstance(mine, Service)
        assert mine.argv == ("mine",)
    else:
        assert isinstance(mine, Problem), "even a faulty one: the other is another program"
        assert str(facts.home / user.USER_FOLDER / "web.toml") in mine.message
    assert isinstance(other, Service)


GOOD = 'command = ["x"]\n'
MISTAKES = [
    ("command = 'not a list'", "`command` must be a list of texts"),
    ("command = []", "`command` must be a list of texts"),
    ('command = ["x", 1]', "`command` must be a list of texts"),
    ('command = [""]', "`command` must begin with a program"),
    ('command = ["A=b", "x"]', "`command` must begin with a program"),
    ('command = ["-x"]', "`command` must begin with a program"),
    ('command = ["x", "\\u0000"]', "`command` must be a list of texts"),
    ("", "`command` is missing"),
    ("command = [", "it is not TOML"),
    (GOOD + "comand = 1", "unknown key `comand`"),
    (GOOD + 'essential = "yes"', "`essential` must be true or false"),
    (GOOD + 'directory = "here"', "`directory` must be an absolute path"),
    (GOOD + "directory = 1", "`directory` must be an absolute path"),
    (GOOD + 'environment = "A=b"', "`environment` must be a table"),
    (GOOD + "environment = { A = 1 }", "`environment.A` must be a text"),
    (GOOD + 'environment = { "A B" = "1" }', "`environment.A B` is not the name of a variable"),
    (GOOD + 'environment = { "A=B" = "1" }', "`environment.A=B` is not the name of a variable"),
    (GOOD + "probe = 1", "`probe` must be one of"),
    (GOOD + "probe = {}", "`probe` must be one of"),
    (GOOD + 'probe = { port = 1, http = "x" }', "`probe` must be one of"),
    (GOOD + "probe = { port = 70000 }", "`probe.port` must be a number"),
    (GOOD + "probe = { port = true }", "`probe.port` must be a number"),
    (GOOD + 'probe = { http = "https://example.com/" }', "`probe.http` must be a URL"),
    (GOOD + 'probe = { http = "http://localhost:99999/" }', "`probe.http` must be a URL"),
    (GOOD + 'probe = { http = "http://localhost:80/a b" }', "`probe.http` must be a URL"),
    (GOOD + 'probe = { command = "x" }', "`probe.command` must be a list of texts"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_is_one_line_and_stops_no_other(facts: Facts, text: str, message: str) -> None:
    write(facts.home / user.USER_FOLDER, bad=text, good=GOOD)
    problem, service = read(facts)
    assert isinstance(problem, Problem)
    assert message in str(problem)
    assert str(facts.home / user.USER_FOLDER / "bad.toml") in str(problem)
    assert "\n" not in str(problem)
    assert isinstance(service, Service)


@pytest.mark.parametrize("name", ["Web", "a b", "a;b", "-a", "a.b", "a:b", "é", "agent", "x" * 65])
def test_a_name_that_cannot_be(facts: Facts, name: str) -> None:
    write(facts.home / user.USER_FOLDER, **{name: GOOD})
    (problem,) = read(facts)
    assert "its name must consist of" in str(problem)


def test_other_files_are_left_alone(facts: Facts) -> None:
    write(facts.home / user.USER_FOLDER, good=GOOD)
    (facts.home / user.USER_FOLDER / "README").write_text("words")
    assert len(read(facts)) == 1


def test_what_cannot_be_read_is_one_line(facts: Facts) -> None:
    folder = facts.home / user.USER_FOLDER
    (folder / "folder.toml").mkdir(parents=True)
    (folder / "link.toml").symlink_to("nowhere")
    (folder / "bytes.toml").write_bytes(b"\xff")
    messages = [str(item) for item in read(facts)]
    assert [message.rpartition("/")[2].split(":")[0] for message in messages] == [
        "bytes.toml", "folder.toml", "link.toml"]  # fmt: skip

"""What the agent's own services want, without running them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from agent.actions import WriteFile
from agent.errors import Problem
from agent.plan import File, Generated, Ledger, Seed, apply, plan
from agent.services import code_server, sshd
from agent.settings import Settings
from agent.system import Facts, System
from agent.values import BannerProbe, HttpProbe, Service

HASH = "$argon2i$v=19$m=4096,t=3,p=1$abc$def"


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("code-server", "sshd"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    environ = {"PATH": f"{programs}:/usr/bin:/bin"}
    return Facts(home, 1, tmp_path / "run", home / "state", environ)


def read_config(facts: Facts, **environ: str) -> tuple[dict[str, object], list[object]]:
    items = list(code_server.resources(Settings.from_environ(environ), facts))
    files = {item.path.name: item for item in items if isinstance(item, File)}
    config = files[code_server.CONFIG]
    assert config.mode == 0o600
    assert config.path.parent == facts.runtime
    return yaml.safe_load(config.content), [item for item in items if not isinstance(item, File)]


NASTY = "a # b: \"c\" 'd' \\ {e} \n%f é"


def test_given_password_arrives_whatever_it_holds(facts: Facts) -> None:
    config, rest = read_config(facts, CODE_SERVER_PASSWORD=NASTY)
    assert config == {"bind-addr": "0.0.0.0:8080", "auth": "password", "cert": False,
                      "password": NASTY}  # fmt: skip
    assert rest == []


def test_given_hash_arrives(facts: Facts) -> None:
    config, _ = read_config(facts, CODE_SERVER_HASHED_PASSWORD=HASH, DEV8_CODE_SERVER_PORT="9000")
    assert config["hashed-password"] == HASH
    assert "password" not in config
    assert config["bind-addr"] == "0.0.0.0:9000"


def test_no_password_is_a_plain_warning(facts: Facts) -> None:
    config, (problem,) = read_config(facts, CODE_SERVER_AUTH="none")
    assert config["auth"] == "none"
    assert "password" not in config
    assert isinstance(problem, Problem)
    assert "everyone who reaches port 8080 has a shell" in str(problem)


def test_a_password_is_made_kept_and_told_once(facts: Facts) -> None:
    settings, ledger = Settings.from_environ({}), Ledger()
    first = plan("code-server", code_server.resources(settings, facts), facts, ledger)
    assert apply(first, System({}), ledger) == ()
    kept = (facts.state / code_server.PASSWORD).read_text().strip()
    assert len(kept) >= 16
    assert (facts.state / code_server.PASSWORD).stat().st_mode & 0o777 == 0o600
    (words,) = [item.announcement for item in first.actions if isinstance(item, WriteFile)
                if item.announcement]  # fmt: skip
    assert words.count(kept) == 1
    assert kept not in repr(first)
    assert yaml.safe_load((facts.runtime / code_server.CONFIG).read_bytes())["password"] == kept
    again = plan("code-server", code_server.resources(settings, facts), facts, ledger)
    assert again.actions == ()


@pytest.mark.parametrize("trouble", ["full", "folder", "empty"])
def test_a_password_that_cannot_be_kept_lasts_as_long_as_the_container(
    facts: Facts, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    kept, spare = facts.state / code_server.PASSWORD, facts.runtime / code_server.PASSWORD
    kept.parent.mkdir(parents=True)
    match trouble:
        case "full":
            monkeypatch.setattr(code_server, "ROOM", 1 << 62)
        case "folder":
            kept.mkdir()
        case "empty":
            kept.touch()
    settings = Settings.from_environ({})
    first = plan("code-server", code_server.resources(settings, facts), facts, Ledger())
    assert apply(first, System({}), Ledger()) == ()
    word = spare.read_text().strip()
    assert len(word) >= 16
    assert read_config(facts)[0]["password"] == word
    again = plan("code-server", code_server.resources(settings, facts), facts, Ledger())
    assert again.actions == ()


def test_a_password_file_that_is_missing_still_protects(facts: Facts) -> None:
    config, (problem, seed) = read_config(facts, CODE_SERVER_PASSWORD_FILE="/no/such")
    assert "CODE_SERVER_PASSWORD_FILE" in str(problem)
    assert isinstance(seed, Seed)
    assert config["password"]


def test_code_server_is_run_with_its_file_alone(facts: Facts) -> None:
    settings = Settings.from_environ({"WORKSPACE_DIR": "/w", "CODE_SERVER_PASSWORD": "abcdefgh"})
    service = code_server.service(settings, facts)
    assert isinstance(service, Service)
    assert service.argv[-1] == "/w"
    assert service.probe == HttpProbe(8080, "/healthz", "127.0.0.1")
    assert service.environment == {"PASSWORD": "", "HASHED_PASSWORD": ""}
    assert "abcdefgh" not in json.dumps([service.argv, dict(service.environment)])


def test_code_server_starts_at_once_where_the_image_can(facts: Facts) -> None:
    def find_program() -> str:
        service = code_server.service(Settings.from_environ({}), facts)
        assert isinstance(service, Service)
        return service.argv[0]

    assert find_program() == "code-server"
    start = Path(facts.environ["PATH"].partition(":")[0], code_server.AT_ONCE)
    start.write_text("#!/bin/sh\n")
    start.chmod(0o755)
    assert find_program() == code_server.AT_ONCE


def test_what_is_off_or_not_there_is_no_service(facts: Facts) -> None:
    off = Settings.from_environ({"DEV8_CODE_SERVER": "false", "DEV8_SSH": "false"})
    assert code_server.service(off, facts) is None
    assert sshd.service(off, facts) is None
    bare = replace(facts, environ={"PATH": "/nowhere"})
    assert code_server.service(Settings.from_environ({}), bare) is None


def test_sshd_is_for_a_user_with_an_entry(facts: Facts) -> None:
    settings = Settings.from_environ({})
    assert isinstance(sshd.service(settings, facts), Service)
    for uid in (0, 4_000_000):
        problem = sshd.service(settings, replace(facts, uid=uid))
        assert isinstance(problem, Problem)
        assert "--user 1000:1000" in problem.hint


def find_problems(facts: Facts, **environ: str) -> list[Problem]:
    items = sshd.resources(Settings.from_environ(environ), facts)
    return [item for item in items if isinstance(item, Problem)]


def test_no_key_is_worth_a_word_and_no_warning(facts: Facts) -> None:
    (problem,) = find_problems(facts)
    assert problem.level == "info"
    assert find_problems(facts, SSH_PUBLIC_KEY="given") == []
    own = facts.home / ".ssh/authorized_keys"
    own.parent.mkdir(mode=0o700)
    own.write_text("")
    own.chmod(0o600)
    assert find_problems(facts) == []


def read_sshd_config(facts: Facts, **environ: str) -> dict[str, list[str]]:
    """Return keyword -> values of the configuration."""
    items = sshd.resources(Settings.from_environ(environ), facts)
    (config,) = [item for item in items if isinstance(item, File)]
    found: dict[str, list[str]] = {}
    for line in config.content.decode().splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword, []).append(value)
    return found


def test_modes_that_sshd_refuses_are_told_to_who_can_mend_them(facts: Facts) -> None:
    ours = replace(facts, uid=facts.home.stat().st_uid)
    facts.home.chmod(0o770)
    (problem,) = find_problems(ours, SSH_PUBLIC_KEY="given")
    assert problem.hint == f"chmod go-w {facts.home}"
    assert read_sshd_config(ours)["StrictModes"] == ["yes"]


@pytest.mark.parametrize(("owner", "mode"), [(1000, 0o770), (1000, 0o700), (0, 0o777)])
def test_keys_below_a_home_that_a_platform_made_are_taken(
    facts: Facts, monkeypatch: pytest.MonkeyPatch, owner: int, mode: int
) -> None:
    """Neither of the home's owner nor of its mode is anything in our hands."""
    facts.home.chmod(mode)
    monkeypatch.setattr(Facts, "owner", lambda *_: (owner, 0))
    given = replace(facts, uid=12345)
    (problem,) = find_problems(given, SSH_PUBLIC_KEY="given")
    assert problem.level == "info"
    assert f"chown 12345 {facts.home}" in problem.hint
    assert read_sshd_config(given)["StrictModes"] == ["no"]


def test_keys_below_a_temporary_home_are_taken_without_another_word(facts: Facts) -> None:
    facts.runtime.mkdir(mode=0o700)
    temporary = replace(facts, home=facts.runtime / "home", state=facts.runtime / "home/state")
    facts.runtime.parent.chmod(0o1777)
    assert find_problems(temporary, SSH_PUBLIC_KEY="given") == []
    assert read_sshd_config(temporary)["StrictModes"] == ["no"]


@pytest.mark.parametrize(
    ("address", "listen"),
    [
        ("127.0.0.1", ["127.0.0.1:2222"]),
        ("::1", ["[::1]:2222"]),
        ("::", ["0.0.0.0:2222", "[::]:2222"]),
    ],
)
def test_services_listen_where_they_are_asked_to(
    facts: Facts, address: str, listen: list[str]
) -> None:
    environ = {"DEV8_SSH_ADDRESS": address, "DEV8_CODE_SERVER_ADDRESS": address}
    assert read_sshd_config(facts, **environ)["ListenAddress"] == listen
    assert read_config(facts, **environ)[0]["bind-addr"] == f"{listen[-1][:-5]}:8080"
    asked = {"::": "127.0.0.1"}.get(address, address)
    for module in (sshd, code_server):
        service = module.service(Settings.from_environ(environ), facts)
        assert isinstance(service, Service)
        assert isinstance(service.probe, BannerProbe | HttpProbe)
        assert service.probe.host == asked


@pytest.mark.parametrize(
    ("kind", "taken_away", "host_keys"),
    [
        ("modern", {"ecdh-*", "diffie-hellman-*"}, 1),
        ("quantum-safe", {"ecdh-*", "diffie-hellman-*", "curve25519-*"}, 1),
        ("compatible", {"*-sha1"}, 2),
    ],
)
def test_algorithms_are_those_that_are_asked_for(
    facts: Facts, kind: str, taken_away: set[str], host_keys: int
) -> None:
    config = read_sshd_config(facts, DEV8_SSH_ALGORITHMS=kind)
    assert taken_away <= set(config["KexAlgorithms"][0].removeprefix("-").split(","))
    assert len(config["HostKey"]) == host_keys


def test_host_keys_are_kept_and_private(facts: Facts) -> None:
    settings = Settings.from_environ({"SSH_PUBLIC_KEY": "given"})
    system, ledger = System({"PATH": "/usr/bin:/bin"}), Ledger()
    assert apply(plan("sshd", sshd.resources(settings, facts), facts, ledger), system, ledger) == ()
    key = facts.state / "ssh/ssh_host_ed25519_key"
    content = key.read_bytes()
    assert plan("sshd", sshd.resources(settings, facts), facts, ledger).actions == ()
    key.chmod(0o660)  # as an orchestrator does to the files of a volume
    (action,) = plan("sshd", sshd.resources(settings, facts), facts, ledger).actions
    action.apply(system)
    assert (key.stat().st_mode & 0o777, key.read_bytes()) == (0o600, content)


def test_host_keys_go_elsewhere_where_they_cannot_be_kept(
    facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sshd, "ROOM", 1 << 62)
    items = list(sshd.resources(Settings.from_environ({"SSH_PUBLIC_KEY": "given"}), facts))
    keys = [item.path.parent for item in items if isinstance(item, Generated)]
    assert keys == [facts.runtime / "ssh"]
    assert any("cannot keep ssh host keys" in str(item) for item in items)


def test_set_env_leaves_out_what_it_cannot_say() -> None:
    environ = {"A": 'x "y" \\', "LINE": "a\nb", "USER": "x", "SSH_TTY": "x", "odd name": "x",
               "dotted.name": "1"}  # fmt: skip
    assert sshd.render_set_env(environ) == 'SetEnv "A=x \\"y\\" \\\\" "dotted.name=1"\n'
    assert sshd.render_set_env({}) == ""

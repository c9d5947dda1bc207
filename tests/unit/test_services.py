"""What the agent's own services want, without running them."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from agent.machine.errors import Problem
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import Plan, apply, plan
from agent.machine.planning.resources import File
from agent.machine.storage.volumes import Mounts, Volume
from agent.machine.system import Facts, System
from agent.services import code_server, launchers, sshd
from agent.services.service import BannerProbe, HttpProbe, Service
from agent.settings import argon2
from agent.settings.context import Context
from agent.settings.everything import Settings

HASH = "$argon2i$v=19$m=4096,t=3,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OTAxMjM0NQ"


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
    items = list(code_server.resources(Context({}, Settings.from_environ(environ), facts)))
    files = {item.path.name: item for item in items if isinstance(item, File)}
    config = files[code_server.CONFIG]
    assert config.mode == 0o600
    assert config.path.parent == facts.runtime
    return yaml.safe_load(config.content), [item for item in items if not isinstance(item, File)]


def test_the_configuration_holds_a_hash_and_no_password(facts: Facts) -> None:
    config, rest = read_config(facts, CODE_SERVER_PASSWORD="correct horse")
    hashed = config.pop("hashed-password")
    assert isinstance(hashed, str)
    assert argon2.find_fault(hashed) is None
    assert re.fullmatch(r"[0-9a-f]{12}", str(config.pop("cookie-suffix")))
    assert config == {"bind-addr": "0.0.0.0:8080", "auth": "password", "cert": False,
                      "app-name": "DevCopilot",
                      "i18n": str(facts.runtime / code_server.STRINGS)}  # fmt: skip
    assert [item for item in rest if isinstance(item, Problem)] == []


@pytest.mark.parametrize("given", [{"CODE_SERVER_PASSWORD": "the same in both"}, {}])
def test_each_editor_names_its_cookie_for_itself(
    facts: Facts, tmp_path: Path, given: dict[str, str]
) -> None:
    other = replace(facts, home=tmp_path / "other", state=tmp_path / "other/state")
    other.home.mkdir()
    here, there = apply_login(facts, given), apply_login(other, given)
    assert here["cookie-suffix"] != there["cookie-suffix"]
    assert apply_login(facts, given) == here, "whoever is logged in stays so"


def apply_login(facts: Facts, given: dict[str, str]) -> dict[str, object]:
    apply_config(facts, **given)
    found = yaml.safe_load((facts.runtime / code_server.CONFIG).read_bytes())
    assert isinstance(found, dict)
    return found


def test_the_cookies_name_tells_nothing_of_the_password(facts: Facts) -> None:
    """A stranger sees it, by /logout, and could try passwords on a hash."""
    salted, _, digest = HASH.rpartition("$")
    names = {read_config(facts, CODE_SERVER_HASHED_PASSWORD=f"{salted}${text}")[0]["cookie-suffix"]
             for text in (digest, digest[::-1].swapcase())}  # fmt: skip
    assert len(names) == 1


def test_given_hash_arrives(facts: Facts) -> None:
    config, _ = read_config(facts, CODE_SERVER_HASHED_PASSWORD=HASH, DEV8_CODE_SERVER_PORT="9000")
    assert config["hashed-password"] == HASH
    assert "password" not in config
    assert config["bind-addr"] == "0.0.0.0:9000"


def test_no_password_is_a_plain_warning(facts: Facts) -> None:
    config, (problem, *_) = read_config(facts, CODE_SERVER_AUTH="none")
    assert config["auth"] == "none"
    assert not {"password", "hashed-password"} & set(config)
    assert isinstance(problem, Problem)
    assert "everyone who can reach port 8080 gets a shell" in str(problem)


def test_the_path_of_the_public_address_stands_before_absolute_proxies(facts: Facts) -> None:
    config, _ = read_config(facts, DEV8_PUBLIC_URL="https://dev.example.com/octo/")
    assert config["abs-proxy-base-path"] == "/octo"
    config, _ = read_config(facts, DEV8_PUBLIC_URL="https://dev.example.com")
    assert "abs-proxy-base-path" not in config


def apply_config(facts: Facts, **environ: str) -> Plan:
    """Bring the files of code-server about, and see that a second run finds nothing to do."""
    settings, ledger = Settings.from_environ(environ), Ledger()
    made = plan("code-server", code_server.resources(Context({}, settings, facts)), facts, ledger)
    assert apply(made, System({}), ledger) == ()
    again = plan("code-server", code_server.resources(Context({}, settings, facts)), facts, ledger)
    assert again.actions == ()
    return made


def read_by_hand(facts: Facts) -> dict[str, object]:
    path = code_server.find_by_hand(facts)
    assert path.stat().st_mode & 0o777 == 0o600
    found = yaml.safe_load(path.read_bytes())
    assert isinstance(found, dict)
    return found


def test_a_code_server_that_is_started_by_hand_asks_for_the_same(facts: Facts) -> None:
    apply_config(facts, CODE_SERVER_PASSWORD="one")
    service = yaml.safe_load((facts.runtime / code_server.CONFIG).read_bytes())
    assert read_by_hand(facts) == {"bind-addr": "127.0.0.1:8080", "auth": "password",
                                   "hashed-password": service["hashed-password"],
                                   "cookie-suffix": service["cookie-suffix"],
                                   "cert": False}  # fmt: skip
    apply_config(facts, CODE_SERVER_PASSWORD="another")
    assert read_by_hand(facts)["hashed-password"] != service["hashed-password"]
    apply_config(facts, CODE_SERVER_AUTH="none")
    assert not (code_server.find_by_hand(facts)).exists()


@pytest.mark.parametrize(
    ("name", "value", "file"),
    [
        ("XDG_CONFIG_HOME", "{home}/cfg", "cfg/code-server/config.yaml"),
        ("XDG_CONFIG_HOME", "cfg", ".config/code-server/config.yaml"),
        ("CODE_SERVER_CONFIG", "{home}/mine.yaml", "mine.yaml"),
    ],
)
def test_what_is_read_by_hand_lies_where_it_is_looked_for(
    facts: Facts, name: str, value: str, file: str
) -> None:
    moved = replace(facts, environ={**facts.environ, name: value.format(home=facts.home)})
    apply_config(moved, CODE_SERVER_PASSWORD="one")
    assert "hashed-password" in yaml.safe_load((facts.home / file).read_bytes())


def test_nothing_is_left_by_hand_outside_the_home(facts: Facts, tmp_path: Path) -> None:
    path = tmp_path / "shared/config.yaml"
    moved = replace(facts, environ={**facts.environ, "CODE_SERVER_CONFIG": str(path)})
    apply_config(moved, CODE_SERVER_PASSWORD="one")
    assert not path.exists()


def test_nothing_is_left_by_hand_where_others_could_read_it(facts: Facts) -> None:
    share = replace(facts, mounts=Mounts(home=Volume(mode=0o777)))
    apply_config(share, CODE_SERVER_PASSWORD="one")
    assert not (code_server.find_by_hand(facts)).exists()


def test_a_configuration_of_theirs_stays_and_its_password_in_clear_is_told(facts: Facts) -> None:
    path = code_server.find_by_hand(facts)
    path.parent.mkdir(parents=True)
    path.write_text("auth: password\npassword: dev8dev\n")
    (problem,) = apply_config(facts).problems
    assert problem.level == "info"
    assert str(path) in problem.hint
    assert "dev8dev" not in str(problem)
    assert path.read_text() == "auth: password\npassword: dev8dev\n"


def test_code_server_is_run_with_its_file_alone(facts: Facts) -> None:
    settings = Settings.from_environ({"WORKSPACE_DIR": "/w", "CODE_SERVER_PASSWORD": "abcdefgh"})
    service = code_server.service(Context({}, settings, facts))
    assert isinstance(service, Service)
    assert service.argv[-1] == "/w"
    assert service.probe == HttpProbe(
        8080, "/healthz", "127.0.0.2", "POST", expected=(401,), accept="text/html"
    )
    assert service.first == HttpProbe(8080, "/", "127.0.0.2", expected=(302,))
    modules = (code_server.GIVE_BACK, code_server.LOGIN_LINK, code_server.FIRST_PAGE)
    required = " ".join(f'--require="{module}"' for module in modules)
    assert service.environment == {"NODE_OPTIONS": required}
    assert all(module.is_file() for module in modules)
    assert code_server.GIVE_BACK.is_file()
    assert "abcdefgh" not in json.dumps([service.argv, dict(service.environment)])


def test_code_server_starts_without_what_would_steer_it_and_people_get_it_back(
    facts: Facts,
) -> None:
    given = {"PORT": "3000", "NODE_OPTIONS": "--inspect", "CODE_SERVER_HOST": "::1", "MINE": "x"}
    facts = replace(facts, environ={**facts.environ, **given}, own_secrets={"PASSWORD": "theirs"})
    made = apply_config(facts, CODE_SERVER_AUTH="none")
    assert json.loads((facts.runtime / code_server.TAKEN).read_bytes()) == {
        "extensions": {"PORT": "3000", "CODE_SERVER_HOST": "::1", "PASSWORD": "theirs"},
        "terminals": {name: text for name, text in given.items() if name != "MINE"}
        | {"PASSWORD": "theirs"},
    }
    assert (facts.runtime / code_server.TAKEN).stat().st_mode & 0o777 == 0o600
    service = code_server.service(Context({}, Settings.from_environ({}), facts))
    assert isinstance(service, Service)
    assert set(service.without) == {"PORT", "NODE_OPTIONS", "CODE_SERVER_HOST", "PASSWORD"}
    script = launchers.render(service, facts).decode()
    assert all(f" -u{name} " in script for name in service.without)
    assert " -uMINE" not in script
    (told,) = (problem for problem in made.problems if "CODE_SERVER_HOST" in str(problem))
    assert "DEV8_CODE_SERVER_ADDRESS" in told.hint


def test_a_gallery_that_is_no_json_is_told(facts: Facts) -> None:
    broken = replace(facts, environ={**facts.environ, "EXTENSIONS_GALLERY": "{no"})
    assert any("EXTENSIONS_GALLERY" in str(it) for it in apply_config(broken).problems)
    whole = replace(facts, environ={**facts.environ, "EXTENSIONS_GALLERY": '{"serviceUrl": "x"}'})
    assert not any("EXTENSIONS_GALLERY" in str(it) for it in apply_config(whole).problems)


def test_sshd_starts_without_what_would_steer_its_libraries(facts: Facts) -> None:
    environ = {**facts.environ, "OPENSSL_CONF": "/x", "LISTEN_FDS": "1", "MINE": "x"}
    service = sshd.service(Context({}, Settings.from_environ({}), replace(facts, environ=environ)))
    assert isinstance(service, Service)
    assert service.without == ("OPENSSL_CONF", "LISTEN_FDS")


def test_code_server_starts_at_once_where_the_image_can(facts: Facts) -> None:
    def find_program() -> str:
        service = code_server.service(Context({}, Settings.from_environ({}), facts))
        assert isinstance(service, Service)
        return service.argv[0]

    assert find_program() == "code-server"
    start = Path(facts.environ["PATH"].partition(":")[0], code_server.AT_ONCE)
    start.write_text("#!/bin/sh\n")
    start.chmod(0o755)
    assert find_program() == code_server.AT_ONCE


def test_what_is_off_or_not_there_is_no_service(facts: Facts) -> None:
    off = Settings.from_environ({"DEV8_CODE_SERVER": "false", "DEV8_SSH": "false"})
    assert code_server.service(Context({}, off, facts)) is None
    assert sshd.service(Context({}, off, facts)) is None
    bare = replace(facts, environ={"PATH": "/nowhere"})
    assert code_server.service(Context({}, Settings.from_environ({}), bare)) is None


def test_sshd_is_for_a_user_with_an_entry(facts: Facts) -> None:
    settings = Settings.from_environ({})
    assert isinstance(sshd.service(Context({}, settings, facts)), Service)
    for uid in (0, 4_000_000):
        problem = sshd.service(Context({}, settings, replace(facts, uid=uid)))
        assert isinstance(problem, Problem)
        assert "--user 1000:1000" in problem.hint


def find_problems(facts: Facts, **environ: str) -> list[Problem]:
    items = sshd.resources(Context({}, Settings.from_environ(environ), facts))
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
    items = sshd.resources(Context({}, Settings.from_environ(environ), facts))
    (config,) = [item for item in items if isinstance(item, File) and item.path.name == sshd.CONFIG]
    found: dict[str, list[str]] = {}
    for line in config.content.decode().splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword, []).append(value)
    return found


def test_a_home_that_others_may_write_lets_people_in_and_is_told_to_who_can_mend_it(
    facts: Facts,
) -> None:
    ours = replace(facts, uid=facts.home.stat().st_uid)
    facts.home.chmod(0o777)
    (problem,) = find_problems(ours, SSH_PUBLIC_KEY="given")
    assert (problem.level, problem.hint) == ("info", f"chmod go-w {facts.home}")
    assert read_sshd_config(ours)["StrictModes"] == ["no"]


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
    asked = {"::": "127.0.0.2"}.get(address, address)
    for module in (sshd, code_server):
        service = module.service(Context({}, Settings.from_environ(environ), facts))
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


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("", []),  # up to 9.7: no such option; up to 9.2 no -G either
        ("persourcepenaltyexemptlist none\npersourcepenalties no\n", []),
        (
            "persourcepenalties crash:90 authfail:5 noauth:1 grace-exceeded:10 max:600 min:15 "
            "max-sources4:65536 overflow:permissive overflow6:permissive\n",  # 10.0
            ["authfail:0 noauth:0 grace-exceeded:0"],
        ),
        (
            "PerSourcePenalties crash:90.000000 authfail:5.000000 invaliduser:5.000000 "
            "max:600.000000 min:15.000000 overflow:permissive\n",  # 10.6
            ["authfail:0 invaliduser:0"],
        ),
    ],
)
def test_every_penalty_that_sshd_knows_is_lifted_but_that_for_a_crash(
    facts: Facts, said: str, line: list[str]
) -> None:
    said = f"usepam no\n{said}port 22\n" if said else ""
    folder = facts.home / "bin"
    folder.mkdir()
    program = folder / "sshd"
    program.write_text(
        f"#!/bin/sh\n[ \"$*\" = '-G -f /dev/null' ] || exit 9\nprintf '%s' '{said}'\n"
    )
    program.chmod(0o755)
    config = read_sshd_config(replace(facts, environ={"PATH": str(folder)}))
    assert config.get("PerSourcePenalties", []) == line

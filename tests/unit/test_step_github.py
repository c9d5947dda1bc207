"""gh's files, and what the real gh makes of them without any network."""

import json
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from agent.github import gh
from agent.github.record import Record, fingerprint
from agent.github.store import Store
from agent.github.token import Token
from agent.machine.secret import Secret
from tests.worlds.gh import find_gh
from tests.worlds.machine import Machine

HOSTS = ".config/gh/hosts.yml"
CONFIG = ".config/gh/config.yml"
FIRST = "ghp_first0123456789"
SECOND = "ghp_second0123456789"
OWN = "gho_the_users_own_login"
LONG = "ghs_123456_" + "eyJhbGciOi.J9-" * 36


class GhMachine(Machine):
    def __init__(self, root: Path) -> None:
        super().__init__(root, gh.resources)

    def publish(
        self, value: str | None, login: str | None = "octo", host: str = "github.com"
    ) -> None:
        shelf = Store(host, self.facts)
        if value:
            shelf.publish(Token(host, Secret(value), login), Record(host))
        else:
            shelf.withdraw()

    def run_with(self, value: str | None, login: str | None = "octo") -> list[str]:
        self.publish(value, login)
        return self.configure()

    @property
    def hosts(self) -> dict[str, dict[str, object]]:
        return dict(yaml.safe_load(self.read(HOSTS) or "{}"))

    def write(self, path: str, text: str) -> None:
        file = self.facts.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def gh(self, *words: str) -> "subprocess.CompletedProcess[str]":
        argv = [find_gh(), *words]
        environ = {**self.facts.environ, "HTTPS_PROXY": "http://127.0.0.1:1"}
        return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> GhMachine:
    return GhMachine(tmp_path)


@pytest.mark.parametrize("login", ["octo", "123", "null", None])
@pytest.mark.parametrize("token", [FIRST, LONG])
def test_gh_is_signed_in_without_network(machine: GhMachine, token: str, login: str | None) -> None:
    assert machine.run_with(token, login) == []
    assert machine.mode(HOSTS) == 0o600
    assert machine.read(CONFIG) == "version: 1\n"
    done = machine.gh("auth", "token")
    assert (done.returncode, done.stdout.strip()) == (0, token)


def test_gh_reads_it_on_a_read_only_home(machine: GhMachine) -> None:
    machine.run_with(FIRST)
    folder = machine.facts.home / ".config/gh"
    folder.chmod(0o500)
    try:
        assert machine.gh("auth", "token").stdout.strip() == FIRST
    finally:
        folder.chmod(0o700)


def test_a_new_token_replaces_ours_and_none_takes_all_back(machine: GhMachine) -> None:
    machine.run_with(FIRST)
    machine.run_with(SECOND)
    assert FIRST not in (machine.read(HOSTS) or "")
    assert machine.gh("auth", "token").stdout.strip() == SECOND
    assert machine.run_with(None) == []
    assert machine.read(HOSTS) is None
    assert machine.read(CONFIG) is None


def test_the_login_is_filled_in_when_it_is_known(machine: GhMachine) -> None:
    machine.run_with(FIRST, None)
    assert machine.hosts == {"github.com": {"oauth_token": FIRST}}
    machine.run_with(FIRST, "octo")
    account = {"octo": {"oauth_token": FIRST}}
    assert machine.hosts == {"github.com": {"oauth_token": FIRST, "user": "octo", "users": account}}
    machine.run_with(SECOND, "cat")
    assert machine.hosts["github.com"]["users"] == {"cat": {"oauth_token": SECOND}}


def test_other_hosts_accounts_and_settings_stay(machine: GhMachine) -> None:
    machine.run_with(FIRST)
    machine.gh("config", "set", "-h", "github.com", "git_protocol", "ssh")
    hosts = yaml.safe_load(machine.read(HOSTS) or "")
    hosts["github.com"]["users"]["second"] = {"oauth_token": OWN}
    hosts["ghe.example.com"] = {"user": "0123", "oauth_token": "gho_other"}
    machine.write(HOSTS, yaml.safe_dump(hosts))
    assert machine.run_with(SECOND) == []
    entry = machine.hosts["github.com"]
    assert (entry["oauth_token"], entry["user"]) == (SECOND, "octo")
    assert entry["users"]["second"] == {"oauth_token": OWN}  # type: ignore[index]
    assert entry["git_protocol"] == "ssh"
    assert machine.hosts["ghe.example.com"] == {"user": "0123", "oauth_token": "gho_other"}
    assert machine.run_with(None) == []
    assert machine.hosts["github.com"]["oauth_token"] == OWN
    assert machine.hosts["github.com"]["user"] == "second"
    assert SECOND not in (machine.read(HOSTS) or "")
    assert "gho_other" in (machine.read(HOSTS) or "")


def test_a_login_of_the_user_wins(machine: GhMachine) -> None:
    machine.run_with(FIRST)
    machine.write(HOSTS, f"# mine\ngithub.com:\n    user: me\n    oauth_token: {OWN}\n")
    before = machine.read(HOSTS)
    problems = machine.run_with(SECOND)
    assert len(problems) == 1
    assert "you signed in to gh yourself" in problems[0]
    assert machine.read(HOSTS) == before
    assert machine.run_with(None) == []
    assert machine.read(HOSTS) == before


def sign_in_beside(machine: GhMachine, **own: str) -> None:
    """Let the user sign in as a second account, as gh writes it."""
    hosts = machine.hosts
    entry = hosts["github.com"]
    entry.pop("oauth_token")
    entry["users"]["cat"] = dict(own)  # type: ignore[index]
    hosts["github.com"] = {**entry, "user": "cat", **own}
    machine.write(HOSTS, yaml.safe_dump(hosts))


@pytest.mark.parametrize("own", [{"oauth_token": OWN}, {}], ids=["in the file", "in a keyring"])
@pytest.mark.parametrize("login", ["octo", None])
def test_our_account_is_renewed_beside_the_active_one(
    machine: GhMachine, own: dict[str, str], login: str | None
) -> None:
    machine.run_with(FIRST)
    sign_in_beside(machine, **own)
    assert machine.run_with(SECOND, login) == []
    users = {"octo": {"oauth_token": SECOND}, "cat": own}
    assert machine.hosts == {"github.com": {"user": "cat", "users": users, **own}}
    assert machine.gh("auth", "token", "--user", "octo").stdout.strip() == SECOND
    if own:  # gh looks for the other one's token first, and has no keyring here
        assert machine.gh("auth", "switch", "--user", "octo").returncode == 0
        assert machine.run_with(FIRST) == []
        assert machine.gh("auth", "token").stdout.strip() == FIRST


def test_our_account_beside_the_active_one_may_become_anothers_and_goes(
    machine: GhMachine,
) -> None:
    machine.run_with(FIRST)
    sign_in_beside(machine, oauth_token=OWN)
    assert machine.run_with(SECOND, "dog") == []
    users = {"cat": {"oauth_token": OWN}, "dog": {"oauth_token": SECOND}}
    assert machine.hosts["github.com"] == {"user": "cat", "oauth_token": OWN, "users": users}
    assert "you signed in to gh yourself" in machine.run_with(FIRST, "cat")[0]
    assert machine.run_with(None) == []
    assert machine.hosts["github.com"]["oauth_token"] == OWN
    assert SECOND not in (machine.read(HOSTS) or "")


def test_what_was_written_in_an_earlier_life_is_known_again(
    machine: GhMachine, tmp_path: Path
) -> None:
    machine.run_with(FIRST)
    again = GhMachine(tmp_path)
    assert again.run_with(SECOND, None) == []
    assert again.hosts == {"github.com": {"oauth_token": SECOND}}


def test_a_write_cut_short_makes_nothing_the_users(machine: GhMachine) -> None:
    """The memory is written before hosts.yml: a crash between them must not lose the old token."""
    machine.run_with(FIRST)
    hosts = machine.read(HOSTS)
    machine.run_with(SECOND)
    machine.write(HOSTS, hosts or "")
    assert machine.run_with(SECOND) == []
    assert machine.gh("auth", "token").stdout.strip() == SECOND


def test_an_old_token_that_a_slow_gh_writes_back_is_not_the_users(machine: GhMachine) -> None:
    machine.run_with(FIRST)
    hosts = machine.read(HOSTS)
    for number in range(9):
        machine.run_with(f"ghp_rotated_{number}")
    machine.write(HOSTS, hosts or "")
    assert machine.run_with(SECOND) == []
    assert machine.gh("auth", "token").stdout.strip() == SECOND


def test_the_memory_keeps_the_newest_and_what_is_in_use(machine: GhMachine) -> None:
    path = gh.MEMORY.path(machine.facts)
    machine.publish(OWN, host="ghe.example.com")
    machine.run_with(FIRST)
    old = sorted(json.loads(path.read_text()))
    path.write_text(json.dumps(old))  # as it was before it had an order
    values = [f"ghp_rotated_{number}" for number in range(gh.MOST + 10)]
    for value in values:
        machine.run_with(value)
    marks = json.loads(path.read_text())
    assert len(marks) == gh.MOST + 3
    assert marks[-1] in {fingerprint(Secret(values[-1])), fingerprint(Secret(OWN))}
    kept = {fingerprint(Secret(value)) for value in (OWN, *values[-gh.MOST - 2 :])}
    assert set(marks) == kept


def test_a_token_never_lands_in_a_file_that_others_can_read(machine: GhMachine) -> None:
    machine.write(HOSTS, "ghe.example.com:\n    user: a\n    oauth_token: b\n")
    (machine.facts.home / HOSTS).chmod(0o644)
    machine.run_with(FIRST)
    assert machine.mode(HOSTS) == 0o600


def make_laughs(depth: int) -> str:
    """Return a few lines that stand for 10 ** depth texts: https://en.wikipedia.org/wiki/Billion_laughs_attack."""
    lines = ["a0: &a0 {oauth_token: x}"]
    for level in range(1, depth + 1):
        same = ", ".join(f"k{n}: *a{level - 1}" for n in range(10))
        lines.append(f"a{level}: &a{level} {{{same}}}")
    return "\n".join(lines) + "\n"


NOT_GHS = {
    "list": "- a\n- b\n",
    "unclosed": "{unclosed",
    "text": "github.com: text\n",
    "tab": "\tx: 1\n",
    "deep": "[" * 5000,
    "alias": "ghe.example.com: &a {user: b}\nghe.example.org: *a\n",
    "laughs": make_laughs(12),
    "key that is no text": "{[a]: {user: b}}\n",
}


@pytest.mark.parametrize("text", NOT_GHS.values(), ids=NOT_GHS.keys())
def test_a_file_that_is_not_ghs_is_left_alone(machine: GhMachine, text: str) -> None:
    machine.write(HOSTS, text)
    problems = machine.run_with(FIRST)
    assert len(problems) == 1
    assert "not YAML as gh writes it" in problems[0]
    assert machine.read(HOSTS) == text


def test_the_users_config_is_kept_to_the_letter(machine: GhMachine) -> None:
    text = "# mine\naliases:\n    co: pr checkout\nhttp_unix_socket: /x"
    machine.write(CONFIG, text)
    machine.run_with(FIRST)
    assert machine.read(CONFIG) == text + "\nversion: 1\n"
    machine.write(CONFIG, 'version: "1"\n' + text)
    machine.run_with(FIRST)
    assert machine.read(CONFIG) == 'version: "1"\n' + text


def test_gh_is_looked_for_where_it_looks(tmp_path: Path) -> None:
    machine = Machine(tmp_path, gh.resources, GH_CONFIG_DIR=str(tmp_path / "elsewhere"))
    Store("github.com", machine.facts).publish(
        Token("github.com", Secret(FIRST)), Record("github.com")
    )
    assert machine.configure() == []
    assert stat.S_IMODE((tmp_path / "elsewhere/hosts.yml").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["GH_CONFIG_DIR", "XDG_CONFIG_HOME"])
def test_a_folder_of_gh_that_is_another_in_each_place_is_told(tmp_path: Path, name: str) -> None:
    machine = Machine(tmp_path, gh.resources, **{name: "~/mine"})
    assert machine.configure() == [], "there is nothing to sign in with"
    Store("github.com", machine.facts).publish(
        Token("github.com", Secret(FIRST)), Record("github.com")
    )
    (problem,) = machine.configure()
    assert "is a relative path" in problem
    assert not Path("~").exists()


def test_every_host_gets_its_own_login(machine: GhMachine) -> None:
    machine.publish(FIRST)
    machine.publish(SECOND, "cat", "ghe.example.com")
    assert machine.configure() == []
    assert machine.gh("auth", "token").stdout.strip() == FIRST
    shown = machine.gh("auth", "token", "--hostname", "ghe.example.com")
    assert shown.stdout.strip() == SECOND


def test_no_token_of_many_hosts_is_taken_for_the_users(machine: GhMachine) -> None:
    hosts = [f"ghe{number}.example.com" for number in range(gh.MOST + 20)]
    for when in ("first", "second"):
        for host in hosts:
            machine.publish(f"ghp_{when}_{host}", host=host)
        assert machine.configure() == []
    found = {host: entry["oauth_token"] for host, entry in machine.hosts.items()}
    assert found == {host: f"ghp_second_{host}" for host in hosts}


def test_more_hosts_than_can_be_read_again_are_not_written(machine: GhMachine) -> None:
    machine.run_with(FIRST)
    hosts = [f"ghe{number}.example.com" for number in range(gh.MOST_BYTES // (2 * len(LONG)))]
    for host in hosts:
        machine.publish(LONG, host=host)
    (problem,) = machine.configure()
    assert "it would be larger than 256 KiB" in problem
    assert machine.gh("auth", "token").stdout.strip() == FIRST
    for host in hosts:
        machine.publish(None, host=host)
    assert machine.run_with(SECOND) == []
    assert machine.gh("auth", "token").stdout.strip() == SECOND


def test_a_host_that_is_gone_is_signed_out_and_can_come_back(machine: GhMachine) -> None:
    """Its token must not be taken for a login of the user's own later."""
    machine.publish(FIRST, host="ghe.example.com")
    machine.configure()
    machine.publish(None, host="ghe.example.com")
    machine.publish(SECOND)
    machine.configure()
    assert list(machine.hosts) == ["github.com"]
    machine.publish(None)
    machine.configure()
    assert machine.read(HOSTS) is None
    machine.publish("ghp_third", host="ghe.example.com")
    assert machine.configure() == []
    assert list(machine.hosts) == ["ghe.example.com"]


def test_a_login_of_the_users_own_hides_only_its_host(machine: GhMachine) -> None:
    machine.write(HOSTS, f"ghe.example.com:\n    oauth_token: {OWN}\n    user: me\n")
    machine.publish(FIRST)
    machine.publish(SECOND, host="ghe.example.com")
    problems = machine.configure()
    assert len(problems) == 1
    assert "login for ghe.example.com alone" in problems[0]
    assert machine.hosts["ghe.example.com"]["oauth_token"] == OWN
    assert machine.hosts["github.com"]["oauth_token"] == FIRST


def test_a_host_of_the_users_stays_as_it_is_without_accounts() -> None:
    """To write it anew would lose what is in it besides, such as comments."""
    text = f"# mine\nother.example.com:\n  oauth_token: {OWN}\n  users: {{}}\n".encode()
    known = frozenset((fingerprint(Secret(FIRST)),))
    assert gh.change_hosts(Path("hosts.yml"), [], known, text) == (text, [])


def test_a_name_without_a_token_is_not_given_to_ours(machine: GhMachine) -> None:
    machine.write(HOSTS, "github.com:\n  user: somebody\n  git_protocol: ssh\n")
    assert machine.run_with(FIRST, login=None) == []
    assert machine.hosts == {"github.com": {"git_protocol": "ssh", "oauth_token": FIRST}}

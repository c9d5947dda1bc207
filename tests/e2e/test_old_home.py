"""A container over a home that the bash entrypoint made: docs/migration.md says what becomes of it.

What the agent needs of its files it takes over, all others it leaves alone, and exports of keys in
the shells' start-up files are pointed out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.conftest import TOKEN, Login, write_secret
from tests.e2e.old_home import BASHRC, STALE, list_files, make_key, put_files, read_files
from tests.worlds.containers import MVP, Container, Recipe, created, log_in

KEY = "sk-ant-fresh-0123456789"
TAKEN_OVER = {".ssh/id_rsa", ".ssh/id_rsa.pub"}


@dataclass(frozen=True)
class Old:
    """A workspace over an old home, and what the home was like before."""

    box: Container
    before: dict[str, tuple[int, bytes]]


@pytest.fixture(scope="module")
def old(login: Login, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Old]:
    folder = tmp_path_factory.mktemp("old")
    folder.chmod(0o755)
    private = make_key(folder / "outgoing")
    token = write_secret(folder / "token", TOKEN + "\n")
    key = write_secret(folder / "key", private)
    options = (
        *("-v", "/home/dev8", "-v", f"{token}:/run/secrets/token:ro"),
        *("-v", f"{key}:/run/secrets/key:ro", "-e", "SSH_PRIVATE_KEY_FILE=/run/secrets/key"),
        *("-e", "GITHUB_TOKEN_FILE=/run/secrets/token", "-e", f"ANTHROPIC_API_KEY={KEY}"),
        *("-e", "GIT_USER_NAME=New Name"),
    )
    with created(Recipe(MVP, options)) as box:
        before = list_files(private, login.public)
        put_files(box, before)
        box.start()
        box.wait_ready()
        yield Old(box, before)


def find_lines(box: Container, words: str) -> list[tuple[str, str]]:
    """Return (level, message) of what the log says with these words."""
    return [(event["level"], event["message"]) for event in box.events()
            if words in event["message"]]  # fmt: skip


def test_all_other_files_stay_as_they_were(old: Old) -> None:
    now = read_files(old.box)
    kept = old.before.keys() - TAKEN_OVER
    assert {name: now.get(name) for name in kept} == {name: old.before[name] for name in kept}


def test_the_agents_password_applies_and_the_old_one_does_not(old: Old) -> None:
    assert log_in(old.box.ide_port, "dev8dev") == 200, "the form again"
    made = old.box.execute("sh", "-c", "cat ~/.local/state/devcopilot/code-server/password")
    assert log_in(old.box.ide_port, made) == 302


def test_the_same_private_key_is_mended_in_its_place(old: Old) -> None:
    script = "ssh-keygen -y -f ~/.ssh/id_rsa | cut -d' ' -f1,2; cut -d' ' -f1,2 ~/.ssh/id_rsa.pub"
    derived, written = old.box.execute("sh", "-c", script).splitlines()
    assert derived == written
    assert read_files(old.box)[".ssh/id_rsa"][0] == 0o600


def test_whoever_could_log_in_still_can(old: Old, login: Login) -> None:
    assert login.run(old.box, "whoami").strip() == "dev8"


def test_the_users_identity_wins_and_git_gets_the_new_token(old: Old) -> None:
    assert old.box.execute("git", "config", "user.name") == "Old Name"
    question = "printf 'protocol=https\\nhost=github.com\\n\\n' | git credential fill"
    assert f"password={TOKEN}" in old.box.execute("sh", "-c", question)


def test_exports_are_pointed_out_by_line_and_never_by_value(old: Old) -> None:
    first = BASHRC.count("\n") + 1
    numbers = f"lines {first}, {first + 2}, {first + 4}"
    others = f"lines {first + 1}, {first + 3}, {first + 5}"
    bashrc = find_lines(old.box, "/home/dev8/.bashrc exports")
    assert [(level, message.partition(":")[0]) for level, message in bashrc] == [
        ("warning", f"/home/dev8/.bashrc exports ANTHROPIC_API_KEY in {numbers}"),
        ("info", f"/home/dev8/.bashrc exports OPENAI_API_KEY in {others}"),
    ]  # fmt: skip
    ((level, message),) = find_lines(old.box, "/home/dev8/.profile exports")
    assert level == "warning"
    assert "GITHUB_TOKEN in line 1:" in message
    assert "remove that line" in message
    told = [problem["message"] for problem in old.box.status()["problems"]]
    assert sum("exports" in message for message in told) == 2
    assert not any(value in old.box.logs() for value in STALE.values())


def test_a_login_of_ones_own_in_gh_stays(old: Old) -> None:
    box = old.box
    ((_, message),) = find_lines(box, "left gh's login for github.com alone")
    assert "rm /home/dev8/.config/gh/hosts.yml; devcopilot refresh" in message
    assert box.execute("gh", "auth", "token") == STALE["GITHUB_TOKEN"]


def test_it_is_said_again_at_the_next_start(old: Old) -> None:
    before = len(find_lines(old.box, " exports "))
    old.box.stop()
    old.box.start()
    old.box.wait_ready()
    assert len(find_lines(old.box, " exports ")) == 2 * before


def test_what_was_said_mends_it(old: Old) -> None:
    box = old.box
    box.execute("sh", "-c", "sed -i '/^export/d' ~/.bashrc ~/.profile")
    box.execute("rm", "/home/dev8/.config/gh/hosts.yml")
    box.call("devcopilot", "refresh")
    assert box.execute("gh", "auth", "token") == TOKEN
    done = box.call("devcopilot", "configure")
    assert done.returncode == 0
    assert "exports" not in done.stderr
    assert "alone" not in done.stderr

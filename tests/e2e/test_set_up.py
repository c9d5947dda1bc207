"""A workspace sets itself up once somebody signs in: clone, dotfiles with a submodule, a hook.

Everything is real but GitHub: git, gh, the container.
"""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import write_secret
from tests.worlds.containers import BASE, HARDENED, Recipe, running
from tests.worlds.github_net import GitHubNet, github_net
from tests.worlds.waiting import wait_until

TOKEN = "ghp_setup0000000000000000000000000000001"
HOOK = (
    "gh api user --jq .login >/workspace/login && git fetch -q && "
    "git push -q origin HEAD:refs/heads/from-hook && env >/workspace/environ"
)
FILES = {
    "demo": {".devcontainer.json": json.dumps({"postCreateCommand": HOOK})},
    "plugin": {"greeting": "hello from a submodule"},
    "dotfiles": {"install.sh": "cp plugin/greeting ~/greeting; pwd >~/folder"},
}
FILL = """
set -e
git() { command git -c credential.helper= -c "credential.helper=!f() { echo username=x; \
echo password=$TOKEN; }; f" -c user.name=a -c user.email=a@example.com "$@"; }
cd /tmp && git clone -q "https://github.com/octo/$1" "$1" && cd "$1"
printf %s "$3" >"$2"
[ "$1" != dotfiles ] || git submodule add -q https://github.com/octo/plugin plugin
git add --all && git commit -q -m more && git push -q origin HEAD:main && rm -rf "/tmp/$1"
"""


def fill(net: GitHubNet) -> None:
    """Give the repositories their files, as somebody elsewhere."""
    for name in FILES:
        net.hub.add_repository(f"octo/{name}")
    for name in ("demo", "plugin", "dotfiles"):
        ((path, text),) = FILES[name].items()
        done = net.run("sh", "-c", FILL, "sh", name, path, text, TOKEN=TOKEN)
        assert done.returncode == 0, done.stderr


def find_reason(net: GitHubNet, unit: str) -> str:
    return next((row["reason"] for row in net.box.status()["units"] if row["name"] == unit), "")


@pytest.mark.parametrize("way", ["gh auth login", "a token of the agent"])
def test_it_goes_on_when_somebody_signs_in_and_nobody_reruns_anything(
    tmp_path: Path, way: str
) -> None:
    secrets, folder = tmp_path / "secrets", tmp_path / "net"
    for path in (secrets, folder):
        path.mkdir()
    for path in (tmp_path, secrets):
        path.chmod(0o755)
    by_hand = way == "gh auth login"
    options = (
        *HARDENED, "-v", "/workspace", "-v", f"{secrets}:/run/secrets:ro",
        *(() if by_hand else ("-e", "GITHUB_TOKEN_FILE=/run/secrets/token")),
        "-e", "DEV8_REPOSITORIES=octo/demo", "-e", "DEV8_DOTFILES=octo/dotfiles",
        "-e", "DEV8_TRUST=trusted",
    )  # fmt: skip
    with github_net(folder, BASE, options, command=()) as net:
        net.hub.add_token(TOKEN, "octocat")
        fill(net)
        net.box.wait_ready()
        for unit in ("clone:demo", "dotfiles"):
            wait_until(lambda unit=unit: "token" in find_reason(net, unit), f"{unit} waits")  # type: ignore[misc]
        if by_hand:
            words = ("--hostname", "github.com", "--git-protocol", "https", "--with-token")
            done = net.run("gh", "auth", "login", *words, stdin=TOKEN)
            assert done.returncode == 0, done.stderr
        else:
            write_secret(secrets / "token", TOKEN + "\n")
        done = net.run("devcopilot", "wait", "--for", "all", "--for", "hooks", "--timeout", "110s")
        log = net.run("devcopilot", "log", "hooks").stdout
        assert done.returncode == 0, done.stdout + done.stderr + log
        read = net.box.execute
        assert read("cat", "/home/dev8/greeting", "/home/dev8/folder") == (
            "hello from a submodule/home/dev8/.dotfiles"
        )
        assert read("cat", "/workspace/login") == "octocat"
        assert "refs/heads/from-hook" in read("git", "-C", "/workspace/demo", "ls-remote")
        assert TOKEN not in read("cat", "/workspace/environ") + log + net.box.logs()


KILL = """
for process in /proc/[0-9]*; do
    if [ "$(tr '\\0' ' ' <"$process/cmdline")" != "${1}" ]; then continue; fi
    kill -KILL "${process#/proc/}"
done
"""


def test_what_was_being_set_up_when_it_was_killed_is_done_all_the_same() -> None:
    """Where memory runs out, the kernel kills whatever it finds."""
    hook = "sh -c 'echo run >>/tmp/runs; [ $(grep -c run /tmp/runs) -gt 1 ] || sleep 1000'"
    with running(Recipe(BASE, ("--network", "none", "-e", f"DEV8_ON_CREATE={hook}"))) as box:
        box.wait_ready()
        wait_until(lambda: box.call("test", "-s", "/tmp/runs").returncode == 0, "the hook runs")
        box.execute("sh", "-c", KILL, "sh", "/opt/devcopilot/bin/python -I -m agent --log setup ")
        box.execute("devcopilot", "wait", "--for", "all", "--timeout", "110s")
        assert box.execute("cat", "/tmp/runs").split() == ["run", "run"]

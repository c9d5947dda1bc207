"""The small tools, each at its work."""

import pytest
from testinfra.host import Host

from tests.image.conftest import make_folder


@pytest.mark.needs_tools("desk")
def test_git_lfs_keeps_a_file_aside(host: Host) -> None:
    """Its filters are in the system's configuration: nobody has to run `git lfs install`."""
    commit = "git -c user.name=A -c user.email=a@b.c commit --quiet --message first"
    output = host.check_output(
        "cd $(mktemp -d) && git init --quiet && git lfs track '*.bin' >&2 && "
        f"echo large >a.bin && git add . && {commit} && git cat-file -p HEAD:a.bin"
    )
    assert output.startswith("version https://git-lfs.github.com/spec/v1")
    assert "size 6" in output


@pytest.mark.needs_tools("desk")
def test_two_builds_have_the_filter_of_git_lfs_in_one_order(host: Host) -> None:
    keys = host.check_output("git config --system --name-only --get-regexp '^filter[.]lfs[.]'")
    assert keys.split() == [
        f"filter.lfs.{key}" for key in ("clean", "process", "required", "smudge")
    ]


@pytest.mark.needs_tools("desk")
def test_git_lfs_gives_it_back_in_a_clone(host: Host) -> None:
    commit = "git -c user.name=A -c user.email=a@b.c commit --quiet --message first"
    output = host.check_output(
        "cd $(mktemp -d) && git init --quiet --bare store && git init --quiet one && cd one && "
        f"git lfs track '*.bin' >&2 && echo large >a.bin && git add . && {commit} && "
        "git push --quiet file://$PWD/../store HEAD:refs/heads/main >&2 && cd .. && "
        "git clone --quiet --branch main file://$PWD/store two >&2 && cat two/a.bin"
    )
    assert output == "large"


def test_jq_reads_json(host: Host) -> None:
    assert host.check_output("""echo '{"a": [1, 2]}' | jq '.a | add'""") == "3"


def test_ripgrep_searches(host: Host) -> None:
    folder = make_folder(host, {"a.txt": "needle\n", "b.txt": "hay\n"})
    assert host.check_output(f"rg --files-with-matches needle {folder}") == f"{folder}/a.txt"
    host.run_expect([1], f"rg nothing {folder}")


@pytest.fixture
def tmux(request: pytest.FixtureRequest) -> str:
    """Return the command for a server of the test's own.

    One that has been told to end, or has lost its last session, refuses new ones for a moment.
    """
    return f"tmux -L {request.function.__name__}"


def wait_for(host: Host, check: str) -> None:
    """Repeat a command in the container until it succeeds."""
    host.run_expect([0], f"timeout 110 sh -c 'until {check}; do :; done'")


def shows(tmux: str, words: str) -> str:
    """Return the command that tells whether the screen of the session has these words."""
    return f"{tmux} capture-pane -p -t work | grep -q {words}"


def test_tmux_keeps_a_session(host: Host, tmux: str) -> None:
    host.run_expect([0], f"{tmux} new-session -d -s work 'echo tmux-is-here; exec sleep 1000'")
    try:
        wait_for(host, shows(tmux, "tmux-is-here"))
    finally:
        host.run_expect([0], f"{tmux} kill-server")


def test_nano_edits(host: Host, tmux: str) -> None:
    """Typed into tmux's terminal: text, save, the name is right, leave."""
    folder = make_folder(host, {"a": "one\n"})
    host.run_expect([0], f"{tmux} new-session -d -s work 'nano {folder}/a'")
    wait_for(host, shows(tmux, "one"))
    host.run_expect([0], f"{tmux} send-keys -t work 'two ' C-o")
    wait_for(host, shows(tmux, "Name"))
    host.run_expect([0], f"{tmux} send-keys -t work Enter C-x")
    wait_for(host, f"! {tmux} has-session 2>/dev/null")
    assert host.check_output(f"cat {folder}/a") == "two one"


@pytest.mark.needs_tools("desk")
def test_vim_edits(host: Host) -> None:
    folder = make_folder(host, {"a": "one\n"})
    host.run_expect([0], f"vim -es -u NONE -c '%s/one/two/' -c wq {folder}/a")
    assert host.check_output(f"cat {folder}/a") == "two"
    assert "+syntax" in host.check_output("vim --version")


def test_less_pages(host: Host, tmux: str) -> None:
    """A page in tmux's terminal, the end, and out of it again."""
    lines = "".join(f"row-{number}-\n" for number in range(500))
    folder = make_folder(host, {"a": lines})
    host.run_expect([0], f"{tmux} new-session -d -s work 'less {folder}/a'")
    wait_for(host, shows(tmux, "row-0-"))
    assert host.run(shows(tmux, "row-499-")).rc == 1
    host.run_expect([0], f"{tmux} send-keys -t work G")
    wait_for(host, shows(tmux, "row-499-"))
    host.run_expect([0], f"{tmux} send-keys -t work q")
    wait_for(host, f"! {tmux} has-session 2>/dev/null")


def test_rsync_copies_what_changed(host: Host) -> None:
    folder = make_folder(host, {"a": "1", "b": "2"})
    target = host.check_output("mktemp -d")
    host.run_expect([0], f"rsync --archive {folder}/ {target}/ && echo 3 >{folder}/b")
    changed = host.check_output(f"rsync --archive --out-format=%n {folder}/ {target}/")
    assert "b" in changed.split()
    assert "a" not in changed.split()


def test_zip_unzip_and_xz(host: Host) -> None:
    folder = make_folder(host, {"a": "packed"})
    assert host.check_output(f"cd {folder} && zip -q a.zip a && unzip -p a.zip") == "packed"
    assert host.check_output(f"cd {folder} && xz a && tar --version >&2 && xz -dc a.xz") == "packed"


def test_curl_fetches(host: Host) -> None:
    assert host.check_output("curl --silent file:///etc/hostname") == host.check_output("hostname")

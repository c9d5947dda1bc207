"""What git reads: its settings for any values, and its protocol for credentials."""

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import strategies as st

from agent.github import spellings
from agent.machine.light import runtime
from agent.settings.everything import Settings
from agent.workspace import git
from tests.fuzz.properties import fuzz, make_folder
from tests.fuzz.texts import LINE, OS_TEXT, TEXT, VARIABLE, write
from tests.worlds.machine import make_facts

FOLDER = make_folder()
FACTS = make_facts(FOLDER)
PATHS = OS_TEXT.map(lambda text: Path("/w") / text.lstrip("/")).filter(
    lambda path: len(os.fsencode(path)) < 900
)
HOSTS = st.sampled_from(("github.com", "acme.ghe.com", "ghe.example.com", "x-y.z"))
RULES = st.tuples(
    st.one_of(st.sampled_from(("https://github.com/", "git@github.com:", "")), OS_TEXT),
    st.one_of(st.sampled_from(("https://github.com/", "git@github.com:", "ssh://")), OS_TEXT),
)


def read_config(path: Path) -> list[tuple[str, str]]:
    done = subprocess.run(
        ["git", "config", "--file", path, "--no-includes", "--null", "--list"],
        check=False,
        capture_output=True,
        timeout=60,
        env={"HOME": "/nowhere", "PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr
    rows = done.stdout.decode(errors="surrogateescape").split("\0")[:-1]
    return [(row.partition("\n")[0], row.partition("\n")[2]) for row in rows]


@fuzz(
    part=0.1,
    name=VARIABLE,
    email=VARIABLE,
    host=HOSTS,
    trusted=st.lists(PATHS, max_size=2),
    rules=st.lists(RULES, max_size=2),
)
def test_git_reads_exactly_what_was_meant(
    name: str, email: str, host: str, trusted: list[Path], rules: list[tuple[str, str]]
) -> None:
    known = git.find_rules((f"url.{to}.insteadof", begin) for to, begin in rules)
    environ = {"GIT_USER_NAME": name, "GIT_USER_EMAIL": email, "GH_HOST": host}
    try:
        settings = Settings.from_environ(environ)
    except Exception:  # which test_settings.py looks at
        return
    text = git.render_config(settings, [host], FACTS.runtime, trusted=trusted, rules=known)
    found = read_config(write(FOLDER / "config", os.fsencode(text)))
    wanted = [("include.path", "gitconfig-signing")]
    wanted += [("user.name", settings.git.user_name)] if settings.git.user_name else []
    wanted += [("user.email", settings.git.user_email)] if settings.git.user_email else []
    wanted += [("safe.directory", str(folder)) for folder in trusted]
    for site in spellings.list_sites(host):
        key = f"credential.https://{site}.helper"
        wanted += [(key, ""), (key, dict(found).get(key, ""))]
    for base, forms in spellings.choose_forms(host, known).items():
        wanted += [(f"url.{base}.insteadof", form) for form in forms]
    assert found == wanted


TOKEN = "ghp_0123456789abcdef"
FIELDS = st.one_of(
    st.sampled_from(
        (
            "protocol=https",
            "host=github.com",
            "host=GITHUB.com:443",
            "host=gist.github.com",
            "path=a/b.git",
            "username=octo",
            "username=x-access-token",
            f"password={TOKEN}",
            "capability[]=state",
            "state[]=devcopilot:mark",
            "host=../secrets/GITHUB_TOKEN",
            "host=.",
            "host=github.com.json",
            "protocol=http",
            "host=github.com/../x",
            "username=$(id)",
            "username=-n",
            "username=%s",
            "username=a\\nb",
            "",
        )
    ),
    st.builds(
        "{}={}".format,
        st.sampled_from(("protocol", "host", "path", "username", "password", "state[]")),
        LINE,
    ),
    LINE,
)
ALLOWED = (
    "capability[]=state",
    "state[]=devcopilot:",
    "continue=1",
    "username=",
    "password=",
    "quit=1",
)


@fuzz(
    part=0.05,
    lines=st.lists(FIELDS, max_size=8),
    ready=st.booleans(),
    action=st.sampled_from(("get", "get", "store", "erase")),
)
def test_the_helper_answers_git_alone(lines: list[str], ready: bool, action: str) -> None:
    """Whatever is asked: the token for its host over https, or nothing; no line of the asker's."""
    published = FACTS.runtime / runtime.TOKENS / "github.com"
    write(published, f"{TOKEN}\n\nocto\nmark\n\n")
    write(FACTS.runtime / runtime.SECRETS / "GITHUB_TOKEN", "another secret")
    asked = ["protocol=https", "host=github.com", *lines] if ready else lines
    done = subprocess.run(
        ["/bin/sh", git.HELPER, FACTS.runtime, sys.executable, action],
        input="".join(f"{line}\n" for line in asked).encode(),
        check=False,
        capture_output=True,
        timeout=60,
        env={"PATH": "/nowhere"},
        cwd=FOLDER,
    )
    said = done.stdout.decode(errors="replace")
    answer = said.removesuffix("\n").split("\n") if said else []
    assert "another secret" not in said
    assert all(line.startswith(ALLOWED) for line in answer), answer
    for name in ("username", "password"):
        assert sum(line.startswith(f"{name}=") for line in answer) <= 1, answer
    given = {
        line.partition("=")[0]: line.partition("=")[2]
        for line in asked[: asked.index("") if "" in asked else None]
    }
    if f"password={TOKEN}" in answer:
        host = given["host"].lower().removesuffix(":443")
        assert given["protocol"] == "https"
        assert host in ("github.com", "gist.github.com")
        assert action == "get"
    else:
        assert not any(line.startswith("password=") for line in answer), answer


@fuzz(text=TEXT)
def test_any_program_is_quoted_for_git(text: str) -> None:
    from agent.machine.light.escaping import quote

    assert "\n" not in quote(text)

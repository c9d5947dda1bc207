"""Services: supervisord, bash and sshd make of any value what was meant, and nothing more."""

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from agent.machine.light import runtime
from agent.services import launchers, sessions, supervisord
from agent.services.service import Service
from tests.fuzz.properties import fuzz, make_folder
from tests.fuzz.texts import NO_NUL, write
from tests.worlds.machine import make_facts
from tests.worlds.needs import need_sshd

FOLDER = make_folder()
FACTS = make_facts(FOLDER)
DUMP = write(
    FOLDER / "dump",
    "#!/bin/sh\n"
    'tr "\\0" "\\n" </dev/null\ncat /proc/$$/environ; printf "\\0\\0"; printf "%s\\0" "$@"\n',
)
DUMP.chmod(0o700)
WORDS = NO_NUL.map(
    lambda text: os.fsdecode(text.encode(errors="surrogateescape" if text.isascii() else "ignore"))
)
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,10}[a-z0-9])?", fullmatch=True)
VARIABLES = st.from_regex(r"V[A-Za-z0-9_.-]{0,8}", fullmatch=True)
SERVICES = st.builds(
    Service,
    NAMES,
    st.lists(WORDS, max_size=3).map(lambda words: (str(DUMP), *words)),
    st.booleans(),
    st.none(),
    st.dictionaries(VARIABLES, WORDS, max_size=3),
    st.one_of(st.none(), st.just(FOLDER)),
)


def parse(path: Path) -> Any:
    """Return the options as supervisord itself reads them."""
    from supervisor.options import ServerOptions

    options = ServerOptions()
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        options.realize(["-c", str(path)])
    return options


@fuzz(
    part=0.2,
    services=st.lists(SERVICES, min_size=1, max_size=3, unique_by=lambda service: service.name),
)
def test_supervisord_runs_the_launchers_and_nothing_else(services: list[Service]) -> None:
    path = write(FOLDER / "supervisord.conf", supervisord.render_config(services, 8.0))
    options = parse(path)
    groups = {group.name: group for group in options.process_group_configs}
    assert groups.keys() == {supervisord.GROUP, supervisord.LISTENER}
    found = {each.name: each.command for each in groups[supervisord.GROUP].process_configs}
    place = f"{FOLDER}/{runtime.LAUNCHERS}"
    assert found == {each.name: f"/bin/bash -p '{place}/{each.name}'" for each in services}


@fuzz(
    part=0.02,
    service=SERVICES,
    own=st.dictionaries(st.from_regex(r"OWN_[A-Z]{1,3}", fullmatch=True), WORDS, max_size=2),
)
def test_a_program_gets_its_words_and_variables(service: Service, own: dict[str, str]) -> None:
    """No word, value or secret of any shape is taken by the shell of the launcher for its own."""
    folder = FACTS.runtime / runtime.OWN_SECRETS
    for path in folder.iterdir() if folder.exists() else ():
        path.unlink()
    for name, value in own.items():
        write(folder / name, os.fsencode(value))
    facts = type(FACTS)(
        FACTS.home, FACTS.uid, FACTS.runtime, FACTS.state, FACTS.environ, own_secrets=own
    )
    for file in launchers.resources([service], facts):
        write(file.path, file.content)
    out = FACTS.runtime / runtime.STREAMS / service.name
    write(out, b"")
    (FACTS.runtime / runtime.LAUNCHERS / f"{service.name}.group").unlink(missing_ok=True)
    launcher = FACTS.runtime / runtime.LAUNCHERS / service.name
    done = subprocess.run(
        ["/bin/bash", "-p", launcher],
        env={"PATH": os.environ["PATH"]},
        cwd=FOLDER,
        check=False,
        timeout=60,
    )
    said = out.read_bytes()
    assert done.returncode == 0, said
    variables, _, words = said.partition(b"\0\0\0" if b"\0\0\0" in said else b"\0\0")
    expected = {**own, **service.environment}
    given = dict(row.partition(b"=")[::2] for row in variables.split(b"\0") if row)
    assert {
        os.fsdecode(name): os.fsdecode(value) for name, value in given.items() if name[:1] in b"VO"
    } == expected
    assert b"".join(os.fsencode(word) + b"\0" for word in service.argv[1:]) == (
        words if len(service.argv) > 1 else words[1:]
    )


@fuzz(
    part=0.05,
    environ=st.dictionaries(
        st.one_of(VARIABLES, WORDS.filter(lambda text: text and "=" not in text)), WORDS, max_size=4
    ),
)
def test_sshd_reads_the_variables_of_sessions(environ: dict[str, str]) -> None:
    key = FOLDER / "host_key"
    if not key.exists():
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True, timeout=60
        )
    text = f"HostKey {key}\n{sessions.render_set_env(environ)}Port 4711\nBanner none\n"
    path = write(FOLDER / "sshd_config", os.fsencode(text))
    done = subprocess.run(
        [need_sshd(), "-T", "-f", path], check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 0, (done.stderr, text)
    lines = done.stdout.split(b"\n")
    chosen = sessions.choose_variables(environ)
    assert b"port 4711" in lines
    assert [line for line in lines if line.startswith(b"setenv ")] == [
        b"setenv " + os.fsencode(f"{name}={environ[name]}") for name in chosen
    ]


@fuzz(
    part=0.05, environ=st.dictionaries(VARIABLES, WORDS.map(lambda text: f"{text}\n"), max_size=3)
)
def test_bash_sets_what_sshd_cannot(environ: dict[str, str]) -> None:
    script = sessions.render_script(environ) + b"exec cat /proc/self/environ\n"
    done = subprocess.run(
        ["/bin/bash", "--norc", "-c", b'eval "$0"', script],
        env={},
        check=True,
        capture_output=True,
        timeout=60,
    )
    given = dict(row.partition(b"=")[::2] for row in done.stdout.split(b"\0") if row)
    wanted = sessions.find_for_shells(environ)
    assert {
        os.fsdecode(name): os.fsdecode(value)
        for name, value in given.items()
        if name.startswith(b"V")
    } == {name: environ[name] for name in wanted}


def test_the_program_that_shows_what_it_gets_does() -> None:
    done = subprocess.run(
        [DUMP, "a", ""], env={"A": "b"}, check=True, capture_output=True, timeout=60
    )
    assert done.stdout.endswith(b"\0a\0\0")
    assert sys.platform == "linux"

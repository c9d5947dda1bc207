"""authorized_keys: what is taken is what OpenSSH reads, and no key loses what limits it."""

import re
import subprocess
from base64 import b64encode

from hypothesis import strategies as st

from agent.machine.errors import Problem
from agent.machine.light import texts
from agent.workspace import login_keys
from tests.fuzz.properties import fuzz, make_folder
from tests.fuzz.texts import TEXT, UNICODE, write
from tests.worlds.option_lines import GOOD, REFUSED

KEYS = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA",
)
FOLDER = make_folder()
BREAKS = (
    "\n",
    "\r\n",
    "\\n",
    "\\r\\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x85",
    "\u2028",
    "\x1c",
    "\n\n",
    " ",
    "\t",
    "\\\\n",
    '"',
    "#",
)


def hide_in_ssh2(kind: str) -> str:
    """Return a block of PuTTYgen's whose type is this text, in Base64 and in one line."""
    name = kind.encode(errors="replace")
    body = b64encode(len(name).to_bytes(4) + name).decode()
    return f"---- BEGIN SSH2 PUBLIC KEY ----{body}---- END SSH2 PUBLIC KEY ----"


HIDDEN = st.builds("{}{} ".format, st.sampled_from(BREAKS), st.sampled_from(KEYS)).map(hide_in_ssh2)
PARTS = st.one_of(
    st.sampled_from(KEYS),
    HIDDEN,
    st.sampled_from(GOOD),
    st.sampled_from(REFUSED),
    st.sampled_from(BREAKS),
    st.sampled_from(
        (
            " ",
            'command="ssh-ed25519 AAAA"',
            'restrict,command="a \\" b"',
            "# note",
            "-----BEGIN X-----",
        )
    ),
    UNICODE,
)
LISTS = st.lists(PARTS, max_size=8).map("".join)
LIMITED = st.builds(
    "{} {} {}".format,
    st.sampled_from(GOOD),
    st.sampled_from(KEYS),
    st.lists(
        st.one_of(st.sampled_from(BREAKS), st.sampled_from(KEYS), HIDDEN, UNICODE), max_size=4
    ).map("".join),
)


def take(text: str) -> list[str]:
    return [item for item in login_keys.read_keys("X", text) if not isinstance(item, Problem)]


def find_keys(line: str) -> list[str]:
    return re.findall(r"ssh-ed25519[ \t]+AAAA\S*", line)


@fuzz(part=2, text=st.one_of(LISTS, TEXT))
def test_any_list_is_read_or_refused(text: str) -> None:
    for item in login_keys.read_keys("X", text):
        if isinstance(item, Problem):
            assert "\n" not in str(item)
        else:
            assert "\n" not in item
            assert login_keys.find_fault(item) is None


@fuzz(text=LIMITED)
def test_a_key_keeps_what_limits_it(text: str) -> None:
    """A break of any kind in the comment must not turn the rest of it into a key without limits."""
    first = text.split("\n", maxsplit=1)[0]
    free = [line for line in take(text) if line.startswith("ssh-")]
    whole = texts.unwrap(text, begins_bare=True)  # a break behind the list is nobody's key
    meant = [part.strip(" \t\r") for part in whole.split("\n")[1:]]
    assert all(line in meant for line in free), (first, free)


@fuzz(part=0.1, text=st.one_of(LISTS, LIMITED))
def test_openssh_reads_a_line_as_one_key(text: str) -> None:
    lines = take(text)
    if any("\0" in line for line in lines) or not any(not line.startswith("#") for line in lines):
        return
    path = write(FOLDER / "keys", "".join(f"{line}\n" for line in lines).encode(errors="replace"))
    done = subprocess.run(
        ["ssh-keygen", "-l", "-f", path], check=False, capture_output=True, timeout=60
    )
    wanted = [line for line in lines if not line.startswith("#")]
    assert done.returncode == 0, (lines, done.stderr)
    assert done.stdout.count(b"\n") == len(wanted), (lines, done.stdout)


@fuzz(text=TEXT)
def test_options_are_judged_without_a_fault(text: str) -> None:
    from agent.workspace.key_options import find_option_fault

    fault = find_option_fault(text)
    assert fault is None or isinstance(fault, str)

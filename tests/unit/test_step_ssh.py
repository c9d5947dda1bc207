import hashlib
import signal
import subprocess
from base64 import b64decode, b64encode, encodebytes
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.machine.deadline import deadline
from agent.machine.formats import private_keys
from agent.machine.formats.private_keys import convert_ssh2
from agent.machine.light.files import SETTINGS
from agent.machine.programs.external_commands import NOT_FOUND, TOO_LONG, TOO_MUCH
from agent.machine.storage.volumes import Mounts, Volume
from agent.machine.system import Facts
from agent.workspace import login_keys, ssh
from tests.worlds.machine import Machine

AUTHORIZED = ".local/state/devcopilot/ssh/authorized_keys"
KNOWN_HOSTS = ".local/state/devcopilot/ssh/known_hosts"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
KINDS = {
    "id_ed25519": ("-t", "ed25519"),
    "id_rsa": ("-t", "rsa", "-b", "2048"),
    "id_ecdsa": ("-t", "ecdsa", "-b", "384"),
}


def make_key(folder: Path, *options: str, passphrase: str = "") -> Path:
    path = folder / "made"
    argv = ["ssh-keygen", "-q", "-N", passphrase, "-C", "me@here", "-f", str(path), *options]
    subprocess.run(argv, check=True)
    return path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, ssh.resources)


# --- known hosts


def test_the_keys_of_github_have_the_published_fingerprints(machine: Machine) -> None:
    assert machine.configure() == []
    path = machine.facts.home / KNOWN_HOSTS
    said = subprocess.run(["ssh-keygen", "-lf", path], check=True, capture_output=True, text=True)
    assert {tuple(line.split()[1::2]) for line in said.stdout.splitlines()} == {
        ("SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU", "(ED25519)"),
        ("SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM", "(ECDSA)"),
        ("SHA256:uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s", "(RSA)"),
    }
    for name in ("github.com", "gist.github.com", "[ssh.github.com]:443"):
        argv = ["ssh-keygen", "-F", name, "-f", str(path)]
        assert subprocess.run(argv, check=False, capture_output=True).returncode == 0


# --- authorized keys


def test_good_lines_are_kept_and_bad_ones_named(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f'# team\n\ncert-authority,principals="a b" {KEY} ca\nnonsense\n')
    problems = machine.configure(
        SSH_PUBLIC_KEY=f"{KEY} me\r\nssh-ed25519 AAAA broken\n",
        SSH_AUTHORIZED_KEYS_FILE=str(file),
    )
    lines = (machine.read(AUTHORIZED) or "").splitlines()
    assert lines == [f"{KEY} me", "# team", f'cert-authority,principals="a b" {KEY} ca']
    assert problems == [
        "cannot use line 2 of SSH_PUBLIC_KEY: the ssh-ed25519 key is damaged: "
        "it is truncated or too long",
        f"cannot use line 4 of SSH_AUTHORIZED_KEYS_FILE={file}: it is not a public key",
    ]
    assert machine.mode(AUTHORIZED) == 0o600
    assert machine.mode(str(Path(AUTHORIZED).parent)) == 0o700


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (KEY, None),
        (f'restrict,command="echo \\"hi there\\" #",from="10.0.0.*" {KEY} a b c', None),
        ("", None),
        ("  # comment", None),
        (KEY[:-4], "truncated"),
        (KEY.replace("ssh-ed25519 ", "ssh-rsa "), "truncated"),
        (KEY.replace("ssh-ed25519 ", "ecdsa-sha2-nistp256 "), "truncated"),
        (KEY[:-3] + "!!!", "not base64"),
        (f"{KEY[:40]}!{KEY[40:]}", "not base64"),
        ("ssh-ed25519", "truncated"),
        ("ssh-dss AAAAB3NzaC1kc3M=", "ssh-dss"),
        (f"no-such-option {KEY}", "no-such-option"),
        (f'command="unclosed {KEY}', "not a public key"),
        (f"command=x {KEY}", "name="),
        ('"', "not a public key"),
        (f'"{KEY}', "not a public key"),
        (f'restrict," {KEY}', "not a public key"),
    ],
)
def test_a_line_is_judged_as_sshd_would(line: str, fault: str | None) -> None:
    found = login_keys.find_fault(line)
    assert found is None if fault is None else fault in (found or "")


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_every_kind_of_public_key_is_accepted(tmp_path: Path, options: tuple[str, ...]) -> None:
    public = make_key(tmp_path, *options).with_suffix(".pub").read_text()
    assert login_keys.find_fault(public) is None


def pack(*strings: bytes) -> str:
    """Return a public key as its line has it: RFC 4251, section 5."""
    return b64encode(b"".join(len(each).to_bytes(4) + each for each in strings)).decode()


POINT = (
    ec.derive_private_key(1, ec.SECP256R1())
    .public_key()
    .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
)
# https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.u2f
SECURITY_KEYS = {
    "sk-ssh-ed25519@openssh.com": (b64decode(KEY.split()[1])[-32:], b"ssh:"),
    "sk-ecdsa-sha2-nistp256@openssh.com": (b"nistp256", POINT, b"ssh:"),
}


@pytest.mark.parametrize("kind", SECURITY_KEYS)
def test_a_key_on_a_security_key_is_accepted(machine: Machine, kind: str) -> None:
    line = f"{kind} {pack(kind.encode(), *SECURITY_KEYS[kind])} me"
    assert machine.configure(SSH_PUBLIC_KEY=line) == []
    assert machine.read(AUTHORIZED) == f"{line}\n"
    assert count_keys(machine) == 1


@pytest.mark.parametrize("bits", ["256", "384", "521"])
def test_a_key_on_each_curve_is_accepted(machine: Machine, tmp_path: Path, bits: str) -> None:
    line = make_key(tmp_path, "-t", "ecdsa", "-b", bits).with_suffix(".pub").read_text()
    assert machine.configure(SSH_PUBLIC_KEY=line) == []
    assert count_keys(machine) == 1


@pytest.mark.parametrize("text", ["", "\n", " \t\n"])
def test_an_empty_list_is_reported(machine: Machine, tmp_path: Path, text: str) -> None:
    """Else nobody could log in, and nothing would say why."""
    file = tmp_path / "keys"
    file.write_text(text)
    (problem,) = machine.configure(SSH_AUTHORIZED_KEYS_FILE=str(file))
    assert problem.startswith(f"cannot use SSH_AUTHORIZED_KEYS_FILE={file}: it is empty")


@pytest.mark.parametrize("line", ["", " ", "\t", f"# {KEY} old {KEY} older"])
def test_a_line_that_lets_nobody_in_is_no_fault(machine: Machine, line: str) -> None:
    assert machine.configure(SSH_PUBLIC_KEY=f"{KEY} me\n{line}\n{KEY} you") == []
    assert count_keys(machine) == 2


def test_a_comment_need_not_be_in_utf8(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(f"{KEY} Jürgen\n".encode("latin-1"))
    assert machine.configure(SSH_AUTHORIZED_KEYS_FILE=str(file)) == []
    assert count_keys(machine) == 1


def test_a_private_key_in_the_place_of_a_public_one_is_said_and_not_shown(
    machine: Machine, tmp_path: Path
) -> None:
    private = make_key(tmp_path, "-t", "ed25519").read_text()
    problems = machine.configure(SSH_PUBLIC_KEY=private)
    assert problems == ["cannot use SSH_PUBLIC_KEY: it holds a private key (set the public key)"]
    assert machine.read(AUTHORIZED) is None


def test_a_missing_list_is_said_and_the_variable_still_counts(machine: Machine) -> None:
    problems = machine.configure(SSH_PUBLIC_KEY=KEY, SSH_AUTHORIZED_KEYS_FILE="/nowhere/keys")
    assert len(problems) == 1
    assert "no such file" in problems[0]
    assert machine.read(AUTHORIZED) == KEY + "\n"


def test_a_list_that_is_missing_for_a_while_locks_nobody_out(
    machine: Machine, tmp_path: Path
) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{KEY} theirs\n")
    machine.configure(SSH_AUTHORIZED_KEYS_FILE=str(file))
    file.unlink()
    (problem,) = machine.configure(SSH_AUTHORIZED_KEYS_FILE=str(file))
    assert "no such file" in problem
    assert machine.read(AUTHORIZED) == f"{KEY} theirs\n"
    machine.configure(SSH_AUTHORIZED_KEYS_FILE=str(file), SSH_PUBLIC_KEY=f"{KEY} mine")
    assert machine.read(AUTHORIZED) == f"{KEY} mine\n{KEY} theirs\n"
    file.write_text(f"{KEY} new\n")
    assert machine.configure(SSH_AUTHORIZED_KEYS_FILE=str(file)) == []
    assert machine.read(AUTHORIZED) == f"{KEY} new\n"


PYTHONS = ["\u2028", "\u2029", "\x85", "\v", "\f", "\x1c", "\x1d", "\x1e", "\r"]
"""What ends a line for Python, and not for sshd."""


def count_keys(machine: Machine) -> int:
    """Return how many keys OpenSSH finds in the list."""
    path = machine.facts.home / AUTHORIZED
    said = subprocess.run(["ssh-keygen", "-lf", path], check=True, capture_output=True)
    return said.stdout.count(b"\n")


@pytest.mark.parametrize("separator", PYTHONS)
@pytest.mark.parametrize("source", ["SSH_PUBLIC_KEY", "SSH_AUTHORIZED_KEYS_FILE"])
def test_nothing_in_a_comment_becomes_a_second_key(
    machine: Machine, tmp_path: Path, source: str, separator: str
) -> None:
    other = make_key(tmp_path, "-t", "ed25519").with_suffix(".pub").read_text().strip()
    text = f'restrict,command="/bin/false" {KEY} me{separator}{other}'
    file = tmp_path / "keys"
    file.write_text(text, newline="")
    given = {"SSH_PUBLIC_KEY": text, "SSH_AUTHORIZED_KEYS_FILE": str(file)}[source]
    machine.configure(**{source: given})
    assert count_keys(machine) == 1
    file.unlink()
    machine.configure(**{source: given})  # now what was kept is read back
    assert count_keys(machine) == 1
    assert (machine.read(AUTHORIZED) or "").startswith("restrict,")


def test_nothing_in_a_key_of_puttygens_form_becomes_a_second_key(
    machine: Machine, tmp_path: Path
) -> None:
    """The form names its type in Base64, so that a single line can hide a line feed."""
    other = make_key(tmp_path, "-t", "ed25519").with_suffix(".pub").read_text().strip()
    kind = f"\n{other} ".encode()
    hidden = b64encode(len(kind).to_bytes(4) + kind).decode()
    block = f"---- BEGIN SSH2 PUBLIC KEY ----{hidden}---- END SSH2 PUBLIC KEY ----"
    machine.configure(SSH_PUBLIC_KEY=f'restrict,command="/bin/false" {KEY} me {block}')
    assert machine.read(AUTHORIZED) == f'restrict,command="/bin/false" {KEY} me {block}\n'
    assert count_keys(machine) == 1


SSH2_BEGIN = "---- BEGIN SSH2 PUBLIC KEY ----"


def test_keys_of_puttygens_form_that_never_end_cost_a_moment(
    machine: Machine, tmp_path: Path
) -> None:
    """As many as a file may hold: to search for the end of each would take minutes."""
    file = tmp_path / "keys"
    file.write_text(SSH2_BEGIN * (SETTINGS // len(SSH2_BEGIN)))
    with deadline(60):
        (problem,) = machine.configure(SSH_AUTHORIZED_KEYS_FILE=str(file))
    assert problem.endswith("it is not a public key")


def test_a_key_of_puttygens_form_is_read_behind_one_that_never_ends() -> None:
    block = f"{SSH2_BEGIN}\n{KEY.split()[1]}\n---- END SSH2 PUBLIC KEY ----\n"
    converted = f"{' '.join(KEY.split()[:2])}\n"
    assert convert_ssh2(f"{SSH2_BEGIN}\n{block}") == f"{SSH2_BEGIN}\n{converted}"
    assert convert_ssh2(f"# one\n{block}# two\n{block}") == f"# one\n{converted}# two\n{converted}"


@pytest.mark.parametrize(
    "form",
    [
        "{0}\\n{1}",
        "{0}\\n \\n{1}",
        "{0}\\r\\n{1}\\n",
        '"{0}\\n{1}"',
        "'{0} me\\n {1} you'",
        "\ufeff{0}\n{1}\n",
    ],
)
def test_keys_of_an_env_file_all_let_in(machine: Machine, tmp_path: Path, form: str) -> None:
    other = make_key(tmp_path, "-t", "ed25519").with_suffix(".pub").read_text().strip()
    assert machine.configure(SSH_PUBLIC_KEY=form.format(KEY, other)) == []
    assert count_keys(machine) == 2


def test_quotes_of_an_env_file_are_no_part_of_a_key_with_options(machine: Machine) -> None:
    assert machine.configure(SSH_PUBLIC_KEY=f'"restrict,command="/bin/false" {KEY} me"') == []
    assert machine.read(AUTHORIZED) == f'restrict,command="/bin/false" {KEY} me\n'


@pytest.mark.parametrize("between", [" ", " me\\n", " me\\r\\n", " me\\n restrict "])
@pytest.mark.parametrize("options", ["restrict,command=\"printf '\\n'\" ", "restrict "])
def test_a_second_key_behind_a_limited_one_lets_nobody_in_and_is_named(
    machine: Machine, tmp_path: Path, options: str, between: str
) -> None:
    other = make_key(tmp_path, "-t", "ed25519").with_suffix(".pub").read_text().strip()
    problems = machine.configure(SSH_PUBLIC_KEY=f"{options}{KEY}{between}{other}")
    assert problems == [
        "line 1 of SSH_PUBLIC_KEY has a second key after the first, so nobody can log in with it "
        "(put each key on a separate line)"
    ]
    assert count_keys(machine) == 1


@pytest.mark.parametrize("text", ['"', "'", '\\n"', '" ""'])
def test_a_quote_alone_is_no_key_and_no_fault(machine: Machine, text: str) -> None:
    (problem,) = machine.configure(SSH_PUBLIC_KEY=text)
    assert problem.startswith("cannot use ")
    assert machine.read(AUTHORIZED) is None or count_keys(machine) == 0


@pytest.mark.parametrize("blank", ["\u00a0", "\u2003", "\u3000", "\x85"])
def test_only_blanks_of_sshd_end_a_field(blank: str) -> None:
    assert login_keys.find_fault(f"restrict{blank}{KEY}") == "it is not a public key"
    assert "not base64" in (login_keys.find_fault(f"{KEY}{blank}me") or "")


def test_an_rsa_key_that_is_too_short_is_refused(machine: Machine, tmp_path: Path) -> None:
    short = make_key(tmp_path, "-t", "rsa", "-b", "1024").with_suffix(".pub").read_text().strip()
    (problem,) = machine.configure(SSH_PUBLIC_KEY=f"{short}\n{KEY}\n")
    assert "an RSA key of 1024 bits is too short" in problem
    assert machine.read(AUTHORIZED) == f"{KEY}\n"


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("spoil", [str, lambda text: text.replace("\n", "\\n")])
def test_a_public_key_as_puttygen_saves_it_lets_in(
    machine: Machine, tmp_path: Path, name: str, spoil: Callable[[str], str]
) -> None:
    path = make_key(tmp_path, *KINDS[name])
    words = ("ssh-keygen", "-e", "-m", "RFC4716", "-f", str(path))
    saved = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    saved = saved.replace("\nComment:", "\nSubject: me \\\nand more\nComment:")
    assert machine.configure(SSH_PUBLIC_KEY=spoil(saved)) == []
    assert machine.read(AUTHORIZED) == (
        " ".join(path.with_suffix(".pub").read_text().split()[:2]) + "\n"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            "cannot use SSH_PUBLIC_KEY: it contains a key in PEM, which sshd does not read "
            "(convert it: ssh-keygen -i -m PKCS8 -f KEY.pem)",
        ),
        (
            "PuTTY-User-Key-File-3: ssh-ed25519\nPublic-Lines: 2\n",
            "cannot use SSH_PUBLIC_KEY: it contains a private key of PuTTY "
            "(set the public key: puttygen KEY.ppk -L, or the text in the box at the top of "
            "PuTTYgen)",
        ),
    ],
)
def test_a_file_that_is_no_list_of_keys_is_one_line(machine: Machine, text: str, line: str) -> None:
    assert machine.configure(SSH_PUBLIC_KEY=text) == [line]


def spoil_key(options: tuple[str, ...], folder: Path, change: Callable[[bytes], bytes]) -> str:
    """Return a new public key as a line, with something in it changed."""
    kind, key, _ = make_key(folder, *options).with_suffix(".pub").read_text().split()
    return f"{kind} {b64encode(change(b64decode(key))).decode()} me"


@pytest.mark.parametrize(
    ("options", "change"),
    [
        (("-t", "ed25519"), lambda key: key[:18] + b"\x1f" + key[19:-1]),  # 31 bytes
        (("-t", "ecdsa"), lambda key: key[:-1] + bytes([key[-1] ^ 1])),  # not on the curve
    ],
    ids=["too short", "no point"],
)
def test_a_key_that_openssh_cannot_load_is_reported_and_left_out(
    machine: Machine, tmp_path: Path, options: tuple[str, ...], change: Callable[[bytes], bytes]
) -> None:
    """It has the right format, and sshd passes over it without a word."""
    line = spoil_key(options, tmp_path, change)
    assert login_keys.find_fault(line) is None
    (problem,) = machine.configure(SSH_PUBLIC_KEY=f"{line}\nrestrict {KEY} you\n")
    assert problem.startswith("cannot use the key of SSH_PUBLIC_KEY that ends in ")
    assert line.split()[1][-12:] in problem
    assert machine.read(AUTHORIZED) == f"restrict {KEY} you\n"


@pytest.mark.parametrize(
    ("code", "said", "cause"),
    [
        (NOT_FOUND, b"", "ssh-keygen does not run: not found"),
        (TOO_LONG, b"", "ssh-keygen does not run: not found"),
        (0, b"ssh-dss AAAA", "it is not a private key that ssh can read"),
        (255, b"", "it is not a private key that ssh can read"),
    ],
)
def test_what_ssh_keygen_says_of_a_private_key_is_reported(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, code: int, said: bytes, cause: str
) -> None:
    """A key that is good is not called bad where only the program is missing."""

    def run(_facts: Facts, argv: tuple[str, ...], **_options: object) -> Any:
        return subprocess.CompletedProcess(argv, code, said, b"not found")

    monkeypatch.setattr(Facts, "run", run)
    (problem,) = machine.configure(SSH_PRIVATE_KEY="a key")
    assert problem.startswith(f"cannot use SSH_PRIVATE_KEY: {cause}")


@pytest.mark.parametrize("code", [TOO_LONG, TOO_MUCH, NOT_FOUND, -signal.SIGKILL])
def test_no_key_is_refused_where_ssh_keygen_does_not_run_to_its_end(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Else nobody could log in with a list that is correct."""

    def start(_facts: Facts, argv: tuple[str, ...], stdin: bytes = b"") -> Any:
        return lambda: subprocess.CompletedProcess(argv, code, b"", b"")

    monkeypatch.setattr(Facts, "start", start)
    assert machine.configure(SSH_PUBLIC_KEY=KEY) == []
    assert machine.read(AUTHORIZED) == f"{KEY}\n"


def test_one_bad_key_of_many_costs_no_more_than_a_call(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever may add a key to a long list could hold the start up."""
    calls = []
    start = Facts.start

    def count(facts: Facts, argv: tuple[str, ...], stdin: bytes = b"") -> Any:
        calls.append(argv[0])
        return start(facts, argv, stdin)

    monkeypatch.setattr(Facts, "start", count)
    bad = spoil_key(("-t", "ecdsa"), tmp_path, lambda key: key[:-1] + bytes([key[-1] ^ 1]))
    digest = b64encode(hashlib.sha256(b64decode(bad.split()[1])).digest()).decode().rstrip("=")
    others = [f'restrict,command="a AAAA b" {KEY} {number} SHA256:{digest}' for number in range(20)]
    (problem,) = machine.configure(SSH_PUBLIC_KEY="\n".join([*others, f"restrict {bad}", "# me"]))
    assert "OpenSSH cannot load it" in problem
    assert machine.read(AUTHORIZED) == "".join(f"{line}\n" for line in [*others, "# me"])
    with_it = len(calls)
    calls.clear()
    assert machine.configure(SSH_PUBLIC_KEY="\n".join(others)) == []
    assert with_it == len(calls) > 0


@pytest.mark.parametrize(
    ("end", "expired"),
    [("20200101", True), ("202001010000Z", True), ("20200101000000", True), ("29990101Z", False)],
)
def test_an_expired_key_is_reported(machine: Machine, end: str, expired: bool) -> None:
    line = f'expiry-time="{end}" {KEY}'
    problems = machine.configure(SSH_PUBLIC_KEY=line)
    assert [problem.startswith("a key of SSH_PUBLIC_KEY has expired") for problem in problems] == (
        [True] if expired else []
    )
    assert machine.read(AUTHORIZED) == f"{line}\n"


@pytest.mark.parametrize("text", ["nonsense", "# nobody", "-----BEGIN X PRIVATE KEY-----", " \n"])
def test_a_list_without_any_key_locks_nobody_out(machine: Machine, text: str) -> None:
    machine.configure(SSH_PUBLIC_KEY=KEY)
    machine.configure(SSH_PUBLIC_KEY=text)
    assert KEY in (machine.read(AUTHORIZED) or "")


def test_a_key_that_is_taken_out_of_a_list_is_gone(machine: Machine) -> None:
    """Although another line has a mistake: else nobody could be shut out."""
    machine.configure(SSH_PUBLIC_KEY=f"{KEY} gone\n{KEY} stays\n")
    assert len(machine.configure(SSH_PUBLIC_KEY=f"{KEY} stays\nnonsense\n")) == 1
    assert machine.read(AUTHORIZED) == f"{KEY} stays\n"


def test_keys_are_taken_back_when_the_variable_is_gone(machine: Machine) -> None:
    machine.configure(SSH_PUBLIC_KEY=KEY)
    machine.configure()
    assert machine.read(AUTHORIZED) is None


# --- the private key


@pytest.mark.parametrize("name", KINDS)
def test_a_private_key_is_named_for_its_type(machine: Machine, tmp_path: Path, name: str) -> None:
    made = make_key(tmp_path, *KINDS[name])
    assert machine.configure(SSH_PRIVATE_KEY=made.read_text()) == []
    assert machine.read(f".ssh/{name}") == made.read_text()
    assert machine.read(f".ssh/{name}.pub") == made.with_suffix(".pub").read_text()
    assert [machine.mode(f".ssh{rest}") for rest in ("", f"/{name}", f"/{name}.pub")] == [
        0o700,
        0o600,
        0o644,
    ]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("\n", "\\n"),
        lambda text: text.replace("\n", "\\r\\n"),
        lambda text: '"' + text.replace("\n", "\\n") + '"',
        lambda text: "\n\n  " + text.replace("\n", "  \n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", " "),
        lambda text: text.replace("\n", ""),
        lambda text: b64encode(text.encode()).decode(),
        lambda text: encodebytes(text.encode()).decode(),
        lambda text: '"' + b64encode(text.encode()).decode() + '"',
    ],
    ids=[
        "crlf",
        "no last newline",
        "literal n",
        "literal rn",
        "quoted",
        "indented",
        "byte order mark",
        "blanks",
        "joined",
        "Base64",
        "Base64 in lines",
        "Base64 in quotes",
    ],
)
@pytest.mark.parametrize("form", ["openssh", "PEM"])
def test_a_spoilt_private_key_is_mended(
    machine: Machine, tmp_path: Path, spoil: Callable[[str], str], form: str
) -> None:
    options = ("-t", "ecdsa", *(("-m", form) if form == "PEM" else ()))
    text = make_key(tmp_path, *options).read_text()
    assert machine.configure(SSH_PRIVATE_KEY=spoil(text)) == []
    made = machine.read(".ssh/id_ecdsa") or ""
    assert made.replace("\n", "") == text.replace("\n", "")


@pytest.mark.parametrize("form", ["RFC4716", "PEM", "PKCS8"])
def test_a_locked_key_is_a_clear_message(machine: Machine, tmp_path: Path, form: str) -> None:
    locked = make_key(tmp_path, "-t", "ecdsa", "-m", form, passphrase="open sesame")
    problems = machine.configure(SSH_PRIVATE_KEY=locked.read_text())
    assert len(problems) == 1
    assert "locked with a passphrase" in problems[0]
    assert machine.read(".ssh/id_ecdsa") is None


PKCS8: dict[str, Callable[[], Any]] = {
    "id_ed25519": Ed25519PrivateKey.generate,
    "id_rsa": partial(rsa.generate_private_key, 65537, 2048),
    "id_ecdsa": partial(ec.generate_private_key, ec.SECP384R1()),
}


@pytest.mark.parametrize("name", PKCS8)
def test_a_key_in_pkcs_8_works_whatever_its_kind(machine: Machine, name: str) -> None:
    """openssl and libraries write it; of Ed25519 the OpenSSH of Debian 12 cannot read it."""
    key = PKCS8[name]()
    forms = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    text = key.private_bytes(*forms, serialization.NoEncryption()).decode()
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    assert machine.configure(SSH_PRIVATE_KEY=text.replace("\n", "\\n")) == []
    assert (machine.read(f".ssh/{name}.pub") or "").startswith(public.decode())
    path = machine.facts.home / ".ssh" / name
    # Signing needs the private half, too.
    words = ("ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(path))
    subprocess.run(words, input=b"text", check=True, capture_output=True, timeout=60)
    assert private_keys.find_public_key(path.read_bytes()) or name != "id_ed25519"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "a PuTTY key"),
        ("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n", "a key in SSH.com format"),
    ],
)
def test_a_key_in_a_form_that_ssh_cannot_read_is_named(
    machine: Machine, text: str, form: str
) -> None:
    problems = machine.configure(SSH_PRIVATE_KEY=text)
    (problem,) = problems
    assert problem.startswith(f"cannot use SSH_PRIVATE_KEY: it is {form}, which ssh cannot read (")


@pytest.mark.parametrize("text", ["garbage", KEY, "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_garbage_is_a_clear_message_that_does_not_show_it(machine: Machine, text: str) -> None:
    problems = machine.configure(SSH_PRIVATE_KEY=text)
    assert len(problems) == 1
    assert "not a private key that ssh can read" in problems[0]
    assert text not in problems[0]
    assert list((machine.facts.home).glob(".ssh/*")) == []


def test_a_key_of_the_user_is_left_alone(machine: Machine, tmp_path: Path) -> None:
    folder = machine.facts.home / ".ssh"
    folder.mkdir(mode=0o700)
    for name in ("id_ed25519", "id_ed25519.pub"):
        (folder / name).write_text("the user's own\n")
    problems = machine.configure(SSH_PRIVATE_KEY=make_key(tmp_path, "-t", "ed25519").read_text())
    assert all(problem.startswith("left ") for problem in problems)
    assert problems
    assert machine.read(".ssh/id_ed25519") == "the user's own\n"


def test_a_key_of_the_user_gets_no_public_half_of_ours(machine: Machine, tmp_path: Path) -> None:
    (machine.facts.home / ".ssh").mkdir(mode=0o700)
    (machine.facts.home / ".ssh/id_ed25519").write_text("the user's own\n")
    made = make_key(tmp_path, "-t", "ed25519")
    assert len(machine.configure(SSH_PRIVATE_KEY=made.read_text())) == 1
    assert machine.read(".ssh/id_ed25519.pub") is None


def test_a_public_half_that_was_deleted_comes_back(machine: Machine, tmp_path: Path) -> None:
    made = make_key(tmp_path, "-t", "ed25519")
    machine.configure(SSH_PRIVATE_KEY=made.read_text())
    (machine.facts.home / ".ssh/id_ed25519.pub").unlink()
    assert machine.configure(SSH_PRIVATE_KEY=made.read_text()) == []
    assert machine.read(".ssh/id_ed25519.pub") == made.with_suffix(".pub").read_text()


def test_another_key_replaces_ours_and_none_takes_it_back(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    machine.configure(SSH_PRIVATE_KEY=make_key(tmp_path, "-t", "ed25519").read_text())
    second = make_key(tmp_path / "b", "-t", "ecdsa").read_text()
    assert machine.configure(SSH_PRIVATE_KEY=second) == []
    assert sorted(path.name for path in machine.facts.home.glob(".ssh/*")) == [
        "id_ecdsa",
        "id_ecdsa.pub",
    ]
    machine.configure()
    assert list(machine.facts.home.glob(".ssh/*")) == []


@pytest.mark.parametrize("trouble", ["missing", "garbage", "locked"])
def test_a_source_in_trouble_loses_no_key(machine: Machine, tmp_path: Path, trouble: str) -> None:
    good = make_key(tmp_path, "-t", "ecdsa")
    machine.configure(SSH_PRIVATE_KEY_FILE=str(good))
    text, public = good.read_text(), machine.read(".ssh/id_ecdsa.pub")
    match trouble:
        case "missing":
            good.unlink()
        case "garbage":
            good.write_text("garbage\n")
        case "locked":
            good.unlink()
            make_key(tmp_path, "-t", "ed25519", passphrase="open sesame")
    assert len(machine.configure(SSH_PRIVATE_KEY_FILE=str(good))) == 1
    assert machine.read(".ssh/id_ecdsa") == text
    assert machine.read(".ssh/id_ecdsa.pub") == public
    machine.configure()
    assert list(machine.facts.home.glob(".ssh/*")) == []


def test_what_the_bash_entrypoint_left_of_the_same_key_is_taken_over(
    machine: Machine, tmp_path: Path
) -> None:
    text = make_key(tmp_path, "-t", "ed25519").read_text()
    folder = machine.facts.home / ".ssh"
    folder.mkdir(mode=0o700)
    (folder / "id_ed25519").write_text(text.replace("\n", "\\n") + "\n")
    (folder / "id_ed25519.pub").write_text("")
    assert machine.configure(SSH_PRIVATE_KEY=text) == []
    assert machine.read(".ssh/id_ed25519") == text
    assert (machine.read(".ssh/id_ed25519.pub") or "").startswith("ssh-ed25519 ")


def test_a_private_key_lies_where_ssh_takes_it_on_a_share_that_others_may_read(
    machine: Machine, tmp_path: Path
) -> None:
    made = make_key(tmp_path, "-t", "ed25519")
    machine.configure(SSH_PRIVATE_KEY=made.read_text())
    machine.facts = replace(machine.facts, mounts=Mounts(home=Volume(mode=0o777)))
    assert machine.configure(SSH_PRIVATE_KEY=made.read_text()) == []
    place = machine.facts.runtime / "ssh/id_ed25519"
    assert place.read_text() == made.read_text()
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.with_name("id_ed25519.pub").read_text() == made.with_suffix(".pub").read_text()
    assert machine.read(".ssh/id_ed25519") is None, "no second copy where others may read it"

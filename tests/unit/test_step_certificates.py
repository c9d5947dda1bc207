"""DEV8_CA_FILE: what is taken from a file or a folder, and what is said of the rest."""

import errno
import hashlib
import os
import ssl
import struct
import subprocess
from pathlib import Path

import pytest

from agent.settings import certificates as settings
from agent.settings.context import Context, from_environ
from agent.settings.everything import Settings
from agent.workspace import certificates
from agent.workspace.java_store import make_store
from agent.workspace.refresh import refresh
from tests.worlds.authority import Authority
from tests.worlds.machine import Machine

ROOT = Authority("Root")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    public = tmp_path / "public.pem"
    public.write_bytes(Authority("Public").own.certificate.rstrip(b"\n"))
    monkeypatch.setattr(certificates, "PUBLIC", (tmp_path / "missing", public))
    return Machine(tmp_path, certificates.resources)


def read(machine: Machine, name: str) -> int:
    """Return how many certificates OpenSSL finds in a bundle."""
    path = machine.facts.runtime / settings.FOLDER / name
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if path.read_bytes():
        trust.load_verify_locations(path)
    return trust.cert_store_stats()["x509"]


def test_without_the_variable_nothing_is_made(machine: Machine) -> None:
    assert machine.configure() == []
    assert not (machine.facts.runtime / settings.FOLDER).exists()


def test_a_file_with_text_around_and_twice_the_same(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    pem = ROOT.own.certificate
    path.write_bytes(b"# Root\r\n" + pem.replace(b"\n", b"\r\n") + b"some text\n" + pem)
    assert machine.configure(DEV8_CA_FILE=str(path)) == []
    assert (read(machine, settings.ALL), read(machine, settings.MORE)) == (2, 1)


def test_a_config_map_and_its_change(machine: Machine, tmp_path: Path) -> None:
    """Kubernetes mounts links into a folder that it replaces as a whole."""
    mount, first, second = tmp_path / "mount", tmp_path / "mount/..1", tmp_path / "mount/..2"
    for folder, names in ((first, ("a.crt", "b.crt")), (second, ("a.crt",))):
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_bytes(Authority(name).own.certificate)
    (mount / "..data").symlink_to("..1")
    for name in ("a.crt", "b.crt"):
        (mount / name).symlink_to(f"..data/{name}")
    assert machine.configure(DEV8_CA_FILE=str(mount)) == []
    assert read(machine, settings.MORE) == 2
    (mount / "..data").unlink()
    (mount / "..data").symlink_to("..2")
    assert machine.configure(DEV8_CA_FILE=str(mount)) == []
    assert read(machine, settings.MORE) == 1


@pytest.mark.parametrize(
    ("content", "said", "taken"),
    [
        (b"", "holds no certificate in PEM", 0),
        (b"hello", "holds no certificate in PEM", 0),
        (ROOT.own.der, "openssl x509 -inform der -in ca.pem", 0),
        (ROOT.own.certificate + ROOT.own.key, "holds a private key", 1),
        (ROOT.own.key, "holds a private key", 0),
        (ROOT.own.certificate.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"), "convert it", 0),
        (ROOT.own.certificate.replace(b"MII", b"AAA", 1), "is damaged", 0),
        (Authority(ended=True).own.certificate, "ended on ", 1),
        (ROOT.sign("host").certificate, "is not of a certificate authority", 1),
        (b"x" * (2 << 20), "cannot read", 0),
    ],
    ids=["empty", "text", "DER", "with key", "key", "trusted", "damaged", "ended", "leaf", "huge"],
)
def test_what_is_wrong_is_said_and_the_rest_is_taken(
    machine: Machine, tmp_path: Path, content: bytes, said: str, taken: int
) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(content)
    problems = machine.configure(DEV8_CA_FILE=str(path))
    assert any(said in line for line in problems), problems
    assert all("DEV8_CA_FILE" in line for line in problems)
    assert (read(machine, settings.ALL), read(machine, settings.MORE)) == (1 + taken, taken)
    assert b"PRIVATE" not in (machine.facts.runtime / settings.FOLDER / settings.ALL).read_bytes()


@pytest.mark.parametrize("what", ["nothing", "an empty folder", "a FIFO", "a link to nothing"])
def test_what_is_no_file_is_said(machine: Machine, tmp_path: Path, what: str) -> None:
    path = tmp_path / "ca"
    if what == "an empty folder":
        path.mkdir()
    elif what == "a FIFO":
        os.mkfifo(path)
    elif what == "a link to nothing":
        path.symlink_to("nowhere")
    (line, *_) = machine.configure(DEV8_CA_FILE=str(path))
    assert str(path) in line
    assert read(machine, settings.ALL) == 1, "the public ones stay"


@pytest.mark.parametrize("call", ["exists", "iterdir"])
def test_the_public_ones_stay_where_nothing_may_be_read(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Root may read everything: the refusal of the kernel is played."""
    closed = tmp_path / "closed"
    closed.mkdir()
    whole = getattr(Path, call)

    def refuse(path: Path, *options: object) -> object:
        if path == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return whole(path, *options)

    monkeypatch.setattr(Path, call, refuse)
    (line,) = machine.configure(DEV8_CA_FILE=str(closed))
    assert line.startswith(f"DEV8_CA_FILE={closed}: cannot read {closed}: Permission denied")
    assert read(machine, settings.ALL) == 1


def test_what_was_trusted_stays_while_the_source_is_gone(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(ROOT.own.certificate)
    assert machine.configure(DEV8_CA_FILE=str(path)) == []
    path.unlink()
    assert machine.configure(DEV8_CA_FILE=str(path)) != []
    assert (read(machine, settings.ALL), read(machine, settings.MORE)) == (2, 1)
    path.write_bytes(Authority("Next").own.certificate + ROOT.own.certificate)
    assert machine.configure(DEV8_CA_FILE=str(path)) == []
    assert read(machine, settings.MORE) == 2


def test_a_round_of_the_refresh_takes_a_changed_file(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(ROOT.own.certificate)
    machine.configure(DEV8_CA_FILE=str(path))
    path.write_bytes(Authority("Next").own.certificate + ROOT.own.certificate)
    variables = {"DEV8_CA_FILE": str(path)}
    now = Context(variables, Settings.from_environ(variables), machine.facts)
    refresh(now, offline=True)
    assert read(machine, settings.MORE) == 2


def test_each_tool_is_led_to_them_unless_somebody_leads_it_elsewhere(tmp_path: Path) -> None:
    environ = {
        "HOME": str(tmp_path), "DEV8_RUNTIME_DIR": str(tmp_path / "run"), "PIP_CERT": "/mine.pem",
        "CURL_CA_BUNDLE": "",  # as compose passes what is not set
        "DEV8_CA_FILE": "/ca.pem", "WORKSPACE_DIR": str(tmp_path),
    }  # fmt: skip
    found = from_environ(environ).facts.environ
    for name in settings.BUNDLE_VARIABLES:
        expected = "/mine.pem" if name == "PIP_CERT" else f"{tmp_path}/run/certificates/all.pem"
        assert found[name] == expected
    assert found["NODE_EXTRA_CA_CERTS"].endswith("certificates/more.pem")
    del environ["DEV8_CA_FILE"]
    assert "SSL_CERT_FILE" not in from_environ(environ).facts.environ


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("", "{ours}"),
        ("-Xmx1g -Da=b", "{ours} -Xmx1g -Da=b"),
        ("-Djavax.net.ssl.trustStore=/mine.jks", "-Djavax.net.ssl.trustStore=/mine.jks"),
    ],
)
def test_options_of_java_stand_beside_the_users_own(
    tmp_path: Path, own: str, expected: str
) -> None:
    given = settings.Certificates(Path("/ca.pem"))
    ours = f"-Djavax.net.ssl.trustStore={tmp_path}/certificates/all.jks"
    environ = {"JAVA_TOOL_OPTIONS": own}
    led = {**environ, **settings.lead(environ, given, tmp_path)}
    assert led["JAVA_TOOL_OPTIONS"] == expected.format(ours=ours)
    assert "JAVA_TOOL_OPTIONS" not in settings.lead(led, given, tmp_path)
    profile = tmp_path / "profile.sh"
    profile.write_text(settings.write_profile(settings.make_environment(given, tmp_path)))
    script = f'. {profile}; . {profile}; printf %s "$JAVA_TOOL_OPTIONS"'
    shell = subprocess.run(["sh", "-euc", script], env={"JAVA_TOOL_OPTIONS": own, "PATH": "/bin"},
                           check=True, capture_output=True, text=True)  # fmt: skip
    assert shell.stdout == expected.format(ours=ours)
    told = settings.find_overridden(led, settings.make_environment(given, tmp_path))
    assert told == (["JAVA_TOOL_OPTIONS"] if "/mine" in own else [])


def test_the_store_of_java_is_in_its_format() -> None:
    """As JavaKeyStore.engineLoad reads it: a count, entries of type 2, and a digest."""
    parts = (b"one certificate", b"another")
    store = make_store(parts)
    assert struct.unpack(">III", store[:12]) == (0xFEEDFEED, 2, 2)
    rest, found = store[12:-20], []
    while rest:
        (kind, length), rest = struct.unpack(">IH", rest[:6]), rest[6:]
        rest = rest[length + 8 :]
        assert (kind, rest[:7]) == (2, b"\0\5X.509")
        (size,), rest = struct.unpack(">I", rest[7:11]), rest[11:]
        found.append(rest[:size])
        rest = rest[size:]
    assert found == list(parts)
    password = "changeit".encode("utf-16-be")
    digest = hashlib.sha1(password + b"Mighty Aphrodite" + store[:-20], usedforsecurity=False)
    assert store[-20:] == digest.digest()


def test_a_damaged_public_one_is_left_out_for_java(machine: Machine, tmp_path: Path) -> None:
    public = tmp_path / "public.pem"
    damaged = b"\n-----BEGIN CERTIFICATE-----\nQQQ\n-----END CERTIFICATE-----\n"
    public.write_bytes(public.read_bytes() + damaged)
    path = tmp_path / "ca.pem"
    path.write_bytes(ROOT.own.certificate)
    assert machine.configure(DEV8_CA_FILE=str(path)) == []
    store = (machine.facts.runtime / settings.FOLDER / settings.STORE).read_bytes()
    assert struct.unpack(">I", store[8:12]) == (2,)


def test_a_name_that_begins_like_ours_is_the_users_own(tmp_path: Path) -> None:
    ours = settings.make_environment(settings.Certificates(Path("/ca.pem")), tmp_path)
    old = {**ours, "SSL_CERT_FILE": f"{ours['SSL_CERT_FILE']}.old"}
    assert settings.find_overridden(old, ours) == ["SSL_CERT_FILE"]


def test_a_variable_of_the_users_own_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "PUBLIC", ())
    path = tmp_path / "ca.pem"
    path.write_bytes(ROOT.own.certificate)
    machine = Machine(tmp_path, certificates.resources, GIT_SSL_CAINFO="/mine.pem")
    problems = machine.configure(DEV8_CA_FILE=str(path))
    assert "this image has no public certificates (install ca-certificates in it)" in problems
    assert any(line.startswith("GIT_SSL_CAINFO set as well") for line in problems)

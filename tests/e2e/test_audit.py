"""sshd seen from outside and from inside: who may try to log in, and with which algorithms."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Login
from tests.worlds.containers import BASE, Container, Recipe, running

LISTS = ("kex", "key", "enc", "mac")
CLIENTS = {
    "library": ("-o", "KexAlgorithms=curve25519-sha256"),
    "fips": (
        *("-o", "KexAlgorithms=ecdh-sha2-nistp256"),
        *("-o", "HostKeyAlgorithms=ecdsa-sha2-nistp256"),
    ),
}
LET_IN = {"modern": {"library"}, "quantum-safe": set(), "compatible": {"library", "fips"}}
SHA2 = {"hmac-sha2-256", "hmac-sha2-512"}
"""For libssh2 and others that know nothing better; ssh-audit wants them after the encryption."""
NOT_QUANTUM_SAFE = "does not provide protection against post-quantum attacks"


@pytest.fixture(scope="module", params=sorted(LET_IN))
def kind(request: pytest.FixtureRequest) -> str:
    """DEV8_SSH_ALGORITHMS."""
    return str(request.param)


@pytest.fixture(scope="module")
def box(kind: str, login: Login) -> Iterator[Container]:
    options = ("-e", f"SSH_PUBLIC_KEY={login.public}",
               "-e", f"DEV8_SSH_ALGORITHMS={kind}")  # fmt: skip
    with running(Recipe(BASE, options)) as container:
        container.wait_ready()
        yield container


def scan(box: Container) -> dict[str, Any]:
    """Scan sshd with ssh-audit, on the container's own loopback.

    Without its test of how many connections are taken a second: only PerSourceMaxStartups passes
    it, and behind docker everybody has the same source.
    """
    words = ("ssh-audit", "--json", "--skip-rate-test", "--port", "2222", "127.0.0.1")
    done = box.run_beside(*words)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_ssh_audit_finds_only_what_was_asked_for(box: Container, kind: str) -> None:
    document = scan(box)
    entries = [entry for name in LISTS for entry in document[name]]
    findings = [
        (entry["algorithm"], level, note)
        for entry in entries
        for level in ("fail", "warn")
        for note in entry["notes"].get(level, ())
    ]
    assert len(entries) > 8
    assert document["cves"] == []
    if kind == "quantum-safe":
        assert findings == []
    elif kind == "modern":
        assert {level for _, level, _ in findings} == {"warn"}
        rest = [(name, note) for name, _, note in findings if NOT_QUANTUM_SAFE not in note]
        assert {name for name, _ in rest} == SHA2
        assert {note for _, note in rest} == {"using encrypt-and-MAC mode"}
    else:
        assert any(level == "fail" for _, level, _ in findings), "ssh-audit distrusts NIST's curves"


@pytest.mark.parametrize("client", CLIENTS)
def test_other_clients_get_in_as_was_asked_for(
    box: Container, kind: str, client: str, login: Login
) -> None:
    assert login.run(box, "echo in") == "in\n"
    done = subprocess.run(
        ["ssh", *CLIENTS[client], *login.options(), "-p", str(box.ssh_port), "dev8@127.0.0.1",
         "true"],
        check=False, capture_output=True, text=True, timeout=120)  # fmt: skip
    assert (done.returncode == 0) == (client in LET_IN[kind]), done.stderr


def test_sshd_itself_says_who_may_log_in_and_how(box: Container) -> None:
    config = box.execute("sh", "-c", "/usr/sbin/sshd -T -f /dev/shm/devcopilot-*/sshd_config")
    options = dict(line.split(" ", 1) for line in config.splitlines() if " " in line)
    expected = {
        "permitrootlogin": "no",
        "passwordauthentication": "no",
        "kbdinteractiveauthentication": "no",
        "hostbasedauthentication": "no",
        "permitemptypasswords": "no",
        "pubkeyauthentication": "yes",
        "authenticationmethods": "publickey",
        "strictmodes": "yes",
        "x11forwarding": "no",
        "permituserenvironment": "no",
    }
    assert {name: options[name] for name in expected} == expected

"""A certificate for the real names, which is its own authority: clients are told to trust it."""

import subprocess
from pathlib import Path

NAMES = (
    *("github.com", "api.github.com", "gist.github.com", "*.ghe.com", "*.acme.ghe.com"),
    *("*.example.com", "*.ghe.example.com"),
)


def make_certificate(folder: Path) -> Path:
    """Make folder/github.pem (key and certificate) and return the certificate's own path."""
    key, certificate, both = (folder / name for name in ("key.pem", "ca.pem", "github.pem"))
    names = ",".join([*(f"DNS:{name}" for name in NAMES), "DNS:localhost", "IP:127.0.0.1"])
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    argv += ["-nodes", "-days", "2", "-subj", "/CN=fake GitHub", "-addext"]
    argv += [f"subjectAltName={names}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(argv, check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return certificate


def find_authority(both: Path) -> Path:
    """Return the certificate's own path for the file with the key."""
    return both.with_name("ca.pem")

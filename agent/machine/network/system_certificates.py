"""Where a system has the certificates that everybody trusts."""

from pathlib import Path

PUBLIC = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/cert.pem"),
)
"""Of Debian, Red Hat and Alpine; the first that is there counts."""


def find_public() -> str | None:
    """Return the file of the public certificates, if there is one."""
    return next((str(path) for path in PUBLIC if path.exists()), None)

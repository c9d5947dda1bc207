"""Certificates beside the public ones. To add a variable, add a field."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.settings.parsers import absolute_path
from agent.settings.variable import variable

FOLDER = "certificates"
"""In the runtime folder."""
ALL, MORE = "all.pem", "more.pem"
"""The public certificates and those of DEV8_CA_FILE; and those of DEV8_CA_FILE alone."""

BUNDLE_VARIABLES = (
    "SSL_CERT_FILE",
    "GIT_SSL_CAINFO",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "CODEX_CA_CERTIFICATE",
)
"""Each program reads at least one, in place of its own list: OpenSSL, Go and most others the first;
git, which Debian builds with GnuTLS; curl; Python's requests, and with it the Azure CLI; pip; the
AWS CLI; cargo; Codex."""
ADDED_VARIABLES = ("NODE_EXTRA_CA_CERTS",)
"""Node and Bun, and with them npm, code-server and most AI tools, add a file to their own list."""


@dataclass(frozen=True)
class Certificates:
    """Certificates."""

    file: Path | None = variable(
        "DEV8_CA_FILE",
        absolute_path,
        "Certificates (PEM) that every tool trusts beside the public ones, such as those of a "
        "company's proxy: a file, or a folder of files.",
    )


def make_environment(settings: Certificates, runtime: Path) -> dict[str, str]:
    """Return what leads the tools to the bundles; nothing where DEV8_CA_FILE is not set."""
    if settings.file is None:
        return {}
    everything, more = str(runtime / FOLDER / ALL), str(runtime / FOLDER / MORE)
    return {**dict.fromkeys(BUNDLE_VARIABLES, everything), **dict.fromkeys(ADDED_VARIABLES, more)}


def find_overridden(environ: Mapping[str, str], ours: Mapping[str, str]) -> list[str]:
    """Return the variables that people have set themselves: those win."""
    return [name for name, value in ours.items() if environ.get(name, value) != value]

"""Certificates beside the public ones. To add a variable, add a field."""

from collections.abc import Mapping
from pathlib import Path

from agent.machine.values import frozen
from agent.settings.parsers import absolute_path
from agent.settings.variable import variable

FOLDER = "certificates"
"""In the runtime folder."""
ALL, MORE = "all.pem", "more.pem"
"""The public certificates and those of DEV8_CA_FILE; and those of DEV8_CA_FILE alone."""
STORE = "all.jks"
"""What ALL holds, for Java."""

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
JAVA = "JAVA_TOOL_OPTIONS"
"""Options that every JVM reads, and with it Maven, Gradle and the like; people have others there.
https://docs.oracle.com/en/java/javase/17/docs/specs/jvmti.html#tooloptions"""
TRUST_STORE = "-Djavax.net.ssl.trustStore="
"""Java trusts what is in this file, in place of what comes with the JDK."""


@frozen
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
    return {
        **dict.fromkeys(BUNDLE_VARIABLES, everything),
        **dict.fromkeys(ADDED_VARIABLES, more),
        JAVA: f"{TRUST_STORE}{runtime / FOLDER / STORE}",
    }


def lead(environ: Mapping[str, str], settings: Certificates, runtime: Path) -> dict[str, str]:
    """Return the changes of an environment that lead its programs to the bundles.

    What people have set themselves wins; Java's options stand beside theirs.
    """
    changes = {}
    for name, value in make_environment(settings, runtime).items():
        own = environ.get(name)
        if not own:
            changes[name] = value
        elif name == JAVA and TRUST_STORE not in own:
            changes[name] = f"{value} {own}"
    return changes


def write_profile(led: Mapping[str, str]) -> str:
    """Return what does the same in a shell that was not started in the workspace's environment."""
    lines = (f'export {name}="${{{name}:-{value}}}"' for name, value in led.items() if name != JAVA)
    java = (
        f'case "${{{JAVA}-}}" in\n'
        f"    *{TRUST_STORE}*) ;;\n"
        f'    *) export {JAVA}="{led[JAVA]}${{{JAVA}:+ ${JAVA}}}" ;;\n'
        "esac"
    )
    return "\n".join((*lines, java, ""))


def write_fish_profile(led: Mapping[str, str]) -> str:
    """Return the same for fish."""
    lines = (
        f'test -n "${name}"; or set -gx {name} "{value}"'
        for name, value in led.items()
        if name != JAVA
    )
    java = (
        f'switch "${JAVA}"\n'
        f"    case '*{TRUST_STORE}*'\n"
        f"    case ''\n"
        f'        set -gx {JAVA} "{led[JAVA]}"\n'
        f"    case '*'\n"
        f'        set -gx {JAVA} "{led[JAVA]} ${JAVA}"\n'
        "end"
    )
    return "\n".join((*lines, java, ""))


def find_overridden(environ: Mapping[str, str], ours: Mapping[str, str]) -> list[str]:
    """Return the variables that people have set themselves: those win."""
    return [name for name, value in ours.items() if value not in _find_own(environ, name, value)]


def _find_own(environ: Mapping[str, str], name: str, value: str) -> tuple[str, ...]:
    """Return what a variable has now: Java's has several words."""
    own = environ.get(name, value)
    return (own, *own.split()) if name == JAVA else (own,)

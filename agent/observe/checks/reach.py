"""Whether the hosts that the workspace needs can be reached: name, connection, certificate."""

import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import wait
from functools import partial
from urllib.parse import urlsplit

from agent.machine.network import web
from agent.machine.network.proxies import find_proxy
from agent.machine.network.system_certificates import find_public
from agent.machine.network.web import ProxyError
from agent.machine.programs.threads import call
from agent.observe.checks.hosts import Host, find_hosts
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

TIMEOUT = 8.0
"""Seconds for a connection."""
PATIENCE = 20.0
"""Seconds for all hosts together."""
OPEN = "let the container reach it, or set HTTPS_PROXY to the proxy of your network"
NAMES = "check /etc/resolv.conf, and the DNS of the container: docker run --dns"
TRUST = "set DEV8_CA_FILE to the certificates of this authority: docs/proxy.md"
CAUSES: dict[type[Exception], tuple[str, str]] = {
    socket.gaierror: ("its name is not known here", NAMES),
    TimeoutError: (f"no answer within {TIMEOUT:g} s", OPEN),
    ssl.SSLError: ("it does not speak TLS as it should", OPEN),
    ValueError: ("the proxy has no proper address", "fix HTTPS_PROXY"),
}
"""Of failures beside certificates and proxies."""
_UNTRUSTED = (18, 19, 20, 21)
"""X509_V_ERR_…: its authority is not known: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
"""
_EXPIRED, _NOT_YET, _OTHER_NAME = 10, 9, 62


def look(current: Context) -> Iterator[Finding]:
    """Yield a finding for each host; all are asked at the same time."""
    hosts, environ = find_hosts(current), current.facts.environ
    yield from judge_all(hosts, environ)


def judge_all(
    hosts: Sequence[Host], environ: Mapping[str, str], patience: float = PATIENCE
) -> Iterator[Finding]:
    """Yield the findings in the order of the hosts; one that hangs hides no other."""
    asked = [(host, call(partial(judge, host, environ))) for host in hosts]
    wait([answer for _, answer in asked], patience)
    for host, answer in asked:
        silent = f"cannot reach {host.name} ({host.use}): no answer within {patience:g} s"
        late = Finding(Result.FAIL, silent, NAMES, part=host.name)
        yield answer.result() if answer.done() else late


def judge(host: Host, environ: Mapping[str, str]) -> Finding:
    """Return how one host can be reached."""
    proxy = find_proxy(urlsplit(host.url).scheme, urlsplit(host.url).hostname or "", environ)
    way = f" through the proxy {proxy.host}" if proxy else ""
    try:
        with web.connect(host.url, environ, timeout=TIMEOUT) as connection:
            issuer = find_issuer(connection.sock)
    except (OSError, ValueError) as error:
        cause, fix = explain(error, host, environ)
        failed = f"cannot reach {host.name} ({host.use}){way}: {cause}"
        result = Result.UNKNOWN if _is_unspoken(error) else Result.FAIL
        return Finding(result, failed, fix, {"use": host.use}, host.name)
    facts = {"use": host.use, "issuer": issuer, "proxy": proxy.host if proxy else None}
    if issuer and is_inspected(host, environ):
        told = f"{host.name} ({host.use}) answers{way}; {issuer} inspects TLS, and is trusted"
        return Finding(Result.OK, told, facts=facts, part=host.name)
    return Finding(Result.OK, f"{host.name} ({host.use}) answers{way}", facts=facts, part=host.name)


def _is_unspoken(error: Exception) -> bool:
    """Tell whether only this check cannot speak to the proxy."""
    return isinstance(error, ProxyError) and "names a proxy of type" in str(error)


def find_issuer(connection: socket.socket) -> str:
    """Return who has signed the certificate of the other side; empty: there is none."""
    found = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    rows = found.get("issuer", ()) if found else ()
    names = {str(pair[0]): str(pair[1]) for row in rows if isinstance(row, tuple) for pair in row
             if isinstance(pair, tuple) and len(pair) == 2}  # fmt: skip
    return names.get("commonName") or names.get("organizationName", "")


def is_inspected(host: Host, environ: Mapping[str, str]) -> bool:
    """Tell whether the host's certificate is only trusted by what was added to the public ones."""
    public = find_public()
    if public is None or environ.get("SSL_CERT_FILE", public) == public:
        return False
    try:
        with web.connect(host.url, environ, ssl.create_default_context(cafile=public), TIMEOUT):
            return False
    except ssl.SSLCertVerificationError as error:
        return error.verify_code in _UNTRUSTED
    except OSError:
        return False


def explain(error: Exception, host: Host, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the cause of a failure, and what fixes it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return explain_certificate(error, host, environ)
    if isinstance(error, ProxyError):
        return explain_proxy(error)
    known = (pair for kind, pair in CAUSES.items() if isinstance(error, kind))
    return next(known, (str(getattr(error, "strerror", None) or error), OPEN))


def explain_proxy(error: ProxyError) -> tuple[str, str]:
    """Return what a proxy has refused, and what fixes it."""
    cause = error.strerror or str(error)
    if cause.startswith("407"):
        login = "set HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT in a secret env file"
        return "the proxy asks for a login", login
    return f"the proxy says: {cause}", "check HTTPS_PROXY and NO_PROXY: docs/proxy.md"


def explain_certificate(
    error: ssl.SSLCertVerificationError, host: Host, environ: Mapping[str, str]
) -> tuple[str, str]:
    """Return what is wrong with a certificate, and what fixes it."""
    issuer = read_issuer(host, environ) or "an unknown authority"
    match error.verify_code:
        case code if code in _UNTRUSTED:
            return f"its certificate is from {issuer}, which nothing here trusts", TRUST
        case code if code == _EXPIRED:
            return "its certificate has expired, or the clock is ahead", "devcopilot doctor clock"
        case code if code == _NOT_YET:
            return "its certificate is not valid yet: the clock is behind", \
                "devcopilot doctor clock"  # fmt: skip
        case code if code == _OTHER_NAME:
            return f"something else answers there, with a certificate from {issuer}", OPEN
    return f"its certificate (from {issuer}) is refused: {error.verify_message}", TRUST


def read_issuer(host: Host, environ: Mapping[str, str]) -> str:
    """Return who has signed the certificate that is not trusted; nothing is sent to that server."""
    from cryptography import x509  # noqa: PLC0415 - only who has such a certificate pays

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with web.connect(host.url, environ, context, TIMEOUT) as connection:
            assert isinstance(connection.sock, ssl.SSLSocket)  # noqa: S101 - the URL is https
            content = connection.sock.getpeercert(binary_form=True)
        issuer = x509.load_der_x509_certificate(content or b"").issuer
    except (OSError, ValueError):
        return ""
    names = {attribute.oid: str(attribute.value) for attribute in issuer}
    wanted = (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME)
    return next((names[oid] for oid in wanted if oid in names), issuer.rfc4514_string())


CHECK = Check(
    "hosts", "Network",
    "whether the hosts that are needed can be reached: DNS, connection, certificate, proxy",
    look, network=True, documents="docs/proxy.md", timeout=40.0,
)  # fmt: skip

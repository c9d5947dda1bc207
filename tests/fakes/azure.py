"""A stand-in for Azure on loopback: a managed identity's tokens, and the resource manager.

Usage: azure.py COMMAND...; runs the command with the environment that leads the Azure CLI here, and
ends with its exit code.

It refuses what the real one refuses: a token for nobody, a request without that token, and one that
does not say which version of the interface it means. tests/image/tools/test_azure.py runs it in the
image, so that it needs nothing but Python and openssl.
"""

import base64
import http.server
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

HEADER = "secret-of-the-identity"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
TENANT = "00000000-0000-0000-0000-000000000002"
CLAIMS = base64.urlsafe_b64encode(json.dumps({"tid": TENANT, "oid": "me"}).encode()).decode()
TOKEN = f"e30.{CLAIMS.rstrip('=')}.e30"
"""A JWT; the CLI reads the tenant in it and does not check who signed it."""
HERE = f"/subscriptions/{SUBSCRIPTION}"
GROUP = {"id": f"{HERE}/resourceGroups/one", "name": "one", "location": "westeurope"}
ANSWERS: dict[tuple[str, str], Any] = {
    ("GET", "/subscriptions"): {
        "value": [
            {
                "id": HERE,
                "subscriptionId": SUBSCRIPTION,
                "tenantId": TENANT,
                "displayName": "Test",
                "state": "Enabled",
            }
        ]
    },
    ("GET", f"{HERE}/resourcegroups"): {"value": [GROUP]},
    ("PUT", f"{HERE}/resourcegroups/one"): GROUP,
    ("GET", f"{HERE}/providers/microsoft.storage/storageaccounts"): {
        "value": [{"name": "accountone", "type": "Microsoft.Storage/storageAccounts"}]
    },
    ("GET", f"{HERE}/providers/microsoft.network/virtualnetworks"): {"value": [{"name": "net"}]},
    ("GET", f"{HERE}/providers/microsoft.compute/virtualmachines"): {"value": [{"name": "vm"}]},
    ("GET", "/secrets"): {"value": [{"id": "https://vault/secrets/password"}]},
}
RESOURCES = ("disk", "Microsoft.Compute/disks"), ("vaultone", "Microsoft.KeyVault/vaults")
BLOBS = """<?xml version="1.0"?><EnumerationResults><Blobs><Blob><Name>blobone</Name>
<Properties><BlobType>BlockBlob</BlobType></Properties></Blob></Blobs></EnumerationResults>"""


class Azure(http.server.BaseHTTPRequestHandler):
    """Answers one request."""

    def answer(self) -> None:
        """Check the request as the real one does, and answer it."""
        url = urlsplit(self.path)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if url.path == "/token":
            self.give_token(parse_qs(url.query))
        elif url.path == "/metadata/endpoints":  # for everybody: it says where to sign in
            here = f"https://{self.headers['Host']}"
            login = {"loginEndpoint": here, "audiences": [here]}
            names = {"storage": "here.test", "keyVaultDns": "here.test"}
            self.reply(200, {"name": "here", "resourceManager": here,
                             "authentication": login, "suffixes": names})  # fmt: skip
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.reply(401, {"error": {"code": "AuthenticationFailed", "message": "no token"}})
        elif "api-version" not in parse_qs(url.query) and "x-ms-version" not in self.headers:
            self.reply(400, {"error": {"code": "MissingApiVersionParameter", "message": "none"}})
        elif url.path == f"{HERE}/resources":
            self.list_resources(parse_qs(url.query).get("$filter", [""])[0])
        elif url.path == "/container":
            self.reply(200, BLOBS, "application/xml")
        else:
            known = ANSWERS.get((self.command, url.path.rstrip("/").lower()))
            missing = {"error": {"code": "ResourceNotFound", "message": f"no {url.path}"}}
            self.reply(200 if known else 404, known or missing)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815 - http.server names them

    def give_token(self, query: dict[str, list[str]]) -> None:
        """Answer as the endpoint of a managed identity of Azure App Service."""
        if self.headers.get("X-IDENTITY-HEADER") != HEADER or "resource" not in query:
            self.reply(401, {"message": "not your identity"})
            return
        expiry = str(int(time.time()) + 3600)
        self.reply(200, {"access_token": TOKEN, "expires_on": expiry, "token_type": "Bearer",
                         "resource": query["resource"][0]})  # fmt: skip

    def list_resources(self, wanted: str) -> None:
        """Answer with the resources, or those of one type: resourceType eq 'TYPE'."""
        self.reply(200, {"value": [{"name": name, "type": kind} for name, kind in RESOURCES
                                   if wanted in ("", f"resourceType eq '{kind}'")]})  # fmt: skip

    def reply(self, status: int, document: object, kind: str = "application/json") -> None:
        """Send one document; a 401 names who gives tokens, as key vaults do."""
        data = (document if isinstance(document, str) else json.dumps(document)).encode()
        here = f"https://{self.headers['Host']}"
        self.send_response(status)
        if status == 401:
            challenge = f'Bearer authorization="{here}/{TENANT}", resource="{here}"'
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Write nothing on the streams, which are the command's."""


def make_certificate(folder: Path) -> None:
    """Make a certificate for loopback that trusts itself."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True)  # fmt: skip


def serve(folder: Path, command: list[str]) -> int:
    """Run the command, with the CLI's own files in a folder that is thrown away."""
    make_certificate(folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Azure)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://127.0.0.1:{server.server_port}"
    environ = {
        **os.environ,
        "AZURE": url,
        "IDENTITY_ENDPOINT": f"{url}/token",
        "IDENTITY_HEADER": HEADER,
        "REQUESTS_CA_BUNDLE": str(folder / "cert.pem"),
        "AZURE_CONFIG_DIR": str(folder / "config"),
        "AZURE_CORE_COLLECT_TELEMETRY": "no",
    }
    return subprocess.run(command, check=False, env=environ).returncode


def main() -> int:
    """Serve while the command runs."""
    with tempfile.TemporaryDirectory() as folder:
        return serve(Path(folder), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

"""A gallery of extensions, run inside a container: python3 gallery.py PORT IDENTIFIER…

It answers what VS Code's extensionGalleryService.ts asks: a query by name, and the file.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from vsix import make_vsix  # type: ignore[import-not-found] # both lie in one folder there

PACKAGE = "Microsoft.VisualStudio.Services.VSIXPackage"
CODE = "Microsoft.VisualStudio.Code.Manifest"
PORT, KNOWN = int(sys.argv[1]), sys.argv[2:]


def describe(identifier: str) -> dict[str, Any]:
    """Return an extension as the gallery lists it."""
    publisher, name = identifier.split(".")
    base = f"http://127.0.0.1:{PORT}/files/{identifier}"
    return {
        "extensionId": "00000000-0000-0000-0000-000000000001",
        "extensionName": name, "displayName": name, "shortDescription": "", "flags": "validated",
        "publisher": {"publisherName": publisher, "displayName": publisher, "flags": "verified",
                      "publisherId": "00000000-0000-0000-0000-000000000002"},
        "lastUpdated": "2026-01-01T00:00:00Z", "publishedDate": "2026-01-01T00:00:00Z",
        "releaseDate": "2026-01-01T00:00:00Z", "statistics": [], "tags": [], "categories": [],
        "versions": [{
            "version": "1.0.0", "lastUpdated": "2026-01-01T00:00:00Z",
            "assetUri": base, "fallbackAssetUri": base, "flags": "validated",
            "files": [{"assetType": PACKAGE, "source": f"{base}/package"},
                      {"assetType": CODE, "source": f"{base}/manifest"}],
            "properties": [{"key": "Microsoft.VisualStudio.Code.Engine", "value": "^1.70.0"}],
        }],
    }  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Answers queries and gives files."""

    def do_POST(self) -> None:
        """Answer /gallery/extensionquery."""
        size = int(self.headers["Content-Length"])
        query = json.loads(self.rfile.read(size))
        names = {
            str(each["value"]).lower() for item in query["filters"] for each in item["criteria"]
        }
        found = [describe(name) for name in KNOWN if name in names]
        total = {"metadataType": "ResultCount", "metadataItems": [
            {"name": "TotalCount", "count": len(found)}]}  # fmt: skip
        self._send({"results": [{"extensions": found, "resultMetadata": [total]}]})

    def do_GET(self) -> None:
        """Give a file."""
        _, kind, *rest = self.path.partition("?")[0].split("/")
        if kind != "files" or rest[0] not in KNOWN:
            self.send_error(404)
            return
        if rest[1] in ("package", PACKAGE):
            self._write(make_vsix(rest[0]), "application/octet-stream")
            return
        publisher, name = rest[0].split(".")
        self._send({"name": name, "publisher": publisher, "version": "1.0.0",
                    "engines": {"vscode": "^1.70.0"}})  # fmt: skip

    def _send(self, document: object) -> None:
        self._write(json.dumps(document).encode(), "application/json")

    def _write(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()

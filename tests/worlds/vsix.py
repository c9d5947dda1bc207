"""Makes extensions of VS Code, packed as a gallery has them.

Standard library only: containers run it.
"""

import io
import json
import zipfile

MANIFEST = """<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
<Metadata><Identity Language="en-US" Id="{name}" Version="{version}" Publisher="{publisher}"/>
<DisplayName>{name}</DisplayName></Metadata>
<Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation><Dependencies/>
<Assets><Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json"
Addressable="true"/></Assets></PackageManifest>
"""
TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
    'content-types"><Default Extension="json" ContentType="application/json"/></Types>'
)


def make_vsix(identifier: str, version: str = "1.0.0") -> bytes:
    """Return an extension that does nothing."""
    publisher, name = identifier.split(".")
    package = {"name": name, "publisher": publisher, "version": version,
               "engines": {"vscode": "^1.70.0"}, "main": "./main.js"}  # fmt: skip
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("extension/package.json", json.dumps(package))
        archive.writestr("extension/main.js", "exports.activate = () => {};\n")
        archive.writestr("extension.vsixmanifest", MANIFEST.format(**package))
        archive.writestr("[Content_Types].xml", TYPES)
    return content.getvalue()

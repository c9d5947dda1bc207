"""Take out of an installed Azure CLI what it never loads; every command stays.

Run by the environment's own Python. What goes are clients for asyncio, and versions of Azure's
interfaces that neither the CLI's table of versions nor a package's own models name. The CLI's
makers take out the same for their packages. tests/image/tools/test_azure.py loads every client.
"""

import re
import shutil
from pathlib import Path
from sysconfig import get_path

from azure.cli.core.profiles import AD_HOC_API_VERSIONS, AZURE_API_PROFILES, ResourceType

REEXPORT = re.compile(r"^from \.(v\w+)\.models import \*", re.MULTILINE)


def find_folder(package: str) -> Path:
    """Return where a package is, whether or not it is installed."""
    return Path(get_path("purelib"), *package.split("."))


def list_versions(kind: ResourceType) -> set[str]:
    """Return the versions of an interface that the CLI names."""
    versions = set(AD_HOC_API_VERSIONS.get(kind, {}).values())
    for profile in AZURE_API_PROFILES.values():
        named = profile.get(kind)
        if isinstance(named, str):
            versions.add(named)
        elif named is not None:
            versions.update(named.profile.values())
    return versions


def trim_versions(kind: ResourceType) -> None:
    """Remove the versions of an interface that nothing names."""
    versions = list_versions(kind)
    if any(table.get(kind, "") is None for table in AZURE_API_PROFILES.values()):
        return  # it takes the newest
    folder = find_folder(kind.import_prefix)
    used = {"v" + version.replace("-", "_").replace(".", "_") for version in versions}
    models = folder / "models.py"
    if models.exists():
        used.update(REEXPORT.findall(models.read_text()))
    for version in folder.glob("v*_*"):
        if version.is_dir() and version.name not in used:
            shutil.rmtree(version)


def main() -> None:
    """Trim the largest packages: those for Azure's management interface, and a few more."""
    for package in ("azure.mgmt", "azure.batch", "azure.keyvault", "azure.synapse"):
        for folder in list(find_folder(package).rglob("aio")):
            shutil.rmtree(folder)
    for kind in AZURE_API_PROFILES["latest"]:
        if kind.import_prefix.startswith("azure.mgmt."):
            trim_versions(kind)


if __name__ == "__main__":
    main()

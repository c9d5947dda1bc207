"""scripts/list_packages.py: a line for each package."""

from scripts.list_packages import list_packages


def test_each_package_is_there_once_sorted_with_its_scope() -> None:
    components = [
        {"name": "requests", "version": "2.34.2", "purl": "pkg:pypi/requests@2.34.2"},
        {"name": "bash", "version": "5.2", "purl": "pkg:deb/debian/bash@5.2?arch=amd64"},
        {"name": "cli", "group": "@dev", "version": "1", "purl": "pkg:npm/%40dev/cli@1"},
        {"name": "requests", "version": "2.34.2", "purl": "pkg:pypi/requests@2.34.2"},
        {"name": "debian", "version": "12", "type": "operating-system"},
    ]
    assert list_packages({"components": components}) == [
        "deb     bash 5.2",
        "npm     @dev/cli 1",
        "pypi    requests 2.34.2",
    ]

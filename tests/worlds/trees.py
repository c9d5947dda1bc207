"""Trees of files for backups: an odd one, a workspace as people have it, and rsync as the judge.

Standard library only: containers run it too, by their own Python. As a program:
make FOLDER FILES MEGABYTES | change FOLDER | odd FOLDER
"""

import os
import random
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MEGABYTE = 1_000_000
OLD = 1_000_000_000_123_456_789
"""A time in 2001, in nanoseconds."""
ODD_NAMES = (
    b"plain", b".hidden", b"with space", b" both ends ", b"quote'\"", b"star*[x]?", b"{a,b}",
    b"back\\slash", b"!bang", b"-dash", b"--delete", b"new\nline", b"tab\there", b"bell\a\x1b[1m",
    b"\xff\xfe", b"half \xc3", b"$HOME", b"`id`", b"#hash", b"%s", b"~", b"...", b"a:b|c<d>e",
    "ümläut".encode(), "u\u0308".encode(), "🦄".encode(), b"n" * 255, b"\xe4" * 255,
    "é".encode() * 127,
)  # fmt: skip
SOCKET = "socket"
"""What no backup keeps: an archive of a socket would be of no use."""


def make_odd_tree(folder: Path, *, unreadable: bool = False) -> None:
    """Fill a folder with what is hard to keep; it belongs to who calls.

    `unreadable`: also files and folders that only root can read then, of modes such as 0000.
    Lists for access control are in it where setfacl is here and the file system has them.
    """
    for raw in ODD_NAMES:
        _odd(folder, raw).write_bytes(raw)
    deep = _odd(folder, b"folder \xff*\n") / "in" / "it"
    deep.mkdir(parents=True)
    (deep / "file").write_text("in an odd folder")
    for name in ("dist", "build", "target", "node_modules", ".git", "empty"):
        (folder / name).mkdir()
        if name != "empty":
            (folder / name / "deep").mkdir()
            (folder / name / "deep/file").write_text(name)
    for name, mode in {"script": 0o755, "private": 0o400}.items():
        (folder / name).write_text(f"#!/bin/sh\n: {name}\n")
        (folder / name).chmod(mode)
    (folder / "closed").mkdir()
    (folder / "closed/file").write_text("in a read-only folder")
    (folder / "closed").chmod(0o555)
    _make_links(folder)
    os.setxattr(folder / "plain", "user.note", b"kept\0\xff")
    os.setxattr(folder / "dist", "user.note", b"of a folder")
    if shutil.which("setfacl"):
        for words in (("-m", "u:1234:rw,g:2345:r", "plain"), ("-d", "-m", "u:1234:rx", "build")):
            subprocess.run(["setfacl", *words], cwd=folder, check=False, capture_output=True)
    with (folder / "sparse").open("wb") as file:
        file.truncate(64 * MEGABYTE)
        file.seek(32 * MEGABYTE)
        file.write(b"middle")
    os.mkfifo(folder / "pipe", 0o640)
    os.mknod(folder / SOCKET, stat.S_IFSOCK | 0o600)
    _make_modes(folder / "modes", unreadable)
    _make_old(folder)


def _odd(folder: Path, name: bytes) -> Path:
    return folder / os.fsdecode(name)


def _make_links(folder: Path) -> None:
    os.link(folder / "plain", folder / "second name")
    os.link(folder / "plain", folder / "dist" / "third name")
    for name, target in {
        b"link": b"plain", b"to folder": b"dist", b"dangling": b"/nowhere/at all", b"loop": b"loop",
        b"link of odd target": b"\xff-target\n", b"link \xff": b"../" * 100, b"up": b"..",
    }.items():  # fmt: skip
        _odd(folder, name).symlink_to(os.fsdecode(target))


def _make_modes(folder: Path, unreadable: bool) -> None:
    folder.mkdir()
    lowest = 0 if unreadable else 0o400
    for mode in (number for number in range(0o1000) if number & lowest == lowest):
        path = folder / f"{mode:04o}"
        path.write_text(path.name)
        path.chmod(mode)
    for mode in (0o700, 0o500, 0o2775, 0o1777, 0o3700, *((0o000, 0o300) if unreadable else ())):
        path = folder / f"folder {mode:04o}"
        path.mkdir()
        (path / "file").write_text("in it")
        path.chmod(mode)


def _make_old(folder: Path) -> None:
    """Give everything a time of its own, deepest first, as that changes the folder above."""
    for number, (top, folders, files) in enumerate(os.walk(os.fsencode(folder), topdown=False)):
        for name in (*sorted(files), *(item for item in folders)):
            path = top + b"/" + name
            if name in files or Path(os.fsdecode(path)).is_symlink():
                when = OLD + number * 1_000_000_007 + len(name)
                os.utime(path, ns=(when, when), follow_symlinks=False)
        os.utime(top, ns=(OLD - number, OLD - number))
    os.utime(_odd(folder, b"plain"), ns=(1, 1))


def own(folder: Path, uid: int) -> None:
    """Give all of it to a user, without changing modes and times. For root."""
    for top, folders, files in os.walk(os.fsencode(folder)):
        for name in (b".", *folders, *files):
            path = top + b"/" + name
            mode = os.lstat(path).st_mode
            os.lchown(path, uid, uid)
            if not stat.S_ISLNK(mode):
                Path(os.fsdecode(path)).chmod(stat.S_IMODE(mode))  # chown takes setgid away


def compare(one: Path, other: Path) -> list[str]:
    """Return what rsync would do to make `other` equal to `one`: nothing when it is.

    Content, names, modes, owners, times, hard links, ACLs, xattrs. What only root can read, and
    owners that differ, need root. Names come as rsync escapes them.
    """
    options = ["-aHAXn", "--checksum", "--delete", "--itemize-changes"]
    done = subprocess.run(
        ["rsync", *options, f"{one}/", f"{other}/"],
        check=True, capture_output=True, timeout=600, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    return os.fsdecode(done.stdout).splitlines()


def find_lost(one: Path, other: Path) -> list[str]:
    """Return what `compare` does, but for sockets, which no backup keeps."""
    return [line for line in compare(one, other) if line[1:2] != "S"]


STEMS = ("load", "value", "request", "state", "user", "file", "name", "token", "render", "node")
WORDS = [stem + end for stem in STEMS for end in ("", "s", "er", "List", "Map", "Of", "Id", "By")]
SIGNS = (" = ", "(", ");", " => {", "}", ": ", ", ", " if ", " return ", "  // ", "'", "import ")
BLOCK = 512
"""Bytes that st_blocks counts in; see inode(7)."""
PACKAGE_FILES = 40
"""Files of a package in node_modules, about."""


class _Writer:
    """Writes files of random but always the same content, and counts them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chance = random.Random(20_240_101)
        self.lines = [self._make_line() for _ in range(6000)]
        self.files = 0
        self.size = 0
        self._made: set[Path] = set()

    def _make_line(self) -> bytes:
        words = (
            self.chance.choice(WORDS) + self.chance.choice(SIGNS)
            for _ in range(self.chance.randrange(2, 9))
        )
        return f"{'  ' * self.chance.randrange(4)}{''.join(words)}\n".encode()

    def write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        path.write_bytes(content)
        self.files += 1
        self.size += len(content)

    def text(self, size: int) -> bytes:
        """Return about so many bytes that compress as sources do, and begin like no other."""
        head = b"// %016x\n" % self.chance.getrandbits(64)
        return head + b"".join(self.chance.choices(self.lines, k=max(1, size // 50)))

    def sizes(self, middle: float) -> Iterator[int]:
        """Yield sizes as files have them: most are small, a few are big."""
        while True:
            yield int(self.chance.lognormvariate(0, 1) * middle)


def make_workspace(folder: Path, files: int = 60_000, size: int = 1 << 30) -> None:
    """Fill a folder with a project: the same files each time, about so many and so many bytes.

    It is a git repository with packed and loose objects, node_modules, outputs of builds, a Python
    environment, logs, pictures and a few big files. About half of the bytes do not compress.
    Needs git.
    """
    writer = _Writer(folder)
    writer.write(".gitignore", b"node_modules\nbuild\n.venv\nlogs\ndata\nassets\n")
    _make_sources(writer, files // 15, "src")
    _commit(folder, "first")
    _make_sources(writer, files // 60, "lib")
    _commit(folder, "second", pack=False)
    writer.files += sum(len(names) for _, _, names in os.walk(folder / ".git"))
    _make_packages(writer, files * 9 // 10 - writer.files)
    left, many = max(0, size - writer.size), files - writer.files
    _write_some(writer, "build/chunk{}.js", many // 2, left // 5, incompressible=0)
    _write_some(writer, ".venv/lib/module{}.so", many // 4, left // 5, incompressible=0.3)
    _write_some(writer, "logs/{}.log", 5, left // 10, incompressible=0)
    _write_some(writer, "data/{}.bin", 5, left // 4, incompressible=0.9)
    rest = max(1, files - writer.files)
    _write_some(writer, "assets/{}.png", rest, max(0, size - writer.size), incompressible=1)


def _write_some(
    writer: _Writer, name: str, count: int, size: int, *, incompressible: float
) -> None:
    """Write so many files of together so many bytes, this share of which is random."""
    for number in range(count):
        each = size // count
        noise = int(each * incompressible)
        content = writer.text(each - noise) if noise < each else b""
        writer.write(name.format(number), content + writer.chance.randbytes(noise))


def _make_sources(writer: _Writer, count: int, top: str) -> None:
    for number, size in zip(range(count), writer.sizes(2500), strict=False):
        writer.write(f"{top}/part{number // 25}/module{number}.ts", writer.text(size))


def _commit(folder: Path, message: str, pack: bool = True) -> None:
    when = "2024-01-01T00:00:00Z"
    environ = {
        **os.environ, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when,
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
    }  # fmt: skip
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "gc.auto=0",
           "-c", "pack.threads=1", "-c", "init.defaultBranch=main", "-C", str(folder)]  # fmt: skip
    steps = [["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", message]]
    for words in (*steps, *([["repack", "-adq"], ["prune-packed", "-q"]] if pack else ())):
        subprocess.run([*git, *words], check=True, env=environ, timeout=300, capture_output=True)


def _make_packages(writer: _Writer, count: int) -> None:
    """Make node_modules: packages with a license that many share, sources and types."""
    licenses = [writer.text(1100) for _ in range(4)]
    sizes = writer.sizes(1900)
    for number in range(count):
        package, item = divmod(number, PACKAGE_FILES)
        place = (
            f"node_modules/{f'@scope{package % 7}/' if package % 5 == 0 else ''}package{package}"
        )
        if item == 0:
            writer.write(f"{place}/LICENSE", licenses[package % 4])
        elif item == 1:
            writer.write(f"{place}/package.json", b'{"name":"package%d"}\n' % package)
        else:
            end = ("js", "d.ts", "js.map")[item % 3]
            writer.write(f"{place}/lib/part{item % 4}/file{item}.{end}", writer.text(next(sizes)))


def change_workspace(folder: Path, share: float = 0.01) -> int:
    """Do what a while of work does, to this share of the files; return how many were touched.

    Texts grow, some are rewritten, a package is renamed and another one goes. New files come that
    do not compress, of half this share of all bytes; holes are none.
    """
    chance = random.Random(7)
    texts = sorted(path for top in ("src", "node_modules", "build")
                   for path in (folder / top).rglob("*") if path.is_file())  # fmt: skip
    chosen = texts[:: max(1, round(1 / share))]
    for number, path in enumerate(chosen):
        content = path.read_bytes()
        middle = len(content) // 2 if number % 4 == 0 else len(content)
        path.write_bytes(content[:middle] + b"changed %d\n" % number + content[middle:])
    packages = sorted((folder / "node_modules").iterdir())
    packages[-1].rename(packages[-1].with_name("renamed"))
    shutil.rmtree(packages[-2])
    found = [path.stat() for path in folder.rglob("*") if path.is_file()]
    size = sum(min(status.st_size, status.st_blocks * BLOCK) for status in found)
    for number in range(10):
        path = folder / "assets" / f"new{number}.png"
        path.write_bytes(chance.randbytes(int(size * share / 2 / 10)))
    with next((folder / "logs").iterdir()).open("ab") as log:
        log.write(b"one more line\n" * 1000)
    return len(chosen)


def main(words: list[str]) -> None:
    """Do what the words say."""
    folder = Path(words[1])
    if words[0] == "make":
        make_workspace(folder, int(words[2]), int(words[3]) * MEGABYTE)
    elif words[0] == "change":
        change_workspace(folder)
    else:
        make_odd_tree(folder)


if __name__ == "__main__":
    main(sys.argv[1:])

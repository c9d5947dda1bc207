"""Looks for secrets in processes, files, sockets and answers. Containers run it: Python alone.

Usage: python -c TEXT look|watch. The first line of standard input is a JSON object: `forms`, name
-> texts in hex; `folders`; `asks`, a list of [method, url, headers, body].

`look` looks once at everything. `watch` looks at arguments and environments again and again, until
another line comes. Both print a JSON line: how many places they have seen, and [place, name, mode]
of each secret; `watch` does so at each find, because it ends with the container.
"""

import json
import os
import select
import socket
import stat
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

PAUSE = 0.004
"""Seconds between two looks at the processes."""
PATIENCE = 1.0
"""Seconds for the answer of a socket."""
LARGEST = 64 * 2**20
CORE = "a core dump"
ELF, IS_CORE = b"\x7fELF", b"\x04\x00"
"""https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html: e_type is ET_CORE."""
METHODS = (
    "system.listMethods", "supervisor.getState", "supervisor.getAllProcessInfo",
    "supervisor.getAllConfigInfo", "supervisor.getIdentification",
)  # fmt: skip
QUESTIONS = (
    b"GET / HTTP/1.0\r\n\r\n", b"get\n", b"\n",
    *(b"POST /RPC2 HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body) for body in (
        f"<methodCall><methodName>{name}</methodName></methodCall>".encode() for name in METHODS
    )),
    b"POST /RPC2 HTTP/1.0\r\nContent-Length: 151\r\n\r\n<methodCall><methodName>supervisor.readLog"
    b"</methodName><params><param><int>-100000</int></param><param><int>0</int></param></params>"
    b"</methodCall>" + b" " * 20,
)  # fmt: skip


class Search:
    """What is looked for, and what was found."""

    def __init__(self, forms: "dict[str, list[str]]") -> None:
        self._forms = {
            name: [bytes.fromhex(text) for text in texts] for name, texts in forms.items()
        }
        self.found: set[tuple[str, str, str]] = set()
        self.places = 0
        self._names: dict[int, str] = {}
        self._seen: set[tuple[int, int]] = set()
        """Process and content."""

    def read(self, place: str, content: bytes, mode: str = "") -> None:
        """Look for all secrets in what is in a place."""
        self.places += 1
        for name, texts in self._forms.items():
            if any(text in content for text in texts):
                self.found.add((place, name, mode))

    def read_processes(self) -> None:
        """Look at the arguments and the environment of each process that has new ones."""
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):  # noqa: PTH208 - names
            if pid != os.getpid():
                with suppress(OSError):  # it has ended
                    self._read_process(pid)

    def _read_process(self, pid: int) -> None:
        arguments, environment = (read(f"/proc/{pid}/{name}") for name in ("cmdline", "environ"))
        key = pid, hash((arguments, environment))
        if key in self._seen or not arguments:
            return
        self._seen.add(key)
        self._names[pid] = name_program(arguments)
        place = self._find_place(pid)
        self.read(f"arguments of {place}", arguments)
        self.read(f"environment of {place}", environment)

    def _find_place(self, pid: int) -> str:
        """Return the programs from the child of PID 1 down to a process."""
        names: list[str] = []
        while pid > 1 and len(names) < 20:
            names.insert(0, self._names.get(pid) or name_program(read(f"/proc/{pid}/cmdline")))
            pid = int(read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[1])
        return "/".join(names) or "PID 1"

    def read_files(self, top: str) -> None:
        """Look into each file below a folder, and ask each socket."""
        for folder, _, names in os.walk(top):
            for name in names:
                with suppress(OSError):
                    self._read_entry(f"{folder}/{name}")

    def _read_entry(self, path: str) -> None:
        status = Path(path).lstat()
        if stat.S_ISSOCK(status.st_mode):
            self.ask_socket(path)
        elif stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST:
            self._read_file(path, f"{stat.S_IMODE(status.st_mode):o}")

    def _read_file(self, path: str, mode: str) -> None:
        content = read(path)
        self.read(path, content, mode)
        if content.startswith(ELF) and content[16:18] == IS_CORE:
            self.found.add((path, CORE, mode))

    def ask_socket(self, path: str) -> None:
        """Look at what a Unix socket answers to whoever may connect."""
        for question in QUESTIONS:
            with socket.socket(socket.AF_UNIX) as door:
                door.settimeout(PATIENCE)
                answer = b""
                with suppress(OSError):
                    door.connect(path)
                    door.sendall(question)
                    door.shutdown(socket.SHUT_WR)
                    while piece := door.recv(65536):
                        answer += piece
                self.read(f"socket {path}", answer)

    def ask(self, method: str, url: str, headers: "dict[str, str]", body: str) -> None:
        """Look at an answer over HTTP, headers included."""
        request = urllib.request.Request(url, body.encode() or None, headers, method=method)
        try:
            answer = urllib.request.urlopen(request, timeout=10)
        except urllib.error.HTTPError as error:
            answer = error
        except OSError as error:
            self.read(f"{method} {url}", str(error).encode())
            return
        with answer:
            content = str(answer.headers).encode() + answer.read()
        self.read(f"{method} {url}", content)


def read(path: str) -> bytes:
    return Path(path).read_bytes()


def name_program(arguments: bytes) -> str:
    """Return what a process is called here: a program, a module, or `devcopilot` and its verb."""
    words = [word for word in arguments.decode(errors="replace").split("\0") if word]
    if "supervisor.supervisord" in words:
        return "supervisord"
    for at, word in enumerate(words):
        if word == "agent" or word.endswith("/devcopilot"):
            verbs = [verb for verb in words[at + 1 :] if not verb.startswith("-")]
            return " ".join(["devcopilot", *verbs[:1]])
    if "-m" in words[:-1]:
        return words[words.index("-m") + 1]
    return Path(words[0].split(":")[0].split(" ")[0]).name.lstrip("-") if words else "?"


def look(search: Search, order: "dict[str, Any]") -> None:
    """Look once at everything."""
    search.read_processes()
    for top in order["folders"]:
        search.read_files(top)
    for words in order["asks"]:
        search.ask(*words)


def watch(search: Search, _order: "dict[str, Any]") -> None:
    """Look at the processes until another line comes, or the end of the input."""
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        known = len(search.found)
        search.read_processes()
        if len(search.found) > known:
            report(search)


def report(search: Search) -> None:
    """Print what was found so far."""
    print(json.dumps([search.places, sorted(search.found)]), flush=True)


def main() -> None:
    """Do what was asked for."""
    order = json.loads(sys.stdin.readline())
    search = Search(order["forms"])
    {"look": look, "watch": watch}[sys.argv[1]](search, order)
    report(search)


main()

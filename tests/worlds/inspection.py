"""A workspace behind a proxy that inspects TLS: a server inside shows a private certificate.

That the server is asked at all shows that a tool trusts it.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.worlds.authority import Authority, write_files
from tests.worlds.containers import Container, Recipe, running

PORT = 9443
URL = f"https://127.0.0.1:{PORT}"
SLOW = 40
"""Seconds for a tool to ask."""
ENTER = """
import os, subprocess, sys
pid = subprocess.check_output(["pgrep", "-of", "code-server"], text=True).strip()
rows = open(f"/proc/{pid}/environ", "rb").read().split(b"\\0")
environ = dict(row.split(b"=", 1) for row in rows if b"=" in row)
environ.pop(b"NODE_OPTIONS", None)  # code-server's own
os.execvpe("timeout", ["timeout", sys.argv[1], "sh", "-c", sys.argv[2]], environ)
"""


@contextmanager
def inspected(image: str, folder: Path, *options: str) -> Iterator[Container]:
    """Run a workspace with the server in it; its authority is the one in /tls/ca."""
    authority = Authority()
    folder.chmod(0o755)
    shutil.copy(Path(__file__).parent / "tls_server.py", folder)
    write_files(folder, authority.sign("localhost"))
    (folder / "ca").mkdir()
    (folder / "ca/proxy.crt").write_bytes(authority.own.certificate)
    options = ("--network", "none", "-v", f"{folder}:/tls:ro", *options)
    # Not every image has a Python of its own; the agent's reads a script alone, too.
    command = ("/opt/devcopilot/bin/python", "-I", "/tls/tls_server.py", str(PORT))
    with running(Recipe(image, options, command, published=False)) as box:
        box.wait_ready()
        yield box


def ask(box: Container, name: str, script: str) -> bool:
    """Let a tool ask for a path with this name, in a terminal; return whether the server was."""
    box.call("/opt/devcopilot/bin/python", "-I", "-c", ENTER, str(SLOW), script)
    return f"/{name}" in "".join(line for line in box.logs().split("\n") if "asked " in line)

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
SLOW = 100
"""Seconds for a tool to ask."""
PATIENCE = 5
"""Seconds for one that has refused the server to think again."""
NOTES = "/tmp/tls-notes"
HERE = Path(__file__).parent
PYTHON = ("/opt/devcopilot/bin/python", "-I")
"""Not every image has a Python of its own; the agent's reads a script alone, too."""


@contextmanager
def inspected(image: str, folder: Path, *options: str) -> Iterator[Container]:
    """Run a workspace with the server in it; its authority is the one in /tls/ca."""
    authority = Authority()
    folder.chmod(0o755)
    for name in ("tls_server.py", "tls_client.py"):
        shutil.copy(HERE / name, folder)
    write_files(folder, authority.sign("localhost"))
    (folder / "ca").mkdir()
    (folder / "ca/proxy.crt").write_bytes(authority.own.certificate)
    options = ("--network", "none", "-v", f"{folder}:/tls:ro", *options)
    command = (*PYTHON, "/tls/tls_server.py", str(PORT), NOTES)
    with running(Recipe(image, options, command, published=False)) as box:
        box.wait_ready()
        yield box


def ask(box: Container, name: str, script: str, *, trusted: bool) -> bool:
    """Let a tool ask for a path with this name, in a terminal; return whether the server was.

    `trusted`: what is expected of the tool; how long it is watched depends on it.
    """
    words, patience = (f"asked /{name}", 0) if trusted else ("refused", PATIENCE)
    box.execute(
        *PYTHON, "/tls/tls_client.py", str(SLOW), script, NOTES, words, str(patience)
    )  # fmt: skip
    return f"/{name}" in "".join(line for line in box.logs().split("\n") if "asked " in line)

"""Run the fake by itself: `python -m tests.fakes.github --port 9999 --token ghp_one`."""

import argparse
import json
import signal
from dataclasses import asdict
from pathlib import Path

from tests.fakes.github import FakeGitHub, Request


class NotingGitHub(FakeGitHub):
    """One that also writes each request to a file, a JSON object a line."""

    notes: Path | None = None

    def note(self, request: Request) -> None:
        super().note(request)
        if self.notes:
            with self.notes.open("a") as file:
                file.write(json.dumps(asdict(request)) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--login", default="octo")
    parser.add_argument("--token", action="append", default=[], help="one that is good; repeatable")
    parser.add_argument(
        "--folder",
        type=Path,
        help="serve HTTPS and git, with ca.pem, the repositories and a socket for control in here",
    )
    parser.add_argument("--certificate", type=Path, help="be an HTTPS proxy as well, with this")
    parser.add_argument("--notes", type=Path, help="file for the requests")
    options = parser.parse_args()
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # threads inherit it
    with make_hub(options.port, options.folder, options.certificate) as hub:
        hub.notes = options.notes
        for token in options.token:
            hub.add_token(token, options.login)
        if options.folder:
            from tests.fakes.github.control import listen

            listen(hub, options.folder / "control")
        signal.sigwait(signals)


def make_hub(port: int, folder: Path | None, certificate: Path | None) -> NotingGitHub:
    """Return a fake that speaks plain HTTP, or all that it can with a folder of its own."""
    if folder is None:
        return NotingGitHub(port=port, certificate=certificate)
    return NotingGitHub.in_folder(folder, port=port)


if __name__ == "__main__":
    main()

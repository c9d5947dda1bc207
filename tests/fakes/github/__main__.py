"""Run the fake by itself: `python -m tests.fakes.github --port 9999 --token ghp_one`."""

import argparse
import signal
from pathlib import Path

from tests.fakes.github import FakeGitHub
from tests.fakes.github.certificate import make_certificate


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
    options = parser.parse_args()
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # threads inherit it
    with make_hub(options.port, options.folder) as hub:
        for token in options.token:
            hub.add_token(token, options.login)
        if options.folder:
            from tests.fakes.github.control import listen

            listen(hub, options.folder / "control")
        signal.sigwait(signals)


def make_hub(port: int, folder: Path | None) -> FakeGitHub:
    """Return a fake that speaks plain HTTP, or all that it can with a folder of its own."""
    if folder is None:
        return FakeGitHub(port=port)
    make_certificate(folder)
    (folder / "repositories").mkdir(exist_ok=True)
    return FakeGitHub(
        port=port, certificate=folder / "github.pem", repositories=folder / "repositories"
    )


if __name__ == "__main__":
    main()

"""Run the fake by itself: `python -m tests.fakes.github --port 9999 --token ghp_one`."""

import argparse
import signal

from tests.fakes.github import FakeGitHub


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--login", default="octo")
    parser.add_argument("--token", action="append", default=[], help="one that is good; repeatable")
    options = parser.parse_args()
    with FakeGitHub(port=options.port) as hub:
        for token in options.token:
            hub.add_token(token, options.login)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()

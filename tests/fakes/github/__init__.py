"""A GitHub for tests that refuses what the real one refuses. Standard library only.

It speaks the part of the REST and GraphQL APIs that gh and the agent ask, and git over HTTP; as
plain HTTP on loopback or a Unix socket, and as an HTTPS proxy: then the real programs reach it
under the real names, github.com and api.github.com, without any change of the machine.

    with FakeGitHub() as hub:
        hub.add_token("ghp_one", login="octo")
        urllib.request.urlopen(hub.url + "/user")
"""

from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.world import Fault, Known, Request, World

__all__ = ["FakeGitHub", "Fault", "Known", "Request", "World"]

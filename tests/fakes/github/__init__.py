"""A GitHub for tests that refuses what the real one refuses. Standard library, and PyJWT for Apps.

It speaks the part of the REST and GraphQL APIs that gh and the agent ask, the sign-in of users and
of devices, and git over HTTP. It listens on loopback (plain HTTP, HTTPS and an HTTPS proxy on one
port) or on a Unix socket; which GitHub is meant (github.com, NAME.ghe.com, an Enterprise Server) is
in the Host header, as in the real world. A request without a real name is for github.com.

    with FakeGitHub() as hub:
        hub.add_token("ghp_one", login="octo")
        urllib.request.urlopen(hub.url + "/user")

What tests say to it:

    add_token(value, login, expires=, scopes=, host=)   a token; without host it is good everywhere
    add_app(app_id=, public_key_pem=, client_id=, client_secret=, host=, token_life=, long_tokens=,
            lag=, ...)                                  an App; once more: change it
    add_installation(app_id, installation_id, owner, repositories=, permissions=)
    suspend(installation_id), remove_installation(installation_id)
    add_user_pair(login) -> (ghu_, ghr_)                a sign-in; revoke_pair(ghr_) ends it
    user_codes, approve(user_code, login), deny(user_code)   the person of the device flow
    add_repository("OWNER/NAME", megabytes=)            a real one; that of a gist is "gist/ID"
    name_repository("OWNER/NAME")                       one for the API only
    revoke(token), revoke_after(Pattern(...))           now, or after a request that fits
    fail(Fault(...)), heal()                            what goes wrong
    clock, skew, rate_limit, device_interval            to be set
    requests, most_at_once                              what came

calls.py and hosts.py read a request, answers.py, app_answers.py, grant_answers.py and
repositories.py answer it, world.py, apps.py and grants.py are what they know, faults.py what goes
wrong, handler.py and server.py the wire, control.py the way in from another process.
"""

from tests.fakes.github.apps import App, Installation
from tests.fakes.github.faults import Fault, Pattern, Request
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.world import Known, World

__all__ = ["App", "FakeGitHub", "Fault", "Installation", "Known", "Pattern", "Request", "World"]

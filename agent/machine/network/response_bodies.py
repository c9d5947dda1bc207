"""What a server answers, read piece by piece: no more than a limit."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

LONGEST = 1024 * 1024
"""Bytes: no token comes in more."""
_PIECE = 4096


class TooLongError(Exception):
    """There is more than anybody asked for."""


def read_body(answer: "requests.Response") -> str:
    """Return the body of an answer that is streamed, and close it. Raises TooLongError."""
    body = b""
    with answer:
        for piece in answer.iter_content(_PIECE):
            body += piece
            if len(body) > LONGEST:
                raise TooLongError
    return body.decode(errors="replace")


def limit_pygithub() -> None:
    """Let PyGithub read answers so as well: its own way takes whatever comes."""
    from github.Requester import (  # noqa: PLC0415 - 0.3 s that only a request costs
        HTTPRequestsConnectionClass,
        HTTPSRequestsConnectionClass,
        Requester,
        RequestsResponse,
    )

    class Response(RequestsResponse):
        def read(self) -> str:
            return read_body(self.response)

    def get_response(
        self: HTTPRequestsConnectionClass | HTTPSRequestsConnectionClass,
    ) -> Response:
        self.session.trust_env = self.protocol == "https"  # see `agent.github.api`
        return Response(
            self.session.request(
                self.verb,
                f"{self.protocol}://{self.host}:{self.port}{self.url}",
                headers=self.headers,
                data=self.input,
                timeout=self.timeout,
                verify=self.verify,
                allow_redirects=False,
                stream=True,
            )
        )

    plain = type("Plain", (HTTPRequestsConnectionClass,), {"getresponse": get_response})
    tls = type("Tls", (HTTPSRequestsConnectionClass,), {"getresponse": get_response})
    Requester.injectConnectionClasses(plain, tls)

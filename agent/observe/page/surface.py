"""The page as it is served: one document at any path prefix, for the workspace's own user."""

from agent.machine.light.expressions import regex
from agent.observe.page.compose import compose
from agent.observe.page.gather import gather
from agent.observe.page.render import HEADERS, render
from agent.observe.serve.surface import NotFoundError, Request, Response, Surface
from agent.settings import surfaces
from agent.settings.context import Context

HTML = "text/html; charset=utf-8"
_PORT = regex(r"/([1-9]\d{0,4})/?")
"""A link to another port, which only the editor's proxy can follow."""


def answer(request: Request, current: Context) -> Response:
    """Return the page."""
    if found := _PORT.fullmatch(request.path):
        return Response(explain_port(found[1]).encode(), status=404)
    if request.path != "/":
        raise NotFoundError
    view = compose(gather(current, request.query.get("log", "")))
    return Response(render(view), HTML, headers=HEADERS)


def explain_port(port: str) -> str:
    """Return how to get to a port for who has forwarded only this one."""
    return (
        f"Only the port of this page is forwarded. Forward port {port} as well, with ssh -L "
        f"{port}:127.0.0.1:{port}, then open http://127.0.0.1:{port}/\n"
    )


SURFACE = Surface(surfaces.PAGE, answer, own_user_only=True)

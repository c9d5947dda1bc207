"""The JWT with which an App says who it is, checked as GitHub does and refused in its words.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
"""

from tests.fakes.github.apps import App, Apps
from tests.fakes.github.calls import Answer, refuse

LONGEST = 600
"""Seconds from now until `exp`, at most."""
NOT_DECODED = "A JSON web token could not be decoded"
NOT_FOUND = "Integration not found"
TOO_FAR = "'Expiration time' claim ('exp') is too far in the future"
EXPIRED = (
    "'Expiration time' claim ('exp') must be a numeric value representing the future time at which"
    " the assertion expires"
)
NOT_ISSUED = (
    "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was"
    " issued"
)


def verify(hub: Apps, token: str | None, host: str) -> App | Answer:
    """Return the App that signed this token, or the refusal."""
    import jwt  # PyGithub brings it; who asks for no App needs it not

    try:
        claims = jwt.decode(token or "", options={"verify_signature": False})
    except jwt.PyJWTError:
        return refuse(401, NOT_DECODED)
    app = hub.find_app(str(claims.get("iss")), host)
    if app is None or app.is_oauth_app:
        return refuse(404, NOT_FOUND)
    try:
        jwt.decode(
            token or "",
            app.public_key_pem,
            algorithms=["RS256"],
            # The claims are checked below, by the clock of this server.
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False,
                     "verify_aud": False, "verify_sub": False, "verify_jti": False},
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError):
        return refuse(401, NOT_DECODED)
    problem = find_problem(claims, hub.now().timestamp())
    return refuse(401, problem) if problem else app


def find_problem(claims: dict[str, object], now: float) -> str | None:
    """Return what is wrong with the times that an assertion claims, or None."""
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or issued > now:
        return NOT_ISSUED
    if not isinstance(expires, int | float) or expires <= now:
        return EXPIRED
    return TOO_FAR if expires > now + LONGEST else None

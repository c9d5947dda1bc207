"""What GitHub tells in the headers of every answer of the API."""

from tests.fakes.github.world import Known, Rate


def describe_rate(rate: Rate) -> dict[str, str]:
    """Tell what is left of the hour."""
    return {
        "X-RateLimit-Limit": str(rate.limit),
        "X-RateLimit-Remaining": str(max(rate.limit - rate.used, 0)),
        "X-RateLimit-Used": str(min(rate.used, rate.limit)),
        "X-RateLimit-Reset": str(int(rate.reset.timestamp())),
        "X-RateLimit-Resource": "core",
    }


def describe_token(known: Known | None) -> dict[str, str]:
    """Tell what a token may do, and its end."""
    headers = {"X-GitHub-Media-Type": "github.v3; format=json"}
    if known and known.scopes is not None and not known.is_installation:
        headers["X-OAuth-Scopes"] = known.scopes
        headers["X-Accepted-OAuth-Scopes"] = ""
    elif known:
        headers["X-Accepted-GitHub-Permissions"] = "metadata=read"
    if known and known.expires:
        headers["GitHub-Authentication-Token-Expiration"] = known.expires.strftime(
            "%Y-%m-%d %H:%M:%S UTC"
        )
    return headers

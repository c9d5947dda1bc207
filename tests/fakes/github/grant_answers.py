"""The answers of the sign-in: errors come with status 200, as GitHub sends them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlencode

from tests.fakes.github.apps import App, make_token
from tests.fakes.github.calls import Answer, Call, answer_json, refuse
from tests.fakes.github.grants import Grants, Pair
from tests.fakes.github.world import Known

ERRORS = {
    "access_denied": "The authorization request was denied.",
    "authorization_pending": "The authorization request is still pending.",
    "bad_refresh_token": "The refresh token passed is incorrect or expired.",
    "bad_verification_code": "The code passed is incorrect or expired.",
    "expired_token": "The device_code has expired.",
    "incorrect_client_credentials": "The client_id and/or client_secret passed are incorrect.",
    "incorrect_device_code": "The device_code provided is not valid.",
    "slow_down": "Too many requests have been made in the same timeframe.",
    "unsupported_grant_type": "The grant_type is not supported.",
}
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
Form = dict[str, str]


def answer_grant(hub: Grants, call: Call) -> Answer:
    """Answer POST /login/oauth/access_token and POST /login/device/code."""
    try:
        form = call.read_form()
    except (ValueError, TypeError):
        return refuse(400, "Problems parsing JSON")
    app = hub.find_app(form.get("client_id", ""), call.place.host)
    if call.place.path == "/login/device/code":
        return start_device(hub, call, app, form)
    if app is None:
        return refuse_grant(call, "incorrect_client_credentials")
    grant = GRANTS.get(form.get("grant_type", ""))
    if grant is None:
        # Without a grant type it is the web flow's code, which this fake gave to nobody.
        error = "unsupported_grant_type" if form.get("grant_type") else "bad_verification_code"
        return refuse_grant(call, error)
    return grant(hub, call, app, form)


def refresh(hub: Grants, call: Call, app: App, form: Form) -> Answer:
    """Trade a refresh token for a new pair."""
    token = form.get("refresh_token", "")
    pair = hub.peek_pair(token, call.place.host)
    secret = form.get("client_secret", "")
    if secret != app.client_secret and (secret or not (pair and pair.by_device)):
        return refuse_grant(call, "incorrect_client_credentials")
    new = hub.trade_pair(token, call.place.host, app)
    return describe_pair(call, app, new) if new else refuse_grant(call, "bad_refresh_token")


def start_device(hub: Grants, call: Call, app: App | None, form: Form) -> Answer:
    """Begin a device flow."""
    if app is None:
        return refuse(404, "Not Found")
    host = call.place.host
    code, device = hub.start_device(app.client_id, form.get("scope", ""), host)
    document = {
        "device_code": code,
        "user_code": device.user_code,
        "verification_uri": f"https://{host}/login/device",
        "expires_in": int(hub.device_life.total_seconds()),
        "interval": device.interval,
    }
    return encode(call, document)


def ask_device(hub: Grants, call: Call, app: App, form: Form) -> Answer:
    """Tell a device whether its person has decided."""
    code = form.get("device_code", "")
    device = hub.ask_device(code, app.client_id, call.place.host)
    if isinstance(device, str):
        more = {"interval": hub.find_interval(code)} if device == "slow_down" else {}
        return refuse_grant(call, device, more)
    login = device.login or ""
    if not app.is_oauth_app:
        pair = hub.make_pair(app, login, device.host, by_device=True)
        return describe_pair(call, app, pair)
    scopes = sorted(filter(None, device.scope.replace(",", " ").split()))
    known = replace(Known(make_token("gho_"), login, ", ".join(scopes)), host=device.host)
    hub.add(known)
    document = {"access_token": known.value, "token_type": "bearer", "scope": ",".join(scopes)}
    return encode(call, document)


GRANTS: dict[str, Callable[[Grants, Call, App, Form], Answer]] = {
    "refresh_token": refresh,
    DEVICE_GRANT: ask_device,
}


def describe_pair(call: Call, app: App, pair: Pair) -> Answer:
    """Return a new pair as GitHub does."""
    document = {
        "access_token": pair.access,
        "expires_in": int(app.user_token_life.total_seconds()),
        "refresh_token": pair.refresh,
        "refresh_token_expires_in": int(app.refresh_life.total_seconds()),
        "scope": "",
        "token_type": "bearer",
    }
    return encode(call, document)


def refuse_grant(call: Call, error: str, more: dict[str, int] | None = None) -> Answer:
    """Return an error of the sign-in."""
    document = {"error": error, "error_description": ERRORS[error],
                "error_uri": "https://docs.github.com", **(more or {})}  # fmt: skip
    return encode(call, document)


def encode(call: Call, document: Mapping[str, object]) -> Answer:
    """Return a document as JSON to who accepts that, and as a form to others."""
    if "json" in call.headers.get("accept", ""):
        return answer_json(200, document)
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return Answer(200, kind, urlencode(document).encode())

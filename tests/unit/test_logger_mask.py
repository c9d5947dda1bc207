"""Secrets are hidden by their value, in every form in which they pass."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.machine.light.masking import Masker, hide

TOKEN = "ghp_0123456789abcdef"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "tokens").mkdir()
    return tmp_path


def make_masker(folder: Path) -> Masker:
    masker = Masker(str(folder))
    masker.refresh()
    return masker


def test_nothing_to_hide_leaves_all_as_it_is(folder: Path) -> None:
    assert make_masker(folder).mask(b"plain words") == b"plain words"


def test_missing_folders_are_no_error(tmp_path: Path) -> None:
    assert make_masker(tmp_path / "none").mask(b"plain words") == b"plain words"


def test_every_occurrence_is_hidden(folder: Path) -> None:
    (folder / "secrets/API_KEY").write_text("sk-secret-one")
    assert make_masker(folder).mask(b"sk-secret-one/sk-secret-one.") == b"***/***."


def test_what_is_only_there_to_be_hidden_is_hidden(folder: Path) -> None:
    (folder / "hidden").mkdir()
    (folder / "hidden/API_KEY").write_text("sk-secret-of-a-file\n")
    assert make_masker(folder).mask(b"<sk-secret-of-a-file>") == b"<***>"


def test_only_the_first_line_of_a_token_is_secret(folder: Path) -> None:
    (folder / "tokens/github.com").write_text(f"{TOKEN}\n2026-11-24T05:00:00Z\n")
    masked = make_masker(folder).mask(f"{TOKEN} until 2026-11-24T05:00:00Z".encode())
    assert masked == b"*** until 2026-11-24T05:00:00Z"


def test_each_line_of_a_key_is_hidden_but_not_its_frame(folder: Path) -> None:
    frame = "-----BEGIN OPENSSH PRIVATE KEY-----"
    (folder / "secrets/KEY").write_text(f"{frame}\nb3BlbnNzaC1rZXk\nAAAAB3NzaC1yc2E\n")
    masker = make_masker(folder)
    assert masker.mask(b"AAAAB3NzaC1yc2E b3BlbnNzaC1rZXk") == b"*** ***"
    assert masker.mask(frame.encode()) == frame.encode()


@pytest.mark.parametrize("lines", ["\\n{}\\n", "\\r\\n{}\\r\\n", " {} ", "{}"])
def test_a_key_in_one_line_is_hidden_as_it_is_and_line_by_line(folder: Path, lines: str) -> None:
    key = f"-----BEGIN PRIVATE KEY-----{lines.format('MC4CAQAwBQYDK2Vw')}-----END PRIVATE KEY-----"
    (folder / "secrets/KEY").write_text(key)
    masker = make_masker(folder)
    assert masker.mask(f"<{key}>".encode()) == b"<***>"
    assert masker.mask(b"<MC4CAQAwBQYDK2Vw>") == b"<***>"


@pytest.mark.parametrize(
    "secret", ["--------", "-----secret", "-----BEGIN", "-----BEGIN x-----", "-----END A-----B"]
)
def test_what_only_begins_like_the_frame_of_a_key_is_hidden(folder: Path, secret: str) -> None:
    (folder / "secrets/PASSWORD").write_text(secret)
    assert make_masker(folder).mask(f"<{secret}>".encode()) == b"<***>"


def test_short_values_are_ordinary_words(folder: Path) -> None:
    (folder / "secrets/PIN").write_text("1234567")
    assert make_masker(folder).mask(b"1234567") == b"1234567"


def test_overlapping_secrets_leave_no_rest(folder: Path) -> None:
    (folder / "secrets/A").write_text("abcdefghij")
    (folder / "secrets/B").write_text("ghijklmnop")
    assert make_masker(folder).mask(b"<abcdefghijklmnop>") == b"<***>"


def test_other_forms_are_hidden(folder: Path) -> None:
    (folder / "secrets/A").write_text('quo"te\\back')
    (folder / "tokens/github.com").write_text(TOKEN + "\n\n")
    masker = make_masker(folder)
    assert masker.mask(rb'{"a":"quo\"te\\back"}') == b'{"a":"***"}'
    basic = base64.b64encode(f"x-access-token:{TOKEN}".encode())
    assert masker.mask(b"authorization: basic " + basic) == b"authorization: basic ***"


QUOTED = {
    "bash %q": rb"""it\'s\ \"a\<b\&c\\d""",
    "bash set -x": rb"""it'\''s "a<b&c\d""",
    "Python's shlex": b"""it'"'"'s "a<b&c\\d""",
    "Python's repr": rb"""it\'s "a<b&c\\d""",
    "Go's JSON": rb"""it's \"a\u003cb\u0026c\\d""",
    "HTML by Python": rb"""it&#x27;s &quot;a&lt;b&amp;c\d""",
    "HTML by Go": rb"""it&#39;s &#34;a&lt;b&amp;c\d""",
    "HTML by JavaScript": rb"""it&#39;s &quot;a&lt;b&amp;c\d""",
    "text in HTML": rb"""it's "a&lt;b&amp;c\d""",
    "bash declare -p": rb"""it's \"a<b&c\\d""",
}


@pytest.mark.parametrize("writer", QUOTED)
def test_what_programs_quote_is_hidden(folder: Path, writer: str) -> None:
    (folder / "secrets/A").write_text("""it's "a<b&c\\d""")
    assert make_masker(folder).mask(b"<" + QUOTED[writer] + b">") == b"<***>"


@pytest.mark.parametrize("writer", QUOTED)
def test_what_was_sent_is_hidden_however_it_comes_back(writer: str) -> None:
    said = QUOTED[writer].decode()
    assert hide(f"bad <{said}> twice: {said}", ["", """it's "a<b&c\\d"""]) == (
        "bad <***> twice: ***"
    )


def test_what_was_sent_is_hidden_in_base64_and_where_it_is_short() -> None:
    basic = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    assert hide(f"basic {basic} key", [TOKEN, "key"]) == "basic *** ***"


@pytest.mark.parametrize(
    "text", [f"octo:{TOKEN}", f"x-access-token:{TOKEN}", f"{TOKEN}:", f":{TOKEN}", TOKEN]
)
def test_logins_in_base64_are_hidden_as_a_whole(folder: Path, text: str) -> None:
    (folder / "tokens/github.com").write_text(f"{TOKEN}\n\nocto\n")
    basic = base64.b64encode(text.encode())
    assert make_masker(folder).mask(b"authorization: basic " + basic) == b"authorization: basic ***"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "a-login-nobody-told-us:"])
@pytest.mark.parametrize("after", ["", "x", "xy", "xyz", '"}'])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("secret", [TOKEN, "pass~word?>0123>>>~~~"])
def test_a_secret_within_any_base64_is_hidden(
    folder: Path, before: str, after: str, encode: Callable[[bytes], bytes], secret: str
) -> None:
    (folder / "secrets/A").write_text(secret)
    masked = make_masker(folder).mask(encode(f"{before}{secret}{after}".encode()))
    assert b"***" in masked
    left = masked.replace(b"***", b"")
    assert len(left) <= len(base64.b64encode(f"{before}{after}".encode())) + 3


@pytest.mark.parametrize(
    ("secret", "form"),
    [
        ("p@ss w0rd/ü", "p%40ss%20w0rd%2F%C3%BC"),
        ("p@ss w0rd/ü", "p%40ss+w0rd%2F%C3%BC"),
        ("p@ss w0rd/ü", "p%40ss%20w0rd%2f%c3%bc"),
        ("p@ss w0rd/ü", "p@ss w0rd/\\u00fc"),
        ("password\u2028\x1b", "password\\u2028\\x1b"),
        ("password\u2028\x1b", "password\\u2028\\u001b"),
    ],
)
def test_forms_of_urls_json_and_terminals_are_hidden(folder: Path, secret: str, form: str) -> None:
    (folder / "secrets/A").write_text(secret)
    assert make_masker(folder).mask(f"<{form}>".encode()) == b"<***>"


def test_every_secret_is_hidden_however_many_there_are(folder: Path) -> None:
    lines = [f"line-{number:05d}-of-a-long-file" for number in range(3000)]
    (folder / "secrets/LONG").write_text("\n".join(lines))
    (folder / "tokens/github.com").write_text(TOKEN)
    (folder / "hidden").mkdir()
    (folder / "hidden/zzz").write_text("\n".join(reversed(lines)) + "\nlast-of-all")
    masker = make_masker(folder)
    for secret in (TOKEN, lines[0], lines[-1], "last-of-all"):
        assert masker.mask(f"<{secret}>".encode()) == b"<***>"


def test_strings_inside_values_are_hidden(folder: Path) -> None:
    (folder / "secrets/A").write_text("sk-secret-one")
    value = {"a": ["x sk-secret-one", 7, None], "sk-secret-one": {"b": True}}
    assert make_masker(folder).mask_value(value) == {"a": ["x ***", 7, None], "***": {"b": True}}


def test_a_replaced_token_and_its_successor_are_hidden(folder: Path) -> None:
    masker = make_masker(folder)
    for token in ("ghs_first_token", "ghs_second_token"):
        new = folder / "new"
        new.write_text(token)
        new.rename(folder / "tokens/github.com")
        masker.refresh()
    assert masker.mask(b"ghs_first_token ghs_second_token") == b"*** ***"
    assert masker.longest >= len("ghs_second_token")

"""The agent's own files, damaged in any way; and the log, cut in any way: no secret passes it."""

import json
import math
from typing import Any

from hypothesis import strategies as st

from agent.commands.state_files import DOCUMENTS
from agent.machine.errors import AgentError
from agent.machine.light import escaping, masking, runtime
from agent.machine.light.masking import SHORTEST, Masker
from agent.observe.metrics import exposition
from agent.observe.metrics.family import Sample
from tests.fuzz.properties import fuzz, make_folder
from tests.fuzz.texts import TEXT, UNICODE, json_values, write
from tests.worlds.machine import make_facts

FOLDER = make_folder()
FACTS = make_facts(FOLDER)
NAMES = st.sampled_from(
    (
        "host",
        "pid",
        "since",
        "state",
        "token",
        "name",
        "rows",
        "seed",
        "units",
        "tries",
        "services",
        "time",
        "id",
    )
)
VALUES = json_values(st.one_of(NAMES, UNICODE))
CONTENT = st.one_of(
    st.dictionaries(NAMES, VALUES, max_size=4).map(lambda value: json.dumps(value).encode()),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=40),
)


@fuzz(part=2, document=st.sampled_from(DOCUMENTS), content=CONTENT)
def test_a_damaged_file_counts_as_none_or_is_reported(document: Any, content: bytes) -> None:
    path = document.path(FACTS)
    write(path, content)
    try:
        value = document.read(FACTS)
        document.dump(value)
    except AgentError as error:
        assert document.strict or document.empty is None
        assert all("\n" not in str(problem) for problem in error.problems)
    finally:
        path.unlink()


SECRETS = st.one_of(
    st.text("abcXYZ0189_-.~", min_size=SHORTEST, max_size=30),
    UNICODE.map(lambda text: "".join(text.split()) + "0123456é"),
)


@fuzz(
    part=0.3,
    secret=SECRETS,
    other=SECRETS,
    before=st.binary(max_size=12),
    after=st.binary(max_size=12),
    form=st.integers(0, 4),
)
def test_no_secret_passes_the_log(
    secret: str, other: str, before: bytes, after: bytes, form: int
) -> None:
    write(FACTS.runtime / runtime.SECRETS / "A_TOKEN", secret)
    write(FACTS.runtime / runtime.OWN_SECRETS / "B_KEY", other)
    masker = Masker(str(FACTS.runtime))
    masker.refresh()
    lines = [line.strip() for line in secret.encode().splitlines() if len(line.strip()) >= SHORTEST]
    for line in lines[:1] if not line_is_key(lines) else ():
        forms = [
            line,
            json.dumps(line.decode(errors="replace"))[1:-1].encode(),
            b"https://u:" + line + b"@h/",
            b"x-access-token:" + line,
            line + b"\r",
        ]
        said = masker.mask(before + forms[form] + after)
        assert line not in said
        assert other.encode().strip() not in masker.mask(b"%b%b" % (before, other.encode()))


def line_is_key(lines: list[bytes]) -> bool:
    return any(line.startswith((b"-----BEGIN ", b"-----END ")) for line in lines)


@fuzz(
    labels=st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), TEXT, max_size=3),
    value=st.floats(),
)
def test_a_reader_of_metrics_reads_what_was_meant(labels: dict[str, str], value: float) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    line = exposition.render_sample("devcopilot_x", Sample(value, labels))
    assert "\n" not in line
    (family,) = text_string_to_metric_families(f"# TYPE devcopilot_x gauge\n{line}\n")
    (sample,) = family.samples
    shown = {
        name: "\n".join(escaping.escape_line(part) for part in text.split("\n"))
        for name, text in labels.items()
    }
    assert sample.labels == shown
    assert sample.value == value or math.isnan(value)


@fuzz(text=TEXT)
def test_what_is_shown_is_one_line_and_stays_so(text: str) -> None:
    shown = escaping.escape_line(text)
    assert shown.isprintable() or "\t" in shown or not text.isprintable()
    assert not set(shown) & {"\n", "\r", "\x1b", "\x85", "\u2028", "\u202e"}
    assert escaping.escape_line(shown) == shown
    json.loads(escaping.encode_json({text: text}))
    assert masking.MASK == b"***"

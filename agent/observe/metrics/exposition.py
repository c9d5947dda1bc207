"""The two texts that Prometheus reads, written by hand: a client library costs 23 MB or 60 ms.

https://prometheus.io/docs/instrumenting/exposition_formats/ (0.0.4) and
https://prometheus.io/docs/specs/om/open_metrics_spec/ (OpenMetrics 1.0.0)
"""

import math
from collections.abc import Iterable, Iterator

from agent.machine.light.escaping import escape_line
from agent.observe.metrics.family import Family, Kind, Sample, T

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_MEDIA_TYPE = "application/openmetrics-text"
_VERSIONS = ("", "1.0.0")
"""Of OpenMetrics, as whoever asks names what we write."""
EXACT = 2.0**53
"""Up to here each whole number is one that a float can hold."""


def render(families: Iterable[Family[T]], source: T, *, openmetrics: bool = False) -> str:
    """Return the text of these families, each read from the source.

    One without a sample is left out.
    """
    lines: list[str] = []
    for family in families:
        samples = list(family.read(source))
        if samples:
            lines += render_head(family, openmetrics)
            lines += (render_sample(family.name, sample) for sample in samples)
    lines += ["# EOF"] if openmetrics else []
    return "".join(f"{line}\n" for line in lines)


def render_head(family: Family[T], openmetrics: bool) -> Iterator[str]:
    """Yield what stands above the samples: in OpenMetrics the name without its ending."""
    name, kind, meaning = family.name, family.kind, escape(family.meaning)
    if openmetrics:
        name, meaning = family.stem, quote(family.meaning)
    elif kind is Kind.INFO:
        kind = Kind.GAUGE
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} {kind}"
    if openmetrics and family.unit:
        yield f"# UNIT {name} {family.unit}"


def render_sample(name: str, sample: Sample) -> str:
    """Return the line of a sample."""
    pairs = ",".join(f'{label}="{quote(text)}"' for label, text in sample.labels.items())
    return f"{name}{pairs and f'{{{pairs}}}'} {render_value(sample.value)}"


def render_value(value: float) -> str:
    """Return a number as Go reads it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < EXACT else repr(value)


def escape(text: str) -> str:
    r"""Return a text as both formats write it on one line.

    Of what controls a terminal only the line feed has a form there; everything else is written so
    that it can be seen, ESC as \x1b.
    """
    parts = (escape_line(part) for part in text.split("\n"))
    return r"\n".join(part.replace("\\", r"\\") for part in parts)


def quote(text: str) -> str:
    """Return a text as it stands between quotation marks."""
    return escape(text).replace('"', r"\"")


def wants_openmetrics(accept: str) -> bool:
    """Tell whether an Accept header likes OpenMetrics at least as much as text (RFC 9110, 12.5.1).

    Whoever says nothing gets text.
    """
    likes, text = 0.0, 0.0
    for part in accept.split(","):
        kind, *rest = (word.strip().lower() for word in part.split(";"))
        options = dict(option.partition("=")[::2] for option in rest)
        quality = read_quality(options.get("q", "1"))
        if kind == _MEDIA_TYPE and options.get("version", "") in _VERSIONS:
            likes = max(likes, quality)
        elif kind in ("text/plain", "text/*", "*/*"):
            text = max(text, quality)
    return likes > 0 and likes >= text


def read_quality(text: str) -> float:
    """Return what `q` says; what is no number says nothing against it."""
    try:
        quality = float(text)
    except ValueError:
        return 1.0
    return quality if 0 <= quality <= 1 else 1.0

"""Metrics as Prometheus reads them: with the parsers of its own client."""

from typing import Any

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser


def read(text: str, openmetrics: bool = False) -> list[Any]:
    """Return the families of a text, each with its samples."""
    parse = (openmetrics_parser if openmetrics else parser).text_string_to_metric_families
    return list(parse(text))


def find_names(text: str, openmetrics: bool = False) -> set[str]:
    """Return the names of the samples of a text."""
    return {sample.name for family in read(text, openmetrics) for sample in family.samples}

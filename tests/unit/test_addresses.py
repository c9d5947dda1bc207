"""Where a service that listens on an address is asked, and how address and port are written."""

import pytest

from agent.machine.network import addresses


@pytest.mark.parametrize(
    ("listening", "asked"),
    [("0.0.0.0", "127.0.0.2"), ("::", "127.0.0.2"), ("::1", "::1"), ("10.1.2.3", "10.1.2.3")],
)
def test_a_service_is_asked_where_it_listens(listening: str, asked: str) -> None:
    assert addresses.find_asked(listening) == asked


@pytest.mark.parametrize(("address", "word"), [("10.1.2.3", "10.1.2.3:80"), ("::1", "[::1]:80")])
def test_ipv6_stands_in_brackets(address: str, word: str) -> None:
    assert addresses.join_port(address, 80) == word

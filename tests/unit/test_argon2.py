"""Which hashes of passwords code-server may be given, and the ones that are made."""

import pytest

from agent.settings import argon2

SALT, DIGEST = "c2FsdHNhbHQ", "MDEyMzQ1Njc4OTAxMjM0NQ"
"""8 and 16 bytes."""


def make(kind: str = "id", cost: str = "m=19456,t=2,p=1", salt: str = SALT, digest: str = DIGEST,
         version: str = "19") -> str:  # fmt: skip
    return f"$argon2{kind}$v={version}${cost}${salt}${digest}"


def test_a_hash_that_is_made_is_one_that_is_taken() -> None:
    one, other = argon2.hash_password("pässword"), argon2.hash_password("pässword")
    assert one != other
    assert argon2.find_fault(one) is None
    assert "password" not in one


@pytest.mark.parametrize(
    "text",
    [
        *(make(kind) for kind in ("id", "i", "d")),
        make(version="16"),
        make(cost="m=65536,t=3,p=4"),
        make(cost="m=1048576,t=4,p=1"),
        make(salt="A" * 22, digest="A" * 43),
    ],
)
def test_what_the_usual_programs_make_is_taken(text: str) -> None:
    assert argon2.find_fault(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",  # SHA-256
        "$2y$10$abcdefghijklmnopqrstuv",
        "secret $argon2id$",  # code-server looks for "$argon" anywhere
        "=19=19456,t=2,p=1",  # a compose file without $$
        make() + " ",
        make() + "\n",
        " " + make(),
        make(kind="x"),
        make(version="18"),
        make(cost="t=2,m=19456,p=1"),
        make(cost="m=19456,t=2"),
        make(cost="m=19456,t=2,p=1,data=QUJD"),
        make(cost="m=19456,t=0,p=1"),
        make(cost="m=019456,t=2,p=1"),
        make(cost="m=٣٣٣٣,t=2,p=1"),
        make(cost="m=8,t=2,p=4"),  # less than 8 KiB a lane
        make(cost="m=8,t=4294967295,p=1"),  # hangs
        make(cost="m=4294967295,t=1,p=1"),
        make(cost="m=1048576,t=5,p=1"),
        make(cost="m=1048576,t=1,p=65"),
        make(salt="c2FsdA"),
        make(digest="AAAAAA"),  # 4 bytes: any password is worth 32 bits
        make(digest="A" * 45),
        make(digest="A" * 100),
        make(digest="MDEyMzQ1Njc4OTAxMjM0NQ=="),
    ],
)  # fmt: skip
def test_what_code_server_must_not_be_given_is_refused(text: str) -> None:
    assert argon2.find_fault(text)

"""restic's patterns: how they are made, and what they match."""

import os
from pathlib import Path

import pytest

from agent.machine.formats.globs import anchor, compile_patterns, escape

WORKSPACE = Path("/w/s")


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("/a/plain", "/a/plain"),
        ("/a/[b]*?", r"/a/\[b\]\*\?"),
        ("/a/back\\slash", r"/a/back\\slash"),
        ("/a/!no $HOME", "/a/!no $HOME"),
    ],
)
def test_a_path_becomes_the_pattern_of_itself_alone(name: str, pattern: str) -> None:
    assert escape(Path(name)) == pattern
    matches = compile_patterns([pattern])
    assert matches(name)
    assert matches(f"{name}/below")
    assert not matches(f"{name}x")
    assert not matches(f"{name}\n")
    assert not matches("/a/bcd")


@pytest.mark.parametrize(
    ("wish", "pattern"),
    [
        ("data/*.bin", "/w/s/data/*.bin"),
        ("/data/", "/w/s/data"),
        ("./a//b/.", "/w/s/a/b"),
        ("!keep", "!/w/s/keep"),
        ("\\!odd", "/w/s/\\!odd"),
        ("$HOME", "/w/s/$HOME"),
        ("**/tmp", "/w/s/**/tmp"),
    ],
)
def test_a_wish_is_anchored_at_the_workspace(wish: str, pattern: str) -> None:
    assert anchor(wish, WORKSPACE) == pattern


def test_the_workspace_may_have_an_odd_name() -> None:
    assert anchor("x", Path("/w/[s]")) == r"/w/\[s\]/x"


@pytest.mark.parametrize("wish", ["", "/", ".", "./", "!", "!/", "..", "../x", "a/../../b"])
def test_a_wish_never_means_the_workspace_itself_nor_leaves_it(wish: str) -> None:
    with pytest.raises(ValueError, match="a pattern of files in the workspace"):
        anchor(wish, WORKSPACE)


@pytest.mark.parametrize("wish", ["[", "a\\", "[]", "[-a]", "[a-]", "[^]", "[]a]", "[a/b]", "[\\"])
def test_what_restic_refuses_is_refused_before(wish: str) -> None:
    with pytest.raises(ValueError, match="a pattern with"):
        anchor(wish, WORKSPACE)


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("/w/*.db", "/w/.db", "/w/x/a.db"),
        ("/w/?", "/w/\n", "/w/ab"),
        ("/w/[a-c]", "/w/b", "/w/d"),
        ("/w/[^a-c]", "/w/d", "/w/b"),
        ("/w/[!a]", "/w/!", "/w/b"),
        ("/w/[\\]]", "/w/]", "/w/\\"),
        ("/w/[z-a]", "/never", "/w/m"),
        ("/w/**/x", "/w/x", "/w/ax"),
        ("/w/**/x", "/w/a/b/x/below", "/x"),
        ("/w/a**", "/w/abc", "/w/b/a"),
        ("/w/a.b", "/w/a.b", "/w/axb"),
        ("/w/*", os.fsdecode(b"/w/\xff"), "/w"),
    ],
)
def test_what_a_pattern_matches(pattern: str, matching: str, other: str) -> None:
    matches = compile_patterns([pattern])
    assert matches(matching) or matching == "/never"
    assert not matches(other)


def test_the_last_pattern_that_matches_decides() -> None:
    matches = compile_patterns(["/w/*", "/v", "!/w/keep", "/w/keep/not"])
    assert matches("/w/other")
    assert matches("/v/x")
    assert not matches("/w/keep/this")
    assert matches("/w/keep/not")


def test_without_patterns_nothing_matches() -> None:
    assert not compile_patterns([])("/w")

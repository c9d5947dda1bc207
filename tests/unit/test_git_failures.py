"""Why git failed, from the lines that it printed."""

import pytest

from agent.machine.programs.git_failures import Cause, find_failure

OVERWRITTEN = "error: The following untracked working tree files would be overwritten by checkout:"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["error: Untracked working tree file '.git/config' would be overwritten by merge.",
             "fatal: unable to checkout working tree"],
            "Untracked working tree file '.git/config' would be overwritten by merge.",
        ),
        (
            [OVERWRITTEN, "\ta/b", "\t.git/config", "Please move or remove them", "Aborting"],
            f"{OVERWRITTEN.removeprefix('error: ')} a/b .git/config",
        ),
        (["error: invalid path '.git/config'"], "invalid path '.git/config'"),
    ],
)  # fmt: skip
def test_a_repository_with_files_of_gits_own_is_named(lines: list[str], said: str) -> None:
    failure = find_failure(lines, 128)
    assert (failure.cause, failure.said) == (Cause.CONTENT, said)


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ([".git/hooks/post-checkout: 3: nonsense: not found", "fatal: it failed"], Cause.OTHER),
        (["error: unable to write file a b", "fatal: unable to checkout working tree"], Cause.DISK),
        (["error: unable to write file .git/objects/0a/b1: Permission denied"], Cause.PERMISSION),
        ([".git/lfs/tmp/x: Connection reset by peer"], Cause.NETWORK),
        ([OVERWRITTEN, "\tnotes.txt", "Aborting", ".git/x"], Cause.OTHER),
        ([OVERWRITTEN, "\tdocs/.github/x", "Aborting"], Cause.OTHER),
        (["\t.git/config"], Cause.OTHER),
    ],
)
def test_other_lines_have_other_causes(lines: list[str], cause: Cause) -> None:
    assert find_failure(lines, 1).cause is cause

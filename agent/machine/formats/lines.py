r"""Lines as other programs split them: sshd, git, shells and restic end one at a line feed alone.

Python's `str.splitlines` ends one at ten more characters, of which some may stand in the comment of
a key: what follows would become a line of its own. Its `str.split` and `\s` know more blanks, too.
"""

BLANKS = " \t"


def split_lines(text: str) -> list[str]:
    """Return the lines of a text, without the CR that editors of Windows put at their ends."""
    lines = text.split("\n")
    return [line.removesuffix("\r") for line in (lines if lines[-1] else lines[:-1])]


def find_last_line(said: bytes, otherwise: str = "it printed nothing") -> str:
    """Return the last line of what a program said that is not empty; it is for people."""
    lines = [line.strip() for line in split_lines(said.decode(errors="replace"))]
    return next((line for line in reversed(lines) if line), otherwise)

"""A property that does not hold, at the end of a path that chance alone does not find.

Each step of the path is new code. A fuzzer that is led by coverage gets there in thousands of
cases; at random, one case in a million does.
"""

from hypothesis import strategies as st

from tests.fuzz.properties import Property

FAULT = "the planted fault"


def check(numbers: list[int]) -> None:
    depth = 0
    if 40 <= numbers[0] < 48:
        depth = 1
        if 240 <= numbers[1] < 248:
            depth = 2
            if 8 <= numbers[2] < 16:
                depth = 3
                if 120 <= numbers[3] < 128:
                    depth = 4
    assert depth < 4, FAULT


PROPERTY = Property(
    check, {"numbers": st.lists(st.integers(0, 255), min_size=4, max_size=4)}, part=1.0
)

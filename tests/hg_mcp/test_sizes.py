"""Sizes and counts in words."""

import pytest

from hg_mcp.sizes import counted, size_words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (8_602, "8.4 KiB"),
        (256 << 20, "256 MiB"),
        (3 << 29, "1.5 GiB"),
        (5_000 << 30, "5,000 GiB"),
    ],
)
def test_a_size_is_told_in_the_unit_in_which_people_say_it(count: int, words: str):
    assert size_words(count) == words


@pytest.mark.parametrize(("count", "words"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (1_500, "1,500 runs")])
def test_how_many_there_are_is_told_in_the_number_of_the_noun(count: int, words: str):
    assert counted(count, "run") == words

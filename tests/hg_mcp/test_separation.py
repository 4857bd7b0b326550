"""The tests of separation say what enumerating every outcome says."""

from itertools import combinations
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hg_mcp.queries.separation import best_category, best_threshold, fisher, holm, smallest_p, smirnov


def gap(a: list[int], b: list[int]) -> int:
    points = set(a) | set(b)
    return max(abs(sum(x <= p for x in a) * len(b) - sum(x <= p for x in b) * len(a)) for p in points)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_the_chance_of_a_threshold_is_that_of_all_ways_to_deal_the_numbers(a: list[int], b: list[int]):
    pooled, seen = sorted(a + b), gap(a, b)
    if not seen:
        return
    places = range(len(pooled))
    dealt = [
        gap([pooled[i] for i in chosen], [pooled[i] for i in places if i not in chosen])
        for chosen in combinations(places, len(a))
    ]
    exact = sum(one >= seen for one in dealt) / len(dealt)
    assert smirnov(pooled, len(a), len(b), seen) == pytest.approx(exact)


@given(st.integers(1, 5), st.integers(1, 6), st.data())
def test_the_chance_of_a_category_is_that_of_all_tables_as_rare(a: int, b: int, data: st.DataObject):
    a_hits, b_hits = data.draw(st.integers(0, a)), data.draw(st.integers(0, b))
    hits = a_hits + b_hits
    ways = {k: comb(a, k) * comb(b, hits - k) for k in range(max(0, hits - b), min(hits, a) + 1)}
    exact = sum(way for way in ways.values() if way <= ways[a_hits]) / comb(a + b, hits)
    assert fisher(a_hits, a, b_hits, b) == pytest.approx(exact)


def test_a_threshold_is_a_number_that_a_person_would_say_and_holds_of_the_data():
    rule = best_threshold([10_002, 10_003, 12_000], [24, 591, 8_010, 8_020])
    assert (rule.word, rule.operand) == ("over", 10_000)
    assert [rule.keeps(10_002), rule.keeps(8_020)] == [True, False]
    below = best_threshold([0.1, 0.12], [0.4, 0.5])
    assert below.word == "at_most"
    assert below.keeps(0.12)
    assert not below.keeps(0.4)


def test_numbers_and_booleans_are_no_category_together():
    rule = best_category([True, True, True], [1, 1, 1])
    assert rule.operand is True
    assert rule.keeps(True)
    assert not rule.keeps(1)


def test_what_is_alike_on_both_sides_has_no_rule():
    assert best_category(["x", "x"], ["x"]) is None
    assert best_threshold([1, 2], [1, 2]) is None


def test_holm_pays_for_every_comparison_and_keeps_the_order():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_a_perfect_separation_reaches_the_smallest_p():
    assert smirnov([1, 2, 3, 4, 5], 2, 3, 6) == pytest.approx(smallest_p(2, 3))

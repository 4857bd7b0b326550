"""How well a measure tells two sets apart, and how likely mere chance would do as well: exact tests in plain Python.

Categories are judged by Fisher's exact test, numbers by the two-sample Smirnov test, whose statistic is what the best
threshold achieves, so that choosing it is paid for. Past some size its bound is used, which errs on the side of chance.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import comb, exp, floor, lgamma, log10
from typing import Any, Final

__all__ = ["Rule", "best_category", "best_threshold", "fisher", "holm", "smallest_p", "smirnov"]

_MOST_CATEGORIES: Final = 20
_MOST_PATHS: Final = 6_000
_ALIKE: Final = 1 + 1e-9


@dataclass(frozen=True, slots=True)
class Rule:
    """``is`` a category, ``over`` a number or ``at_most`` it; ``p`` is the chance of one as good, where none holds."""

    word: str
    operand: Any
    p: float

    def keeps(self, value: Any) -> bool:
        """Whether a value fulfils the rule."""
        return bool(self.kept({0: value}))

    def kept(self, cells: Mapping[int, Any]) -> frozenset[int]:
        """The keys of those values that fulfil the rule."""
        operand = self.operand
        if self.word == "is":
            alike = [key for key, value in cells.items() if value == operand]
            return frozenset([key for key in alike if type(cells[key]) is type(operand)])
        over = frozenset([key for key, value in cells.items() if value > operand])
        return over if self.word == "over" else frozenset(cells) - over


def best_category(a: Sequence[Hashable], b: Sequence[Hashable]) -> Rule | None:
    """The category that tells best whether something is of ``a``; None where all are alike."""
    in_a, in_b = _counted(a), _counted(b)
    if len(in_a.keys() | in_b.keys()) < 2:
        return None
    tried = [category for category, _ in in_a.most_common(_MOST_CATEGORIES) if _prevails(category, in_a, in_b, a, b)]
    rules = [(fisher(in_a[one], len(a), in_b[one], len(b)), one) for one in tried]
    if not rules:
        return None
    p, (_, category) = min(rules, key=lambda rule: rule[0])
    others = len(in_a.keys() | in_b.keys())
    return Rule("is", category, min(1.0, p * (min(others, _MOST_CATEGORIES) if others > 2 else 1)))


def _counted(values: Sequence[Hashable]) -> Counter[tuple[type, Hashable]]:
    """By type too: ``True`` is not 1."""
    return Counter((type(value), value) for value in values)


def _prevails(one: Any, in_a: Counter[Any], in_b: Counter[Any], a: Sequence[Any], b: Sequence[Any]) -> bool:
    return in_a[one] * len(b) > in_b[one] * len(a)


def best_threshold(a: Sequence[float], b: Sequence[float]) -> Rule | None:
    """The number that best has ``a`` on one side of it and ``b`` on the other; None where all are alike."""
    pooled = sorted([*a, *b])
    in_a, in_both = Counter(a), Counter(pooled)
    n, m, below, upto, best, low, high = len(a), len(b), 0, 0, 0, pooled[0], pooled[0]
    for value, following in pairwise(in_both):
        below += in_a.get(value, 0)
        upto += in_both[value]
        gap = below * m - (upto - below) * n
        if abs(gap) > abs(best):
            best, low, high = gap, value, following
    if not best:
        return None
    word = "over" if best < 0 else "at_most"
    return Rule(word, _roundest(low, high), smirnov(pooled, n, m, abs(best)))


def _roundest(low: float, high: float) -> float:
    """The number that takes fewest digits of those from ``low`` up to, and not, ``high``."""
    exponent = floor(log10(high - low)) + 1
    for power in range(exponent, exponent - 3, -1):
        unit = 10.0**power
        found = floor(low / unit) * unit
        for candidate in (found, found + unit):
            rounded = round(candidate, max(-power, 0))
            if low <= rounded < high:
                return int(rounded) if rounded.is_integer() else rounded
    return low


def smirnov(pooled: Sequence[float], n: int, m: int, gap: int) -> float:
    """The chance that ``n`` and ``m`` numbers, dealt at random from ``pooled``, are somewhere as far apart.

    Args:
        pooled: All of them, sorted; numbers alike are never told apart.
        n: How many are dealt to the one side.
        m: How many to the other.
        gap: Their distance, ``max |F(x) - G(x)| * n * m``.
    """
    if gap >= n * m > _MOST_PATHS:
        return 2 / comb(n + m, n)
    if n * m > _MOST_PATHS:
        return min(1.0, 2 * exp(-2 * (gap / (n * m)) ** 2 * n * m / (n + m)))
    ends = [left != right for left, right in zip(pooled, [*pooled[1:], None], strict=True)]
    inside, outside = [0.0] * (m + 1), [0.0] * (m + 1)
    for i in range(n + 1):
        for j in range(m + 1):
            within = inside[j] * (i > 0) + (inside[j - 1] if j else 0.0) if i + j else 1.0
            beyond = outside[j] * (i > 0) + (outside[j - 1] if j else 0.0)
            if i + j and ends[i + j - 1] and abs(i * m - j * n) >= gap:
                within, beyond = 0.0, within + beyond
            inside[j], outside[j] = within, beyond
    return min(1.0, outside[m] / (inside[m] + outside[m]))


def fisher(a_hits: int, a: int, b_hits: int, b: int) -> float:
    """The two-sided exact p of ``a_hits`` of ``a`` against ``b_hits`` of ``b``."""
    hits, total = a_hits + b_hits, a + b
    low, high = max(0, hits - b), min(hits, a)
    logs = [_log_comb(a, k) + _log_comb(b, hits - k) for k in range(low, high + 1)]
    whole, seen = _log_comb(total, hits), logs[a_hits - low]
    return min(1.0, sum(exp(one - whole) for one in logs if one <= seen + _ALIKE - 1))


def _log_comb(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def smallest_p(a: int, b: int) -> float:
    """What a perfect separation of so many would reach."""
    return min(1.0, 2 / comb(a + b, a)) if a and b else 1.0


def holm(found: Sequence[float]) -> list[float]:
    """Each p corrected for all of them having been tried (Holm), in their order."""
    order = sorted(range(len(found)), key=found.__getitem__)
    raised = (min(1.0, found[index] * (len(found) - rank)) for rank, index in enumerate(order))
    corrected: Mapping[int, float] = dict(zip(order, accumulate(raised, max), strict=True))
    return [corrected[index] for index in range(len(found))]

"""Percentiles of any number of durations in a few hundred bytes, each within 1 % of the exact one.

DDSketch: a value falls in the bin of its logarithm, so merging two sketches is adding their bins, and a day's
sketch can take one more batch at any time.

Source: Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees",
VLDB 2019.
"""

import math
from collections.abc import Iterable
from typing import Final

import msgspec

__all__ = ["Sketch"]

_ACCURACY: Final = 0.01
_GAMMA: Final = (1 + _ACCURACY) / (1 - _ACCURACY)
_LOG_GAMMA: Final = math.log(_GAMMA)
_SMALLEST: Final = 1e-6
_ZERO_BIN: Final = -(1 << 20)

_decode: Final = msgspec.msgpack.Decoder(dict[int, int]).decode


class Sketch:
    """How many values fell in each bin; what is below a nanosecond (in ms) counts as zero."""

    __slots__ = ("bins",)

    def __init__(self, bins: dict[int, int] | None = None) -> None:
        self.bins = {} if bins is None else bins

    @classmethod
    def decoded(cls, data: bytes) -> "Sketch":
        """The sketch that ``encoded`` gave."""
        return cls(_decode(data))

    def encoded(self) -> bytes:
        """The bins as msgpack, in order."""
        return msgspec.msgpack.encode(dict(sorted(self.bins.items())))

    def add(self, value: float) -> None:
        """Take one value."""
        index = _ZERO_BIN if value < _SMALLEST else math.ceil(math.log(value) / _LOG_GAMMA)
        self.bins[index] = self.bins.get(index, 0) + 1

    def merge(self, other: "Sketch") -> None:
        """Take every value of another sketch."""
        for index, count in other.bins.items():
            self.bins[index] = self.bins.get(index, 0) + count

    def quantiles(self, fractions: Iterable[float]) -> list[float]:
        """The nearest-rank quantiles at ascending fractions (0 to 1); 0.0 where nothing was taken."""
        bins = sorted(self.bins.items())
        total = sum(self.bins.values())
        found: list[float] = []
        at, seen, value = 0, 0, 0.0
        for fraction in fractions:
            rank = math.ceil(fraction * total)
            while seen < rank:
                index, count = bins[at]
                at, seen, value = at + 1, seen + count, _middle(index)
            found.append(value)
        return found


def _middle(index: int) -> float:
    return 0.0 if index == _ZERO_BIN else 2 * _GAMMA**index / (_GAMMA + 1)

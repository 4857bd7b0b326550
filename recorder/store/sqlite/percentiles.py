"""``percentile(x, p)`` and ``median(x)`` for SQL: nearest rank, as everywhere here. SQLite brings neither."""

from array import array
from typing import Any, Final

__all__ = ["Quantiles"]

MOST: Final = 1_000_000


class Quantiles:
    """Makes the aggregates of one statement, which share a bound on what they remember.

    ``trouble`` is what was wrong: of an exception in a function SQLite says only that there was one.
    """

    def __init__(self) -> None:
        self.trouble = ""
        self._left = MOST

    def percentile(self) -> "_Percentile":
        """A new ``percentile(x, p)``, p from 0 to 100."""
        return _Percentile(self)

    def median(self) -> "_Percentile":
        """A new ``median(x)``."""
        return _Percentile(self)

    def spend(self) -> None:
        """Remember one more.

        Raises:
            ValueError: They are too many.
        """
        self._left -= 1
        if self._left < 0:
            self.refuse(f"percentile and median take at most {MOST:,} numbers in a query: filter more")

    def regain(self, count: int) -> None:
        """Forget so many."""
        self._left += count

    def refuse(self, trouble: str) -> None:
        """End the statement.

        Raises:
            ValueError: Always.
        """
        self.trouble = trouble
        raise ValueError(trouble)


class _Percentile:
    def __init__(self, shared: Quantiles) -> None:
        self._shared = shared
        self._numbers = array("d")
        self._percent = 50.0

    def step(self, value: Any, percent: Any = 50.0) -> None:
        """Take a row; NULL and text do not count."""
        if not isinstance(percent, int | float) or not 0 <= percent <= 100:
            self._shared.refuse("percentile(x, p) takes p from 0 to 100, as in percentile(duration_ms, 95)")
        self._percent = percent
        if isinstance(value, int | float):
            self._shared.spend()
            self._numbers.append(value)

    def finalize(self) -> float | None:
        """The nearest rank; NULL of nothing."""
        numbers = sorted(self._numbers)
        self._shared.regain(len(numbers))
        rank = max(-(-len(numbers) * self._percent // 100), 1)
        return numbers[int(rank) - 1] if numbers else None

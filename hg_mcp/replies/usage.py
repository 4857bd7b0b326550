"""How replies tell what was used: tokens and cost, where the code of a step or run said them."""

from typing import Self

from hg_mcp.replies.base import Row
from hg_mcp.sizes import counted
from recorder.store.records import Usage

__all__ = ["UsageRow", "usage_words"]


class UsageRow(Row):
    """Tokens and cost, as told by ``current_step().set_usage``; absent where nobody said them."""

    tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None

    @classmethod
    def of(cls, usage: Usage | None) -> Self | None:
        """Usage as a row; None where nobody said any."""
        if usage is None:
            return None
        return cls(
            tokens=usage.tokens,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost=_cost(usage.cost),
        )


def usage_words(usage: Usage) -> str:
    """``812 tokens, cost 0.004``."""
    words = [] if usage.tokens is None else [counted(usage.tokens, "token")]
    words += [] if usage.cost is None else [f"cost {_cost(usage.cost):g}"]
    return ", ".join(words)


def _cost(cost: float | None) -> float | None:
    """Without the digits that only adding up binary fractions makes."""
    return None if cost is None else round(cost, 9)

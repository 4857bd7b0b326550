"""Ten payments of 0.1 are a whole one, until somebody adds them up in another way."""

import functools  # noqa: F401 - another way needs it
import math
import operator  # noqa: F401

from recorder import Recorder, node


@node
def paid(payments: list[float]) -> float:
    return math.fsum(payments)


@node
def is_settled(paid: float, due: float) -> bool:
    return paid >= due


def run(rec: Recorder, variant: str) -> None:
    with rec.run("dunning", inputs={"invoice": "i-3"}) as dunning:
        dunning.set_output(settled=is_settled(paid([0.1] * 10), due=1.0))

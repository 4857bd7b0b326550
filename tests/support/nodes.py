"""Nodes of plain Python that tests call."""

import asyncio

from recorder.tracing import node


@node
def double(number):
    """Twice."""
    return 2 * number


@node
async def double_later(number):
    await asyncio.sleep(0)
    return double(number)


@node
def fail(message="no"):
    raise ValueError(message)

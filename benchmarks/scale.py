"""How much a benchmark does: ``HG_MCP_BENCH_SCALE=0.01 make bench`` proves that each runs, and writes no table."""

import os
from typing import Final

__all__ = ["SCALE", "scaled"]

SCALE: Final = float(os.environ.get("HG_MCP_BENCH_SCALE") or 1)


def scaled(count: int, least: int = 1) -> int:
    """So many at full size, as few as ``least`` at a smaller one."""
    return max(least, int(count * SCALE))

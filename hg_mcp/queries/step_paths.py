"""What the path of a step says of where it is: names escape their brackets and slashes, so the text alone tells."""

import re
from functools import lru_cache

__all__ = ["is_below", "node_id", "outer_item", "outer_item_path"]


def is_below(path: str, above: str) -> bool:
    """Whether a step is inside another (item rows stand between a map's node and its nodes)."""
    return path.startswith((above + "/", above + "["))


@lru_cache(maxsize=4096)
def node_id(path: str) -> str:
    """The id, within the structure, of the node that a step's path leads to: without items and executions.

    Of the rest of a path below an item: the place within the item.
    """
    return re.sub(r"\[\d+\]|@\d+", "", path).lstrip("/")


def outer_item_path(path: str) -> str:
    """The path of the item of the outermost map that a path leads through; ``""`` outside of maps."""
    return path[: path.find("]") + 1]


def outer_item(path: str) -> int | None:
    """The index of that item."""
    match = re.search(r"\[(\d+)\]", path)
    return int(match[1]) if match else None

"""What did not run because something failed: told by the structure, else by what runs or items without failures did."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from hg_mcp.queries.step_paths import node_id, outer_item, outer_item_path
from recorder.journal.frames import GraphFrame
from recorder.store.protocols import RunReader
from recorder.store.records import Run, Sample

__all__ = ["NotReached", "not_reached"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReached:
    """A node, by its id in the structure or its name, and the items in which it did not run; none: it never did."""

    node: str
    items: Sequence[int] = ()


async def not_reached(
    reader: RunReader, run: Run, ends: Sequence[str], samples: Sequence[Sample], good: Run | None
) -> list[NotReached]:
    """The nodes that were not reached because the steps at the paths ``ends`` had no success.

    Where the graph's edges are known: those downstream of them. Else, within a map, those that ran in most of its other
    items; outside of one, those that ran in the last good run.
    """
    if not ends:
        return []
    structure = await reader.structure(run.key)
    ran = _ran(samples)
    scopes = list(dict.fromkeys(map(outer_item_path, ends)))
    if structure is not None and not structure.observed:
        expected = _downstream(structure, {node_id(path) for path in ends})
    elif scopes != [""]:
        expected = _usual([nodes for scope, nodes in ran.items() if scope and scope not in scopes])
    elif good is not None:
        expected = [node_id(sample.path) for sample in await reader.samples(good.key)]
    else:
        return []
    return list(_missing(list(dict.fromkeys(expected)), scopes, ran))


def _ran(samples: Sequence[Sample]) -> dict[str, set[str]]:
    """Ids of the nodes that ran, by the item of the outermost map; ``""`` outside of one."""
    ran: dict[str, set[str]] = {"": set()}
    for sample in samples:
        ran.setdefault(outer_item_path(sample.path), set()).add(node_id(sample.path))
    return ran


def _missing(expected: Sequence[str], scopes: Sequence[str], ran: dict[str, set[str]]) -> Iterator[NotReached]:
    """Of the expected nodes those that did not run, the outermost only."""
    absent: dict[str, list[str]] = {}
    for node in expected:
        where = [scope for scope in scopes if node not in ran.get(scope, ()) and node not in ran[""]]
        if where and not any(node.startswith(f"{other}/") for other in absent):
            absent[node] = where
    for node, where in absent.items():
        items = [outer_item(scope) for scope in where]
        yield NotReached(node=node, items=[item for item in items if item is not None])


def _downstream(structure: GraphFrame, failing: Collection[str]) -> list[str]:
    """What the edges lead to from failing nodes, and from the nodes around them, in the structure's order."""
    targets: dict[str, list[str]] = {}
    for edge in structure.edges:
        targets.setdefault(edge.source, []).append(edge.target)
    open_ids = [outer for node in failing for outer in _around(node)]
    found: set[str] = set()
    while open_ids:
        for target in targets.get(open_ids.pop(), ()):
            if target not in found:
                found.add(target)
                open_ids.append(target)
    return [node.id for node in structure.nodes if node.id in found]


def _around(node: str) -> Iterator[str]:
    """A node's id, and those of the nodes that it is inside of."""
    while node:
        yield node
        node = node.rpartition("/")[0]


def _usual(others: Sequence[Collection[str]]) -> list[str]:
    """What ran in most of the other items."""
    counts = Counter(node for nodes in others for node in nodes)
    return sorted(node for node, count in counts.items() if 2 * count > len(others))

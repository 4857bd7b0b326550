"""What plain-Python runs called: the nodes of graphs that nobody drew, found as they are called.

All runs of one name share a tree of the functions that were called, each below the one that called it. From it follows
a structure like that of an attached graph, so that readers see one mechanism. The promise kept here: what grows is the
number of different nodes, never that of calls; no function is kept alive; files are read only by ``Telling.structure``,
which nobody calls on the hot path.
"""

import weakref
from collections.abc import Callable
from types import CodeType
from typing import Final

from msgspec import Struct

from recorder.code import CodeReader, Place
from recorder.journal.frames import GraphFrame, GraphNode, RunFrame, graph_frame

__all__ = ["Call", "CallTree", "CallTrees", "Telling"]

_MOST_CALLS: Final = 500
_MOST_RUNS: Final = 256
_MOST_TREES: Final = 256


def _nothing() -> None:
    """The code of what has none: a block of a run, a builtin."""


def _several() -> None:
    """The code of a node by whose name different functions were called: which of them a step ran is not known."""


class Call:
    """What is called by one name below another. ``place`` is where it stands, once that was looked up."""

    __slots__ = ("code", "id", "inside", "place", "tree")

    def __init__(self, tree: "CallTree", node_id: str, code: CodeType | None) -> None:
        self.tree = tree
        self.id = node_id
        self.code: Callable[[], CodeType | None] = _nothing if code is None else weakref.ref(code)
        self.inside: dict[str, Call] = {}
        self.place: Place | None = None

    def called(self, name: str, part: str, code: CodeType | None, run: RunFrame) -> "Call | None":
        """What is called below this by a name; ``part`` is the name in paths. None if there is too much to remember."""
        call = self.inside.get(name)
        if call is not None and (call.code is _several or call.code() is code):
            return call
        return self.tree.add(self, name, part, code, run)


class CallTree:
    """What the runs of one name called.

    ``structure`` is what was told of it last; ``untold`` the rows of runs that may hold more than that says.
    """

    __slots__ = ("_calls", "_changed", "_name", "_root", "structure", "untold")

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: list[Call] = []
        self._changed = False
        self._root = Call(self, "", None)
        self.structure: GraphFrame | None = None
        self.untold: dict[int, RunFrame] = {}

    def start(self, run: RunFrame) -> Call:
        """A run begins: it has the structure that is known, until it calls something new. The call it is below."""
        if self.structure is not None:
            run.graph_digest = self.structure.digest
        if self.structure is None or self._changed:
            self._note(run)
        return self._root

    def add(self, above: Call, name: str, part: str, code: CodeType | None, run: RunFrame) -> Call | None:
        """A node was called that is new here, or by whose name another function was before."""
        call = above.inside.get(name)
        if call is None:
            if len(self._calls) >= _MOST_CALLS:  # a recursion without an end
                return None
            call = above.inside[name] = Call(self, f"{above.id}/{part}" if above.id else part, code)
            self._calls.append(call)
        else:
            call.code, call.place, run.graph_digest = _several, None, None
        self._changed = True
        self._note(run)
        return call

    def news(self) -> "Telling | None":
        """What is to be told, if anything; from now on that counts as told."""
        if not (self._changed or self.untold) or not self._calls:
            return None
        told = Telling(self, self._name, tuple(self._calls), tuple(self.untold.values()))
        self._changed, self.untold = False, {}
        return told

    def _note(self, run: RunFrame) -> None:
        self.untold[run.run] = run
        if len(self.untold) > _MOST_RUNS:
            del self.untold[next(iter(self.untold))]


class Telling(Struct, frozen=True, gc=False):
    """The calls of a tree as they stand at a moment, and the rows of the runs they are to be told for."""

    tree: CallTree
    name: str
    calls: tuple[Call, ...]
    runs: tuple[RunFrame, ...]

    def structure(self, reader: CodeReader) -> GraphFrame:
        """The structure: each node's code looked up, once in its life. Reads and compiles files."""
        for call in self.calls:
            if call.place is None:
                code = call.code()
                call.place = Place() if code is None else reader.place_of(code)
        return graph_frame(self.name, sorted(map(_node, self.calls), key=lambda node: node.id), observed=True)


class CallTrees:
    """The trees of the latest so many names."""

    def __init__(self) -> None:
        self._trees: dict[str, CallTree] = {}

    def start(self, run: RunFrame, write: Callable[[GraphFrame], None]) -> Call:
        """A run begins: the call that all of it is below. The structure that is known is written."""
        tree = self._trees.pop(run.graph, None) or CallTree(run.graph)
        self._trees[run.graph] = tree
        if len(self._trees) > _MOST_TREES:
            del self._trees[next(iter(self._trees))]
        if tree.structure is not None:
            write(tree.structure)
        return tree.start(run)

    def news(self) -> list[Telling]:
        """What is to be told; from now on it counts as told."""
        return [telling for tree in self._trees.values() if (telling := tree.news()) is not None]


def _node(call: Call) -> GraphNode:
    place = call.place or Place()
    kind = "FUNCTION" if place.qualname else ""
    return GraphNode(
        call.id, kind, file=place.file, line=place.line, qualname=place.qualname, source_hash=place.source_hash
    )

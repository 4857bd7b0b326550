"""Where a value came from: back from step to step, by the graph's edges where they are known, else by equal values.

What is inferred says so. A hop goes to the nearest earlier place that holds the value: an output of a step that had
ended, an input of a step around it, an input of the run. The trail ends where nothing earlier holds it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, cast

from hg_mcp.errors import BadArgumentError, UnknownValueError
from hg_mcp.names import GET_STEP_VALUES
from hg_mcp.queries.contents import content_of, no_content
from hg_mcp.queries.paths import follow, path_text, read_path
from hg_mcp.queries.policies import why_absent
from hg_mcp.queries.runs import find_run
from hg_mcp.queries.step_paths import is_below, node_id, outer_item_path
from hg_mcp.queries.steps import find_step
from hg_mcp.text import quoted
from recorder.journal.frames import GraphFrame
from recorder.store.protocols import RunReader
from recorder.store.records import Run, RunFilter, Step, StepFilter, StoredValue

__all__ = ["Hop", "Lineage", "Place", "trace_value"]

_MOST_HOPS: Final = 24
_MOST_STEPS: Final = 20_000
_MOST_CANDIDATES: Final = 150
_MOST_PARTS: Final = 20_000
_MOST_EQUAL: Final = 50
_SHORTEST_TEXT: Final = 8
_COMMON_NUMBER: Final = 100

Parts = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A value, or what ``parts`` lead to inside it; ``step`` None is the run itself."""

    step: Step | None
    direction: str
    name: str
    parts: Parts
    content: Any

    @property
    def path(self) -> str:
        """The path that leads there from the step."""
        return path_text((self.name, *self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A place on the trail, and how the one before is tied to it.

    ``how`` is ``start``, ``edge`` (of the graph), ``equal`` (an equal value), ``part`` (equal to a part of it),
    ``text`` (a text that holds it) or ``holds`` (the one before holds it). ``common`` says that values like it are
    everywhere, so that the tie may be chance.
    """

    place: Place
    how: str
    common: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The trail of a value, from where it was asked for back to its origin.

    ``end`` is ``run_input``, ``born`` (an output that no input of its step holds), ``outside`` (an input that no
    earlier recorded value holds), or ``limit``. ``has_inputs`` says whether the last step has recorded inputs,
    ``edges_from`` names the nodes from which edges of the graph lead to where the trail ends, ``is_ambiguous`` says
    that an input of the last step does hold such a value, one too common to follow, ``has_good`` that the store has
    another, good run of the graph.
    """

    run: Run
    hops: Sequence[Hop]
    end: str
    has_inputs: bool
    edges_from: Sequence[str] = ()
    is_ambiguous: bool = False
    has_good: bool = False


async def trace_value(reader: RunReader, handle: str, *, step: str, value: str) -> Lineage:
    """The origin of a value of a step; with an empty step, of an output of the run.

    Raises:
        CannotAnswer: The run, step, value or path does not exist, or its content was not recorded.
    """
    run = await find_run(reader, handle)
    at = await find_step(reader, run, step) if step else None
    search = _Search(reader, run, await reader.structure(run.key))
    await search.load(at)
    hops = [Hop(place=await search.start(at, value), how="start")]
    seen = {_key(hops[0].place)}
    while len(hops) < _MOST_HOPS:
        before = await search.before(hops[-1].place)
        if before is None or _key(before.place) in seen:
            break
        seen.add(_key(before.place))
        hops.append(before)
    last = hops[-1].place
    inputs = await search.stored(last.step, "input")
    good = await reader.runs(RunFilter(graph=run.graph, good=True), limit=2)
    ends = {"output": "born", "input": "outside" if last.step else "run_input"}
    return Lineage(
        run=run,
        hops=hops,
        end="limit" if len(hops) == _MOST_HOPS else ends[last.direction],
        has_inputs=bool(inputs),
        is_ambiguous=_is_common(last.content) and any(_holds(content_of(one), last.content) for one in inputs),
        has_good=any(one.key != run.key for one in good),
        edges_from=sorted(search.edge_sources(last)),
    )


def _key(place: Place) -> tuple[int, str, str]:
    return place.step.step if place.step else 0, place.direction, place.path


class _Search:
    """The run's steps, and its values as they are needed."""

    def __init__(self, reader: RunReader, run: Run, structure: GraphFrame | None) -> None:
        self._reader, self._run = reader, run
        self._edges = [edge for edge in structure.edges if edge.kind == "data"] if structure else []
        self._values: dict[int, list[StoredValue]] = {}
        self._steps: list[Step] = []

    async def load(self, at: Step | None) -> None:
        """Read the steps; where the run itself is a map, those of the item alone: nothing else led there."""
        item = outer_item_path(at.path) if at and self._run.is_map else ""
        which = StepFilter(nodes_only=True, under=item)
        self._steps = await self._reader.steps(self._run.key, which, limit=_MOST_STEPS)

    async def stored(self, step: Step | None, direction: str) -> list[StoredValue]:
        """The values of a step, or of the run, that have content."""
        number = step.step if step else 0
        if number not in self._values:
            self._values[number] = await self._reader.values(self._run.key, number, with_data=True)
        return [one for one in self._values[number] if one.direction == direction and one.data is not None]

    async def start(self, step: Step | None, given: str) -> Place:
        """The place that was asked for; an input where input and output share the name."""
        found = [*await self.stored(step, "input"), *await self.stored(step, "output")]
        if not given:
            names = ", ".join(quoted(one.name) for one in found[:8]) or f"none recorded; {GET_STEP_VALUES} says why"
            raise BadArgumentError("value", f"value must name one, or a path inside it. There: {names}.")
        parts = (given,) if any(one.name == given for one in found) else read_path(given)
        named = next((one for one in found if one.name == parts[0]), None)
        if named is None:
            empty = [one for one in self._values[step.step if step else 0] if one.name in (given, parts[0])]
            if empty:
                raise no_content(empty[0])
            shape = f"{len(found)} values with content" if found else "no value with content"
            hint = "" if self._values[step.step if step else 0] else why_absent(self._run, step)
            raise UnknownValueError(given, reached="", shape=shape, valid=[one.name for one in found], hint=hint)
        content = follow(content_of(named), parts).value
        return Place(step=step, direction=named.direction, name=named.name, parts=_plain(parts[1:]), content=content)

    async def before(self, place: Place) -> Hop | None:
        """The nearest earlier place that holds what is at this one."""
        candidates = await self._candidates(place)
        whole = await self._whole(place)
        for depth in range(len(place.parts) + 1):
            part = _reached(whole, place.parts[:depth])
            if (hop := _found(place, part, place.parts[depth:], candidates, self.edge_sources(place))) is not None:
                return hop
        return _text_or_held(place, candidates) or _passed_on(place, candidates)

    async def _whole(self, place: Place) -> Any:
        stored = await self.stored(place.step, place.direction)
        return next(content_of(one) for one in stored if one.name == place.name)

    def edge_sources(self, place: Place) -> set[str]:
        """Ids of the nodes that an edge of the graph leads from to this input."""
        if place.step is None or place.direction == "output":
            return set()
        target = node_id(place.step.path)
        return {edge.source for edge in self._edges if edge.target == target and place.name in edge.values}

    async def _candidates(self, place: Place) -> list[Place]:
        """Values that may have been the source, nearest first."""
        found: list[Place] = []
        for step, direction in self._earlier(place):
            found += [
                Place(step=step, direction=direction, name=one.name, parts=(), content=content_of(one))
                for one in await self.stored(step, direction)
            ]
            if len(found) >= _MOST_CANDIDATES:
                break
        return found

    def _earlier(self, place: Place) -> Iterator[tuple[Step | None, str]]:
        step = place.step
        if place.direction == "output":
            inside = [one for one in self._steps if step is None or is_below(one.path, step.path)]
            yield from ((one, "output") for one in sorted(inside, key=_ended, reverse=True)[:_MOST_CANDIDATES])
            yield step, "input"
            return
        if step is None:
            return
        item = outer_item_path(step.path)
        done = [one for one in self._steps if _ended(one) <= step.started_at and one.step < step.step]
        near = [one for one in done if not item or outer_item_path(one.path) in {"", item}]
        yield from ((one, "output") for one in _nearest(near, place))
        around = [one for one in self._steps if is_below(step.path, one.path)]
        yield from ((one, "input") for one in reversed(around))
        yield None, "input"


def _nearest(steps: Sequence[Step], place: Place) -> list[Step]:
    """Those that ended last; first those of the item whose element of a list is asked for."""
    index = next((part for part in place.parts if isinstance(part, int)), None)
    return sorted(steps, key=lambda one: (one.item != index, -_ended(one)))[:_MOST_CANDIDATES]


def _ended(step: Step) -> int:
    """When a step ended; one that has not ended after all others."""
    return step.ended_at if step.ended_at is not None else 1 << 62


def _found(place: Place, part: Any, rest: Parts, candidates: Sequence[Place], edges: set[str]) -> Hop | None:
    """The candidate that is equal to the part, or holds it; those that the graph's edges lead from come first."""
    ordered = sorted(candidates, key=lambda one: one.step is None or node_id(one.step.path) not in edges)
    label = _label(place, rest)
    common = _is_common(part)
    for holds_part in (False, True):
        for one in ordered:
            places = _ranked(_places_of(part, one.content), place) if holds_part else _equal(part, one.content)
            for parts in places:
                is_edge = one.step is not None and node_id(one.step.path) in edges
                source = replace(one, parts=(*parts, *rest), content=place.content)
                if (
                    common
                    and not is_edge
                    and _last_name(one.name, parts) != label
                    and (holds_part or one.name != label)
                ):
                    continue
                how = "edge" if is_edge else "part" if holds_part else "equal"
                return Hop(place=source, how=how, common=common and not is_edge)
    if common and place.direction == "input":
        return next((_weak(one, rest, place) for one in ordered if _same(part, one.content)), None)
    return None


def _weak(one: Place, rest: Parts, place: Place) -> Hop:
    return Hop(place=replace(one, parts=rest, content=place.content), how="equal", common=True)


def _equal(part: Any, content: Any) -> Iterator[Parts]:
    if _same(part, content):
        yield ()


def _holds(content: Any, part: Any) -> bool:
    return _same(part, content) or next(_places_of(part, content), None) is not None


def _ranked(places: Iterator[Parts], place: Place) -> list[Parts]:
    """The first of them; the element of the item that the step is in before others that are equal."""
    item = place.step.item if place.step else None
    return sorted(islice(places, _MOST_EQUAL), key=lambda parts: item is None or item not in parts)


def _label(place: Place, rest: Parts) -> str:
    """The name by which the part is called: its key, or that of what it is an element of."""
    parts = place.parts[: len(place.parts) - len(rest)]
    return _last_name(place.name, parts)


def _last_name(name: str, parts: Parts) -> str:
    return next((part for part in reversed(parts) if isinstance(part, str)), name)


def _places_of(part: Any, content: Any) -> Iterator[Parts]:
    """Where inside some JSON a part stands."""
    waiting: list[tuple[Parts, Any]] = [((), content)]
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        parts, one = waiting.pop()
        if parts and _same(part, one):
            yield parts
        if isinstance(one, dict):
            members = cast("dict[str, Any]", one)
            waiting += [((*parts, key), inner) for key, inner in reversed(members.items())]
        elif isinstance(one, list):
            elements = list(enumerate(cast("list[Any]", one)))
            waiting += [((*parts, index), inner) for index, inner in reversed(elements)]


def _text_or_held(place: Place, candidates: Sequence[Place]) -> Hop | None:
    """A text that holds this one, or is held by it; else a value that this one holds."""
    content = place.content
    if isinstance(content, str) and len(content) >= _SHORTEST_TEXT:
        for one in candidates:
            for parts, text in _texts(one.content):
                if content in text or (len(text) >= _SHORTEST_TEXT and text in content):
                    how = "text" if content in text else "holds"
                    return Hop(place=replace(one, parts=parts, content=text), how=how)
    if isinstance(content, dict | list) and place.direction == "input":
        for one in candidates:
            if not _is_common(one.content) and next(_places_of(one.content, content), None) is not None:
                return Hop(place=one, how="holds")
    return None


def _passed_on(place: Place, candidates: Sequence[Place]) -> Hop | None:
    """Nothing goes through a step under another name: an output that is null or empty, like something that went in."""
    if place.direction != "output" or not _is_nothing(place.content):
        return None
    own = [one for one in candidates if one.direction == "input"]
    for one in own:
        for parts in (*_equal(place.content, one.content), *islice(_places_of(place.content, one.content), 1)):
            how = "part" if parts else "equal"
            return Hop(place=replace(one, parts=parts, content=place.content), how=how, common=True)
    return None


def _is_nothing(content: Any) -> bool:
    return content is None or (isinstance(content, str | dict | list) and not content)


def _texts(content: Any) -> Iterator[tuple[Parts, str]]:
    waiting: list[tuple[Parts, Any]] = [((), content)]
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        parts, one = waiting.pop()
        if isinstance(one, str):
            yield parts, one
        elif isinstance(one, dict):
            waiting += [((*parts, key), inner) for key, inner in cast("dict[str, Any]", one).items()]
        elif isinstance(one, list):
            waiting += [((*parts, index), inner) for index, inner in enumerate(cast("list[Any]", one))]


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: ``true`` is not 1."""
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)


def _is_common(content: Any) -> bool:
    """Whether values like this are everywhere, so that an equal one says little."""
    match content:
        case None | bool():
            return True
        case int():
            return abs(content) <= _COMMON_NUMBER
        case str():
            return len(content) < 3
        case float():
            return content in {0.0, 1.0}
        case _:
            return not content


def _reached(content: Any, parts: Parts) -> Any:
    for part in parts:
        content = content[part]
    return content


def _plain(parts: Sequence[Any]) -> Parts:
    """Parts that lead to one value.

    Raises:
        BadArgumentError: One of them is a slice.
    """
    if any(not isinstance(part, str | int) for part in parts):
        raise BadArgumentError("value", "value must lead to one value: an index instead of [*] or a slice.")
    return tuple(parts)

"""What went into steps and came out of them: of one step, of the run itself, or one value across many steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from hg_mcp.errors import BadArgumentError, CannotAnswer, NotRunThereError, UnknownValueError
from hg_mcp.names import GET_STEP_VALUES
from hg_mcp.queries.contents import content_of
from hg_mcp.queries.items import read_items, require_items
from hg_mcp.queries.paths import Part, read_path
from hg_mcp.queries.policies import why_absent
from hg_mcp.queries.profile import ValueProfile, profile_of
from hg_mcp.queries.runs import find_run
from hg_mcp.queries.selection import Piece, inside, lack, members, piece_of, text_of
from hg_mcp.queries.shapes import shape_of
from hg_mcp.queries.step_paths import outer_item_path
from hg_mcp.queries.steps import error_of, find_step, known_node
from hg_mcp.queries.suspects import suspect
from hg_mcp.queries.words import cursor_of, read_cursor
from hg_mcp.sizes import counted
from hg_mcp.text import quoted
from recorder.store.protocols import RunReader
from recorder.store.records import Run, Step, StepFilter, StepValue, StoredValue

__all__ = ["ValuePage", "ValueQuestion", "value_page"]

_SHORT: Final = 400
_SOUGHT: Final = 1_000
_FAILED: Final = 20_000
_PROFILED: Final = 1_000
_CHUNK: Final = 200
_MOST_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueQuestion:
    """Which values: of a step, or of those of a node or items; one by name or path; ``extent`` bytes of that one."""

    step: str = ""
    node: str = ""
    items: str = ""
    value: str = ""
    direction: str = ""
    extent: str = ""
    limit: int = 50
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuePage:
    """Values, in start order of their steps. ``total`` counts them all, ``seen`` those of earlier pages.

    Attributes:
        step: The one step asked for; None for the run itself, and with ``across`` for many steps.
        after: These are of steps beyond this number, the first of which had ``skipped`` values on earlier pages.
        selected: The name or path that narrowed them to one of each step.
        shape: What that is, where it is one.
        inside: The paths that lead on from there, with their shapes, where it is long.
        piece: The bytes asked of it.
        profile: What it is like across the steps.
        holders: Where no value is found: ``(node, name)`` of some that the run has.
        suspect: The path of the input that the error of the one step speaks of.
        absent: Where no value is found: why, and what would record it.
    """

    run: Run
    values: Sequence[StepValue]
    total: int
    step: Step | None = None
    across: bool = False
    after: int = 0
    skipped: int = 0
    seen: int = 0
    more: bool = False
    selected: str = ""
    shape: str = ""
    inside: Mapping[str, str] = field(default_factory=dict[str, str])
    piece: Piece | None = None
    profile: ValueProfile | None = None
    holders: Sequence[tuple[str, str]] = ()
    suspect: str = ""
    absent: str = ""

    def cursor_after(self, shown: int) -> str:
        """The cursor of what follows the first ``shown`` values: the step to go on behind, and what to skip there."""
        last = self.values[shown - 1].step
        of_last = sum(one.step == last for one in self.values[:shown])
        before = self.skipped if last == self.after + 1 else 0
        return cursor_of(max(last - 1, 0), before + of_last, self.seen + shown)

    @property
    def remaining(self) -> int:
        """How many come after these."""
        return max(self.total - self.seen - len(self.values), 1) if self.more else 0


async def value_page(reader: RunReader, handle: str, asked: ValueQuestion) -> ValuePage:
    """The values that a question asks for.

    Raises:
        CannotAnswer: The run, step, items, value or path does not exist, or an argument is not of its form.
    """
    run = await find_run(reader, handle)
    if not (asked.node or asked.items):
        return await _of_one(reader, run, asked)
    if asked.extent:
        message = f"range reads one value: call {GET_STEP_VALUES} with the path of its step instead of node and items."
        raise BadArgumentError("range", message)
    return await _across(reader, run, asked)


# One step, or the run itself ------------------------------------------------------------------------------------------


async def _of_one(reader: RunReader, run: Run, asked: ValueQuestion) -> ValuePage:
    step = await find_step(reader, run, asked.step) if asked.step else None
    stored = await reader.values(run.key, step.step if step else 0, with_data=True)
    kept = [_placed(step, one) for one in stored if asked.direction in {"", one.direction}]
    spoken_of = await _suspect(reader, run, step, stored)
    if not asked.value and asked.extent:
        raise BadArgumentError("range", f"range reads one value: name it with value, such as {_names(kept)}.")
    if not asked.value:
        page = ValuePage(run=run, step=step, values=kept, total=len(kept), suspect=spoken_of)
        return await _all_of_one(reader, asked, page)
    parts = _parts(asked.value, [one.value.name for one in kept])
    named = [one for one in kept if one.value.name == parts[0]]
    if not named and (others := [one.direction for one in stored if one.name == parts[0]]):
        raise _elsewhere(asked, kept, others[0])
    if not named:
        raise await _unknown(reader, run, asked, kept, why_absent(run, step))
    page = ValuePage(run=run, step=step, values=named, total=len(named), selected=asked.value, suspect=spoken_of)
    return _selected(page, parts, asked)


async def _all_of_one(reader: RunReader, asked: ValueQuestion, page: ValuePage) -> ValuePage:
    """As many values of a page that holds all as were asked for."""
    _, skipped, seen = read_cursor(asked.cursor, 3) or (0, 0, 0)
    return replace(
        page,
        values=page.values[skipped : skipped + asked.limit],
        after=(page.step.step if page.step else 0) - 1,
        skipped=skipped,
        seen=seen,
        more=page.total > skipped + asked.limit,
        holders=() if page.values else await _holders(reader, page.run),
        absent="" if page.values else why_absent(page.run, page.step),
    )


async def _suspect(reader: RunReader, run: Run, step: Step | None, stored: Sequence[StoredValue]) -> str:
    error = await error_of(reader, run, step) if step else None
    return suspect([one for one in stored if one.direction == "input"], error) if error else ""


def _placed(step: Step | None, value: StoredValue) -> StepValue:
    if step is None:
        return StepValue(step=0, path="", node="", item=None, step_status="", value=value)
    return StepValue(
        step=step.step, path=step.path, node=step.node, item=step.item, step_status=step.status, value=value
    )


def _parts(given: str, names: Sequence[str]) -> tuple[Part, ...]:
    """A value's exact name, whatever characters it has, or else a path."""
    return (given,) if given in names else read_path(given)


def _selected(page: ValuePage, parts: tuple[Part, ...], asked: ValueQuestion) -> ValuePage:
    """The one value of a page, or what the path leads to inside it (an input and an output may share a name)."""
    narrowed = [_narrowed(one, parts) for one in page.values]
    found = [one for one in narrowed if one.problem is None]
    if not found:
        raise narrowed[0].problem or CannotAnswer()
    values = [one.row for one in found]
    page = replace(page, values=values, total=len(values), selected=values[0].value.name, shape=found[-1].shape)
    if len(values) == 1 and (data := values[0].value.data) is not None:
        content = content_of(values[0].value)
        there = members(content, parts) if len(data) > _SHORT else {}
        page = replace(page, shape=page.shape or shape_of(content), inside=there)
    if not asked.extent:
        return page
    if len(values) > 1:
        raise BadArgumentError("range", f"{quoted(asked.value)} is an input and an output: pass direction too.")
    return replace(page, piece=piece_of(text_of(values[0].value), asked.extent))


@dataclass(frozen=True, slots=True)
class _Narrowed:
    """A value, or what a path leads to inside it with its shape, or why it leads nowhere."""

    row: StepValue
    shape: str = ""
    problem: CannotAnswer | None = None


def _narrowed(row: StepValue, parts: Sequence[Part]) -> _Narrowed:
    if len(parts) < 2:
        return _Narrowed(row)
    try:
        value, shape = inside(row.value, parts)
    except CannotAnswer as problem:
        lacking = replace(row.value, type="", size=None, digest=None, data=None, note=lack(problem))
        return _Narrowed(replace(row, value=lacking), problem=problem)
    return _Narrowed(replace(row, value=value), shape)


# Many steps -----------------------------------------------------------------------------------------------------------


async def _across(reader: RunReader, run: Run, asked: ValueQuestion) -> ValuePage:
    which = await _filter(reader, run, asked)
    if not await reader.count_steps(run.key, which):
        await require_items(reader, run, asked.items)
        raise NotRunThereError(asked.node, await _ran_there(reader, run, replace(which, node="")))
    parts = await _parts_across(reader, run, which, asked)
    sought = _Sought(reader=reader, run=run, which=which, name=str(parts[0]) if parts else "", asked=asked)
    total = await sought.count()
    if not total and asked.value:
        raise await _unknown(reader, run, asked, await sought.any_name(), await _why(reader, run, which))
    after, skip, seen = read_cursor(asked.cursor, 3) or (0, 0, 0)
    most = _PROFILED if asked.value and not asked.cursor else 0
    found = [_narrowed(one, parts) for one in await sought.rows(after, skip, most)]
    if total == len(found) and all(isinstance(one.problem, UnknownValueError) for one in found) and found:
        raise found[0].problem or CannotAnswer()
    return ValuePage(
        run=run,
        values=[one.row for one in found[: asked.limit]],
        total=total,
        across=True,
        after=after,
        skipped=skip,
        seen=seen,
        more=total > seen + asked.limit,
        selected=asked.value,
        profile=await _profile(reader, run, found, total) if most and len(found) > 1 else None,
        holders=() if total else await _holders(reader, run),
        absent="" if total else await _why(reader, run, which),
    )


async def _filter(reader: RunReader, run: Run, asked: ValueQuestion) -> StepFilter:
    chosen = read_items("items", asked.items)
    node = await known_node(reader, run, asked.node)
    top = await find_step(reader, run, asked.step) if asked.step else None
    under = top.path if top else ""
    return StepFilter(node=node, items=chosen.indexes, item_statuses=chosen.statuses, under=under)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sought:
    """The values, of one name or of all, of the steps that a filter keeps."""

    reader: RunReader
    run: Run
    which: StepFilter
    name: str
    asked: ValueQuestion

    async def count(self) -> int:
        return await self.reader.count_values(self.run.key, self.which, name=self.name, direction=self.asked.direction)

    async def rows(self, after: int, skip: int, most: int) -> list[StepValue]:
        """As many as were asked for and one more, or up to ``most`` of together at most 16 MiB."""
        found: list[StepValue] = []
        size, wanted = 0, max(most, self.asked.limit)
        while len(found) < wanted and size < _MOST_BYTES:
            chunk = await self.reader.values_across(
                self.run.key,
                self.which,
                name=self.name,
                direction=self.asked.direction,
                with_data=True,
                limit=min(_CHUNK, wanted - len(found)),
                after=after,
                skip=skip + len(found),
            )
            if not chunk:
                break
            found += chunk
            size += sum(len(one.value.data or b"") for one in chunk)
        return found

    async def any_name(self) -> list[StepValue]:
        """Values of any name that these steps have."""
        return await self.reader.values_across(
            self.run.key, self.which, direction=self.asked.direction, with_data=False, limit=_SOUGHT
        )


async def _parts_across(reader: RunReader, run: Run, which: StepFilter, asked: ValueQuestion) -> tuple[Part, ...]:
    if not asked.value:
        return ()
    exact = await reader.values_across(run.key, which, name=asked.value, with_data=False, limit=1)
    return _parts(asked.value, [one.value.name for one in exact])


async def _profile(reader: RunReader, run: Run, found: Sequence[_Narrowed], total: int) -> ValueProfile:
    """Of these values; an item fails that has failed, and so does a step outside of items."""
    failed = await reader.steps(run.key, StepFilter(statuses=("failed",)), limit=_FAILED)
    failing = {step.path for step in failed}
    return profile_of([(one.row, (outer_item_path(one.row.path) or one.row.path) in failing) for one in found], total)


async def _why(reader: RunReader, run: Run, which: StepFilter) -> str:
    """Why the first of some steps has no values."""
    return why_absent(run, next(iter(await reader.steps(run.key, which, limit=1)), None))


async def _ran_there(reader: RunReader, run: Run, which: StepFilter) -> list[str]:
    return list(dict.fromkeys(step.node for step in await reader.steps(run.key, which, limit=_CHUNK) if step.node))


# What is there instead ------------------------------------------------------------------------------------------------


async def _holders(reader: RunReader, run: Run) -> list[tuple[str, str]]:
    """Nodes of the run with the names of their values."""
    found = await reader.values_across(run.key, StepFilter(nodes_only=True), with_data=False, limit=_SOUGHT)
    return list(dict.fromkeys((one.node, one.value.name) for one in found))


async def _unknown(
    reader: RunReader, run: Run, asked: ValueQuestion, there: Sequence[StepValue], why: str
) -> UnknownValueError:
    """The error for a name that is not among the values there; ``why`` is why there would be none at all."""
    names = list(dict.fromkeys(one.value.name for one in there))
    holders = await _holders(reader, run)
    nodes = list(dict.fromkeys(node for node, name in holders if name == str(_parts(asked.value, names)[0])))
    elsewhere = f"It was recorded of node {', '.join(map(quoted, nodes[:3]))}: pass node."
    hints = [elsewhere] * bool(nodes and not asked.node) + [why] * (not names)
    return UnknownValueError(
        asked.value,
        reached="",
        shape=counted(len(names), "value") if names else "no values",
        valid=names,
        holder=_holder(asked),
        hint=" ".join(hints),
    )


def _elsewhere(asked: ValueQuestion, there: Sequence[StepValue], direction: str) -> UnknownValueError:
    """The error for a name that the step has, but not in the direction that was asked for."""
    names = [one.value.name for one in there]
    shape = f"{counted(len(names), asked.direction)}" if names else f"no {asked.direction}s"
    hint = f"There it is an {direction}: pass direction={quoted(direction)}, or leave that out."
    return UnknownValueError(asked.value, reached="", shape=shape, valid=names, holder=_holder(asked), hint=hint)


def _holder(asked: ValueQuestion) -> str:
    if asked.node or asked.items:
        return "What ran there"
    return "The step" if asked.step else "The run itself"


def _names(rows: Sequence[StepValue]) -> str:
    return ", ".join(quoted(one.value.name) for one in rows[:3]) or "one of its names"

"""What went into a step and came out of it, or into and out of the whole run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from hg_mcp.errors import CannotAnswer, UnknownValueError
from hg_mcp.queries.paths import follow, read_path, shape_of
from hg_mcp.queries.runs import find_run
from hg_mcp.queries.steps import find_step
from hg_mcp.text import quoted
from recorder.store.protocols import Run, RunReader, Step, StoredValue

__all__ = ["ValuePage", "value_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuePage:
    """Values of a step, or with ``step`` None of the run.

    ``selected`` is the path that narrowed them to one, ``shape`` what it leads to.
    """

    run: Run
    step: Step | None
    values: Sequence[StoredValue]
    selected: str = ""
    shape: str = ""


async def value_page(reader: RunReader, handle: str, *, step: str, value: str, direction: str) -> ValuePage:
    """The values of a step or run; with ``value`` the one it names, or what its path leads to inside it.

    Raises:
        CannotAnswer: The run, step, value or path does not exist.
    """
    run = await find_run(reader, handle)
    place = await find_step(reader, run, step) if step else None
    stored = await reader.values(run.key, place.step if place else 0, with_data=True)
    kept = [one for one in stored if direction in {"", one.direction}]
    if not value:
        return ValuePage(run=run, step=place, values=kept)
    return _selected(ValuePage(run=run, step=place, values=kept), value)


def _selected(page: ValuePage, given: str) -> ValuePage:
    exact = [one for one in page.values if one.name == given]
    parts = (given,) if exact else read_path(given)
    named = exact or [one for one in page.values if one.name == parts[0]]
    if not named:
        names = [one.name for one in page.values]
        shape = f"{len(names)} values" if names else "no values"
        raise UnknownValueError(given, reached="", shape=shape, valid=names)
    if len(parts) == 1:
        return replace(page, values=named, selected=given)
    found, problem = _inside(named, parts)
    if problem is not None and not found:
        raise problem
    last = found[-1]
    return replace(page, values=[one for one, _, _ in found], selected=last[1], shape=last[2])


def _inside(named: Sequence[StoredValue], parts: tuple[str | int, ...]) -> tuple[list[Any], CannotAnswer | None]:
    """The path followed in each value of the name (an input and an output may share it)."""
    found: list[tuple[StoredValue, str, str]] = []
    problem: CannotAnswer | None = None
    for one in named:
        try:
            selected = follow(_decoded(one), parts)
        except CannotAnswer as error:
            problem = error
            continue
        data = msgspec.json.encode(selected.value)
        part = replace(one, name=selected.path, type=_kind(selected.value), size=len(data), data=data, digest=None)
        found.append((part, selected.path, shape_of(selected.value)))
    return found, problem


def _decoded(one: StoredValue) -> Any:
    try:
        return msgspec.json.decode(one.data or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = f"Value {quoted(one.name)} is {one.status}: there is no recorded content to look into."
        raise CannotAnswer(message) from None


def _kind(value: Any) -> str:
    return type(value).__name__ if value is not None else "null"

r"""Patterns that choose steps by path and values by name: one small language, wherever it is written.

A pattern is written as the path it is about (``[3]/per_page[2]/summarize``), segment by segment:

======================  ================================================================================================
``llm_call``            without a slash: the node of that name, wherever it is
``/llm_call``           with one: from the run down; here directly in the run, or in an item of the run's map
``outer/*``             ``*`` stands for any text within a segment, ``?`` for any character of one
``outer/**/embed``      ``**`` stands for any number of segments, none included
``outer/**``            ``outer`` itself, and all that is within it
``[3]/*``               an index chooses that item; ``[*]`` any item. A segment without one is about every item
``summarize@2``         the second execution of ``summarize`` in its parent; without ``@`` every execution
``.``                   the run itself: its own inputs and outputs
======================  ================================================================================================

A name that holds one of ``/ [ ] @ # %`` is written as paths show it (``a%2Fb``).
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

__all__ = ["names_one_of", "path_error", "reaches"]

_SEGMENT: Final = re.compile(r"(?P<name>[^/\[\]@]*)(?:@(?P<execution>\d+|\*))?(?:\[(?P<item>\d+|\*)\])?")
_ANY_ITEM: Final = r"(?:\[\d+\]/)?"
_WITHIN: Final = r"[^/\[\]@]"


def reaches(patterns: tuple[str, ...], path: str) -> bool:
    """Whether one of the patterns chooses the step at ``path`` (the run itself, where that is empty)."""
    return _paths(patterns).fullmatch(path) is not None


def names_one_of(patterns: tuple[str, ...], name: str) -> bool:
    """Whether one of the patterns, with ``*`` and ``?``, is the whole of a value's name."""
    return _names(patterns).fullmatch(name) is not None


def path_error(pattern: str) -> str:
    """What is wrong with a pattern of paths; empty where nothing is."""
    segments = pattern.removeprefix("/").split("/")
    if pattern != "." and not all(segment == "**" or (segment and _parsed(segment)) for segment in segments):
        return "it is no path of node names, such as 'llm_call', 'outer/*', '[3]/*' or 'outer/**/embed'"
    if pattern.endswith("]"):
        return f"it ends at an item, which has no values of its own; {pattern + '/**'!r} is what happened in it"
    return ""


@lru_cache(maxsize=256)
def _paths(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(_path_expression, patterns)), re.DOTALL)


@lru_cache(maxsize=256)
def _names(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_glob(pattern, ".") for pattern in patterns), re.DOTALL)


def _path_expression(pattern: str) -> str:
    if pattern == ".":
        return ""
    if "/" not in pattern and pattern != "**":
        return f"(?:.*/)?{_segment(pattern)}"
    return "".join(_anchored(pattern.removeprefix("/").split("/")))


def _anchored(segments: list[str]) -> Iterator[str]:
    """The segments from the run down; the item of the run's map may be left unsaid."""
    if not segments[0].startswith(("[", "**")):
        yield _ANY_ITEM
    last = len(segments) - 1
    for position, segment in enumerate(segments):
        if segment != "**":
            yield f"{'/' if position and segments[position - 1] != '**' else ''}{_segment(segment)}"
        elif position < last:
            yield f"{'/' if position and segments[position - 1] != '**' else ''}(?:[^/]+/)*"
        else:
            yield "(?:/.+)?" if position else ".*"


def _segment(segment: str) -> str:
    found = _parsed(segment)
    assert found is not None  # path_error refused it
    item, execution = found["item"], found["execution"]
    return "".join(
        (
            _glob(found["name"], _WITHIN),
            r"(?:@\d+)?" if execution is None else "@" + _number(execution),
            r"(?:\[\d+\])?" if item is None else rf"\[{_number(item)}\]",
        )
    )


def _parsed(segment: str) -> re.Match[str] | None:
    return _SEGMENT.fullmatch(segment)


def _number(text: str) -> str:
    return r"\d+" if text == "*" else text


def _glob(pattern: str, character: str) -> str:
    wild = {"*": f"{character}*", "?": character}
    return "".join(wild.get(letter) or re.escape(letter) for letter in pattern)

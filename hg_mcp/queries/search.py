"""Where a text is: in the errors, log records and names of all runs, or of one run in its values too.

Words are found wherever they begin, also inside ``camelCase`` and ``snake_case``; those between quotes stand in a row.
Nothing that a caller writes is query syntax, so nothing can be wrong with it but being empty.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hg_mcp.errors import BadArgumentError
from hg_mcp.queries.filters import Emptied, RunQuestion, emptying, run_filter
from hg_mcp.queries.runs import find_run
from hg_mcp.queries.words import cursor_of, read_cursor
from hg_mcp.text import quoted
from recorder.store.protocols import RunReader
from recorder.store.records import Run, StepFilter, StepValue
from recorder.store.retention import ExpiredRuns
from recorder.store.text import TextHit, contains, pattern_of, phrase_words

__all__ = ["Found", "SearchPage", "search_page"]

_LONGEST: Final = 300
_PHRASE: Final = re.compile(r'"([^"]*)"|(\S+)')
_PLACE_BITS: Final = 22
_TEXTS: Final = 20_000
_VALUES_A_PAGE: Final = 400
_VALUE_BYTES: Final = 16 << 20
_VALUE_S: Final = 1.5
_BESIDE: Final = 100
"""Characters of a text that are shown before and after what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A text that holds what was asked for. ``value`` is its name where it is one, as ``get_step_values`` takes it."""

    hit: TextHit
    excerpt: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """Texts, newest run first; ``after`` is the place to go on from, None at the end.

    Where nothing was found, ``runs`` counts those that the filters keep, ``emptied_by`` tells which filters keep none,
    and ``expired`` the runs that are gone and that the filters may have kept.
    ``runs_unsearched``, ``texts_unsearched`` and ``values_unsearched`` are what a bound or the index left out.
    """

    text: str
    found: Sequence[Found]
    run: Run | None = None
    after: int | None = None
    runs: int = 0
    emptied_by: Emptied | None = None
    expired: ExpiredRuns | None = None
    runs_unsearched: int = 0
    texts_unsearched: int = 0
    values_unsearched: bool = False
    index: bool = True

    def cursor_after(self, shown: int) -> str:
        """The cursor of what follows the first ``shown`` texts."""
        place = self.found[shown - 1].hit.place if shown < len(self.found) else self.after
        return cursor_of((place or 0) >> _PLACE_BITS, (place or 0) & ((1 << _PLACE_BITS) - 1))


async def search_page(
    reader: RunReader, text: str, *, run: str, asked: RunQuestion, limit: int, cursor: str
) -> SearchPage:
    """Texts that hold every word and phrase of ``text``, in one run or in all that the filters keep.

    Raises:
        CannotAnswer: The text says too little or too much, a filter is not of its form, or there is no such run.
    """
    phrases = _phrases(text)
    place = read_cursor(cursor, 2)
    before = (place[0] << _PLACE_BITS) + place[1] if place else None
    if run.strip():
        if asked != RunQuestion():
            raise BadArgumentError("run", "run searches one run: leave out the filters of runs, or leave out run.")
        return await _in_run(reader, await find_run(reader, run), text, phrases, limit=limit, before=before)
    which = await run_filter(reader, asked)
    hits = await reader.search(phrases, which, limit=limit, before=before)
    nothing = not hits.hits and before is None
    return SearchPage(
        text=text,
        found=[Found(hit=hit, excerpt=_excerpt(hit.text, phrases)) for hit in hits.hits],
        after=hits.after,
        runs=await reader.count_runs(which) if nothing else 0,
        emptied_by=await emptying(reader, which) if nothing else None,
        expired=await reader.expired_among(which) if nothing else None,
        runs_unsearched=hits.runs_unsearched,
        texts_unsearched=hits.texts_unsearched,
        index=hits.index,
    )


def _phrases(text: str) -> list[str]:
    """The words and phrases asked for, in the form that is searched."""
    if len(text) > _LONGEST:
        raise BadArgumentError("text", f"text may have {_LONGEST} characters; give the words that matter.")
    given = [phrase_words(quoted_words or word) for quoted_words, word in _PHRASE.findall(text)]
    phrases = list(dict.fromkeys(phrase for phrase in given if phrase))
    if not any(len(phrase.strip()) > 1 or not phrase.isascii() for phrase in phrases):
        example = "such as 'timeout', 'llm_call', '\"504 gateway\"' or 'env prod'"
        raise BadArgumentError("text", f"text {quoted(text)} says too little: give a word of two letters, {example}.")
    return phrases


async def _in_run(
    reader: RunReader, run: Run, text: str, phrases: Sequence[str], *, limit: int, before: int | None
) -> SearchPage:
    """One run, from its rows. Places count down from the first text found."""
    texts = await reader.run_texts(run.key, limit=_TEXTS + 1)
    found = [Found(hit=hit, excerpt=_excerpt(hit.text, phrases)) for hit in texts if contains(phrases, hit.text)]
    values, whole = await _in_values(reader, run, phrases)
    every = [*found, *values]
    placed = [
        Found(hit=replace(one.hit, place=len(every) - at), excerpt=one.excerpt, value=one.value)
        for at, one in enumerate(every)
    ]
    following = [one for one in placed if before is None or one.hit.place < before]
    return SearchPage(
        text=text,
        run=run,
        found=following[:limit],
        after=following[limit - 1].hit.place if len(following) > limit else None,
        runs=1,
        texts_unsearched=max(len(texts) - _TEXTS, 0),
        values_unsearched=not whole,
    )


async def _in_values(reader: RunReader, run: Run, phrases: Sequence[str]) -> tuple[list[Found], bool]:
    """Values that hold the phrases, each content once with how often, and whether all were looked at."""
    import asyncio  # lazy: `hg-mcp --help` needs none

    found: dict[str, Found] = {}
    left, stop, after = _VALUE_BYTES, time.monotonic() + _VALUE_S, 0
    own = [
        StepValue(step=0, path="", node="", item=None, step_status=run.status, value=value)
        for value in await reader.values(run.key, 0, with_data=True)
    ]
    await asyncio.to_thread(_look_into, own, run, phrases, found)
    while True:
        page = await reader.values_across(run.key, StepFilter(), with_data=True, limit=_VALUES_A_PAGE, after=after)
        full = len(page) == _VALUES_A_PAGE
        if full and page[0].step != page[-1].step:  # the last step's may be cut off
            page = [value for value in page if value.step != page[-1].step]
        await asyncio.to_thread(_look_into, page, run, phrases, found)
        left -= sum(len(value.value.data or b"") for value in page)
        if not full:
            return list(found.values()), True
        if left < 0 or time.monotonic() > stop:
            return list(found.values()), False
        after = page[-1].step


def _look_into(values: Sequence[StepValue], run: Run, phrases: Sequence[str], found: dict[str, Found]) -> None:
    """Add what is found to ``found``, by digest. By pattern: values are too long to be taken into words."""
    patterns = [pattern_of(phrase) for phrase in phrases]
    for one in values:
        digest = one.value.digest or f"{one.path} {one.value.direction} {one.value.name}"
        if digest in found:
            known = found[digest]
            found[digest] = replace(known, hit=replace(known.hit, count=known.hit.count + 1))
            continue
        text = (one.value.data or b"").decode("utf-8", "replace")
        if text and all(pattern.search(text) for pattern in patterns):
            hit = TextHit(
                place=0,
                run=run.key,
                run_id=run.run_id,
                graph=run.graph,
                status=run.status,
                started_at=run.started_at,
                kind=one.value.direction,
                step=one.step,
                path=one.path,
                count=1,
                text="",
            )
            found[digest] = Found(hit=hit, excerpt=_excerpt(text, phrases), value=one.value.name)


def _excerpt(text: str, phrases: Sequence[str]) -> str:
    """The surroundings of the first phrase that the text says as it was asked for; else its beginning."""
    match = next(filter(None, (pattern_of(phrase).search(text) for phrase in phrases)), None)
    start = max(match.start() - _BESIDE, 0) if match else 0
    stop = (match.end() if match else 0) + _BESIDE
    return "…" * (start > 0) + text[start:stop] + "…" * (stop < len(text))

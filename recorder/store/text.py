"""How text is searched, the same for every back-end: as words, so that what an index finds a scan finds too.

A text is reduced to its words, casefolded: letters and digits, ``camelCase`` parted, characters of scripts without
blanks one by one. A phrase is found where its words stand in a row, the last one perhaps longer. The form is such that
"stand in a row" is plain containment of strings.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["KINDS", "TextHit", "TextHits", "contains", "pattern_of", "phrase_words", "words"]

KINDS: Final = ("log", "error", "names")
"""What a text is: a log record, an error, or the names of a run: ids, graph, nodes, version and metadata."""

_WORD: Final = re.compile(r"[^\W_]+")
_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^A-Za-z]+")
_UNSPACED: Final = re.compile(r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextHit:
    """A text that holds the phrases. ``place`` orders hits: the later the run started, the larger.

    ``step`` is 0 and ``path`` empty for the run itself; ``count`` says how often the text is in the run.
    """

    place: int
    run: int
    run_id: str
    graph: str
    status: str
    started_at: int
    kind: str
    step: int
    path: str
    count: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextHits:
    """Hits, newest run first; ``after`` is the place to go on from, None at the end.

    ``runs_unsearched`` were recorded and neither indexed nor scanned yet; ``texts_unsearched`` are beyond what is
    indexed of a run. Without an ``index`` (a SQLite without FTS5) every text was scanned.
    """

    hits: Sequence[TextHit]
    after: int | None = None
    runs_unsearched: int = 0
    texts_unsearched: int = 0
    index: bool = True


def words(text: str) -> str:
    """The words of a text, a blank before each; words of several parts once more as a whole, at the end."""
    parted: list[str] = []
    whole: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text)):
        parts = list(_parts(word))
        parted += parts
        if len(parts) > 1 and not _UNSPACED.search(word):
            whole.append(word.casefold())
    return "".join(f" {word}" for word in (*parted, *whole))


def contains(phrases: Sequence[str], text: str) -> bool:
    """Whether each phrase (in the form of ``phrase_words``) stands in the text."""
    form = words(text)
    return all(phrase in form for phrase in phrases)


def phrase_words(text: str) -> str:
    """The words of a phrase, a blank before each; empty where it has none."""
    return "".join(f" {part}" for word in _WORD.findall(unicodedata.normalize("NFKC", text)) for part in _parts(word))


def pattern_of(phrase: str) -> re.Pattern[str]:
    """Finds the phrase in the text itself."""
    return re.compile(r"[\W_]*".join(map(re.escape, phrase.split())), re.IGNORECASE)


def _parts(word: str) -> Iterator[str]:
    if _UNSPACED.search(word):
        for piece in re.split(f"({_UNSPACED.pattern})", word):
            if piece:
                yield piece.casefold()
    elif word.islower() or word.isupper() or not word.isascii():
        yield word.casefold()
    else:
        yield from (part.casefold() for part in _PARTS.findall(word))

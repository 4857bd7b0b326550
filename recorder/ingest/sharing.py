"""What leaves the house: the frames of an export, redacted again, or without values.

A recorder redacts before it writes. Whoever shares a run may know of more that is secret than the recorder did, so
every text of every frame meets the rules again; names of secrets apply to values, fields of log records and metadata.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar, cast

import msgspec

from recorder.journal.frames import (
    VALUE_STATUSES,
    Frame,
    GraphFrame,
    LogFrame,
    RunFrame,
    ValueEntry,
    ValuesFrame,
    content_digest,
    graph_frame,
)
from recorder.redaction import Redaction
from recorder.store.origin import Origin

__all__ = ["redacted", "without_values"]

_F = TypeVar("_F", bound=msgspec.Struct)
_NOT_CAPTURED: Final = VALUE_STATUSES.index("not_captured")
_REDACTED: Final = VALUE_STATUSES.index("redacted")
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def without_values(frames: Iterable[Frame | Origin]) -> Iterator[Frame | Origin]:
    """The frames with the names, types and sizes of values only."""
    for frame in frames:
        yield _emptied(frame) if isinstance(frame, ValuesFrame) else frame


def redacted(frames: Iterable[Frame | Origin], redaction: Redaction) -> Iterator[Frame | Origin]:
    """The frames without what the rules find in them. The structure of a graph comes before its run."""
    digests: dict[str, str] = {}
    for frame in frames:
        if isinstance(frame, ValuesFrame):
            entries = tuple(_redacted_value(entry, redaction) for entry in frame.entries)
            yield ValuesFrame(frame.run, frame.step, frame.direction, entries)
        elif isinstance(frame, GraphFrame):
            clean = _redacted(frame, redaction)
            clean = graph_frame(clean.name, clean.nodes, clean.edges, observed=clean.observed)
            digests[frame.digest] = clean.digest
            yield clean
        elif isinstance(frame, LogFrame) and frame.fields:
            fields = _cleaned(msgspec.json.decode(frame.fields), redaction)
            yield msgspec.structs.replace(_redacted(frame, redaction), fields=_encode(fields).decode())
        elif isinstance(frame, RunFrame) and frame.graph_digest is not None:
            digest = digests.get(frame.graph_digest, frame.graph_digest)
            yield msgspec.structs.replace(_redacted(frame, redaction), graph_digest=digest)
        else:
            yield frame if isinstance(frame, Origin) else _redacted(frame, redaction)


def _emptied(frame: ValuesFrame) -> ValuesFrame:
    note = "left out of the export"
    entries = [
        ValueEntry(one.name, _NOT_CAPTURED, one.type, one.size, note=note) if one.digest is not None else one
        for one in frame.entries
    ]
    return ValuesFrame(frame.run, frame.step, frame.direction, tuple(entries))


def _redacted(frame: _F, redaction: Redaction) -> _F:
    """The frame with every text in it cleaned; by its fields, so that new ones are not forgotten."""
    plain = msgspec.to_builtins(frame, builtin_types=(bytes,))
    return msgspec.convert(_cleaned(plain, redaction), type(frame))


def _redacted_value(entry: ValueEntry, redaction: Redaction) -> ValueEntry:
    name = redaction.name(entry.name)
    rule = redaction.key(entry.name)
    if rule and entry.digest is not None:
        return ValueEntry(name, _REDACTED, entry.type, note=f"its name matches the secret key {rule!r}")
    note = None if entry.note is None else redaction.text(entry.note)
    if entry.data is None:  # nobody can tell what its digest is of
        return ValueEntry(name, entry.status, entry.type, entry.size, note=note)
    found: set[str] = set()
    content = msgspec.json.decode(entry.data)
    clean = _cleaned(content, redaction, found)
    if clean == content:
        return ValueEntry(name, entry.status, entry.type, entry.size, entry.digest, entry.data, note)
    data = _encode(clean)
    said = f"redacted inside: {', '.join(sorted(found))}"
    digest = content_digest(data)
    return ValueEntry(name, entry.status, entry.type, entry.size, digest, data, f"{note}; {said}" if note else said)


def _cleaned(value: Any, redaction: Redaction, found: set[str] | None = None) -> Any:
    """The same tree with other texts."""
    rules: set[str] = set() if found is None else found
    if isinstance(value, str):
        return redaction.text(value, rules)
    if isinstance(value, list | tuple):
        return [_cleaned(item, redaction, rules) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return {redaction.text(name, rules): _member(name, item, redaction, rules) for name, item in members}
    return value


def _member(name: str, value: Any, redaction: Redaction, rules: set[str]) -> Any:
    rule = redaction.key(name)
    if rule is None or not value or isinstance(value, bool | int | float):
        return _cleaned(value, redaction, rules)
    rules.add(rule)
    return f"[redacted:{rule}]"

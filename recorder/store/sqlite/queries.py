"""Loads the named statements of ``queries.sql``, the one place where this back-end says SQL."""

import re
from importlib.resources import files
from typing import Final

__all__ = ["MIGRATIONS", "QUERIES", "conjunction"]

_HERE: Final = files("recorder.store.sqlite")
_OPENING: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_COMMENT: Final = re.compile(r"^--.*$", re.MULTILINE)


def _named(text: str) -> dict[str, str]:
    """The statements of a text, without comments and the last semicolon."""
    _, *parts = _OPENING.split(text)
    bodies = (_COMMENT.sub("", body).strip().rstrip(";") for body in parts[1::2])
    return dict(zip(parts[::2], bodies, strict=True))


QUERIES: Final = _named((_HERE / "queries.sql").read_text(encoding="utf-8"))
"""Every statement, and every condition that ``conjunction`` joins, by name."""

MIGRATIONS: Final[list[str]] = [
    path.read_text(encoding="utf-8")
    for path in sorted((_HERE / "migrations").iterdir(), key=lambda path: path.name)
    if path.name.endswith(".sql")
]
"""The script of each version, oldest first."""


def conjunction(query: str, conditions: list[str]) -> str:
    """The named query with all the named conditions."""
    return QUERIES[query].replace("{where}", "\n AND ".join(QUERIES[name] for name in conditions or ["where_any"]))

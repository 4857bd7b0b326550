"""What is different about a run and the one it is held against: one row, in every reply that tells it."""

from typing import Self

from pydantic import Field

from hg_mcp.queries.reference import Difference
from hg_mcp.replies.base import Row
from hg_mcp.text import one_line

__all__ = ["DifferenceRow"]


class DifferenceRow(Row):
    """A fact that is not as it was in the run that this one is held against."""

    what: str = Field(
        description="code (source hashes), node, commit, uncommitted changes, input, items, package, version, python, "
        "host, metadata"
    )
    name: str | None = Field(default=None, description="recorded: of the node, package or tag; path of an input")
    before: str | None = Field(default=None, description="recorded: in the other run; absent: it was not there")
    now: str | None = Field(default=None, description="recorded: in this run; absent: it is not there")

    @classmethod
    def of(cls, found: Difference) -> Self:
        """A difference as a row."""
        return cls(
            what=found.kind,
            name=one_line(found.name, 120) or None,
            before=one_line(found.before, 160) or None,
            now=one_line(found.after, 160) or None,
        )

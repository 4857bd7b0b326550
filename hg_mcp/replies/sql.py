"""The reply of ``query_sql``: rows as arrays under their columns, or what could be queried."""

import math
from collections.abc import Sequence
from typing import Any, Final, Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import QUERY_SQL
from hg_mcp.queries.sql import SqlPage
from hg_mcp.replies.base import NextCall, Reply, Row, call, handles, next_part, suggestion
from hg_mcp.replies.budget import Call, Part
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, printable

__all__ = ["ColumnRow", "SqlRows", "ViewRow"]

_CUT: Final = {
    "rows": "There are more rows: raise limit, or go on with offset.",
    "bytes": "Cut at 1 MB of rows: select fewer columns, or go on with offset.",
    "time": "Cut after 5 s, so sums and orders may lack rows: filter by run or run_id, and ask again.",
}


class ViewRow(Row):
    """A view that can be queried."""

    view: str
    about: str | None = None


class ColumnRow(Row):
    """A column of a view."""

    column: str
    type: str
    about: str | None = None


class SqlRows(Reply):
    """Rows of a query, or what could be queried."""

    columns: list[str] | None = Field(default=None, description="recorded names may be among them")
    rows: list[list[Any]] | None = Field(
        default=None, description='recorded: cells in the order of columns; {"bytes": n} stands for a blob'
    )
    cut: str | None = Field(default=None, description="what ended the rows early: rows, bytes or time")
    views: list[ViewRow] | None = None
    view: str | None = None
    view_columns: list[ColumnRow] | None = None
    _page: SqlPage = PrivateAttr()

    @classmethod
    def of(cls, page: SqlPage) -> Self:
        """The reply for a page of rows, for a view, or for the list of views."""
        reply = cls(summary=_summary(page), next=_next(page), **_content(page))
        reply._page = page
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """What the columns are called, the rows, the calls."""
        answer, offset = self._page.answer, self._page.offset
        more = 1 if answer is not None and answer.cut in {"rows", "bytes"} else 0

        def onward(kept: int) -> Call:
            return call(QUERY_SQL, **asked["arguments"] | {"offset": offset + kept})

        def whole(_: int) -> Call:
            return asked

        return (
            Part(field="columns", rest=whole, wider=True),
            Part(field="rows", rest=onward, head=3, beyond=more, what="rows (or more)" if more else ""),
            Part(field="views", handles=handles(ViewRow) - {"about"}, rest=whole, wider=True),
            Part(field="view_columns", handles=handles(ColumnRow) - {"about"}, rest=whole, wider=True),
            next_part(asked),
        )


def _content(page: SqlPage) -> dict[str, Any]:
    if page.answer is not None:
        return {
            "columns": [one_line(column, 60) for column in page.answer.columns],
            "rows": [[_cell(cell) for cell in row] for row in page.answer.rows],
            "cut": page.answer.cut or None,
        }
    if page.view is not None:
        columns = [ColumnRow(column=one.name, type=one.type, about=one.about) for one in page.view.columns]
        return {"view": page.view.name, "view_columns": columns}
    return {"views": [ViewRow(view=view.name, about=view.about) for view in page.views]}


def _cell(cell: Any) -> Any:
    """A cell as JSON has it. SQL has no NaN (it is NULL), but infinities."""
    if isinstance(cell, bytes):
        return {"bytes": len(cell)}
    if isinstance(cell, float) and math.isinf(cell):
        return "Infinity" if cell > 0 else "-Infinity"
    return printable(cell) if isinstance(cell, str) else cell


def _summary(page: SqlPage) -> str:
    if page.view is not None:
        return f"{page.view.name}: {page.view.about} Its columns follow, and a query that uses it."
    if page.answer is None:
        return (
            "One SELECT over these views (SQLite; percentile(x, p) and median(x) are added); at most 5 s and 1 MB. "
            f"{QUERY_SQL} with view names the columns of one."
        )
    rows = counted(len(page.answer.rows), "row")
    after = f" after the first {page.offset:,}" if page.offset else ""
    cut = _CUT.get(page.answer.cut, "")
    return f"{rows}{after}. {cut}".strip() if page.answer.rows or cut else f"No rows{after}: the query keeps none."


def _next(page: SqlPage) -> list[NextCall]:
    if page.view is not None:
        return [suggestion(QUERY_SQL, "an example", sql=page.view.example)]
    if page.answer is None:
        return [
            suggestion(QUERY_SQL, "the columns of a view", view=page.views[0].name),
            suggestion(QUERY_SQL, "an example", sql=page.views[0].example),
        ]
    return []

"""What somebody's own SELECT finds, and what there is to ask: views, then the columns of one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hg_mcp.errors import BadArgumentError, RefusedSqlError, UnknownWordError
from recorder.store.protocols import RunReader
from recorder.store.sql import SqlAnswer, SqlRefusedError
from recorder.store.views import VIEWS, View

__all__ = ["SqlPage", "sql_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlPage:
    """Rows of a query from ``offset`` on; or without one what could be queried: one ``view``, or all ``views``."""

    answer: SqlAnswer | None = None
    offset: int = 0
    view: View | None = None
    views: Sequence[View] = ()


async def sql_page(reader: RunReader, sql: str, *, view: str, limit: int, offset: int) -> SqlPage:
    """Rows of a SELECT, or what it could be made of.

    Raises:
        BadArgumentError: There is no such view, or both a query and a view are given.
        RefusedSqlError: The query is not allowed, or fails.
    """
    if sql.strip() and view:
        raise BadArgumentError("view", "view describes a view: leave it out to run sql, or leave sql out.")
    if sql.strip():
        try:
            return SqlPage(answer=await reader.sql(sql, limit=limit, offset=offset), offset=offset)
        except SqlRefusedError as refused:
            raise RefusedSqlError(
                refused.reason, kind=refused.kind, name=refused.name, valid=refused.valid, view=_first_view(sql)
            ) from None
    if not view:
        return SqlPage(views=tuple(VIEWS.values()))
    if view not in VIEWS:
        raise UnknownWordError("view", view, list(VIEWS))
    return SqlPage(view=VIEWS[view])


def _first_view(sql: str) -> str:
    """The view that a query names first; empty where it names none."""
    return next((word for word in re.findall(r"\w+", sql.lower()) if word in VIEWS), "")

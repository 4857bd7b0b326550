"""A reply shown to a person, from its shape alone: summary, facts, a table for each list, next calls as commands.

No recorded character that a terminal would act on gets through, and nothing is cut: long cells fold, and rows that
are too wide or too long for a table are written one member a line.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hg_mcp.text import printable
from hg_mcp.tools import TOOLS

__all__ = ["as_command", "render"]

Doc = Mapping[str, Any]
_APART: Final = ("summary", "next", "omitted")
_NARROWEST_TEXT: Final = 14


def render(reply: bytes, console: Console | None = None) -> None:
    """Print a reply."""
    console = console or Console(highlight=False)
    doc = dict(_opened(msgspec.json.decode(reply)))
    console.print(Text(printable(doc["summary"]), style="bold"))
    facts = {key: value for key, value in doc.items() if key not in _APART and not _is_rows(value)}
    if facts:
        console.print(_facts(facts))
    for key, value in doc.items():
        if key not in _APART and _is_rows(value):
            console.print()
            console.print(_rows(key, value, console.width))
    for line in (*_omissions(doc.get("omitted", [])), *_nexts(doc.get("next", []))):
        console.print(line)


def as_command(call: Doc) -> str:
    """A call as a shell command."""
    arguments = dict(cast("Doc", call["arguments"]))
    words = ["hg-mcp", str(call["tool"]).replace("_", "-")]
    tool = TOOLS.get(call["tool"])
    if tool is not None and tool.first_word in arguments:
        words.append(str(arguments.pop(tool.first_word)))
    for name, value in arguments.items():
        words.append(f"--{name.replace('_', '-')}={value}")
    return printable(shlex.join(words))


def _opened(doc: Doc) -> Iterator[tuple[str, Any]]:
    """The members of a reply; an object that holds rows, such as an error with its frames, member by member."""
    for key, value in _named(doc).items():
        members = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        if any(map(_is_rows, members.values())):
            yield from ((f"{key} {name}", member) for name, member in members.items())
        else:
            yield key, value


def _named(doc: Doc) -> Doc:
    """The reply with rows that are arrays as objects, by the names of their columns."""
    names, rows = doc.get("columns"), doc.get("rows")
    if not names or not rows:
        return doc
    unique = [name if name not in names[:at] else f"{name} ({at + 1})" for at, name in enumerate(names)]
    others = {key: value for key, value in doc.items() if key != "columns"}
    return others | {"rows": [dict(zip(unique, row, strict=False)) for row in rows]}  # the last may be cut short


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) for row in cast("list[Any]", value)) and value != []


def _facts(facts: Doc) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in facts.items():
        table.add_row(key, Text(_plain(value)))
    return table


def _rows(title: str, rows: Sequence[Doc], width: int) -> RenderableType:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    needed = sum(_narrowest(key, rows) + 3 for key in columns)
    longest = max(len(_plain(cell)) for row in rows for cell in row.values())
    return _table(title, columns, rows) if needed <= width and longest <= 2 * width else _blocks(title, rows)


def _narrowest(key: str, rows: Sequence[Doc]) -> int:
    """The width below which a column would be cut or unreadable."""
    cells = [_plain(row[key]) for row in rows if key in row]
    longest = max((len(line) for cell in cells for line in cell.split("\n")), default=0)
    return max(len(key), longest if _is_numeric(key, rows) else min(longest, _NARROWEST_TEXT))


def _is_numeric(key: str, rows: Sequence[Doc]) -> bool:
    return all(isinstance(row[key], int | float) for row in rows if key in row)


def _table(title: str, columns: Sequence[str], rows: Sequence[Doc]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for key in columns:
        numeric = _is_numeric(key, rows)
        table.add_column(
            key,
            justify="right" if numeric else "left",
            no_wrap=numeric,
            overflow="fold",
            min_width=_narrowest(key, rows),
        )
    for row in rows:
        table.add_row(*(Text(_plain(row[key]) if key in row else "") for key in columns))
    return table


def _blocks(title: str, rows: Sequence[Doc]) -> Group:
    blocks = [Padding(_facts(row), (0, 0, 1, 2)) for row in rows]
    return Group(Text(title, style="bold"), *blocks)


def _plain(value: Any) -> str:
    """A cell: text as it is, numbers bare, a flat object by its members, anything else in JSON."""
    if isinstance(value, str):
        return printable(value.replace("\t", "    "))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list) and value and all(isinstance(one, str) for one in cast("list[Any]", value)):
        return "\n".join(map(printable, cast("list[str]", value)))
    if isinstance(value, dict) and not any(isinstance(one, dict | list) for one in cast("Doc", value).values()):
        return ", ".join(f"{name} {_plain(one)}" for name, one in cast("Doc", value).items())
    return printable(msgspec.json.encode(value).decode())


def _omissions(omitted: Sequence[Doc]) -> Iterator[Text]:
    for entry in omitted:
        yield Text(f"\nLeft out: {entry['how_many']:,} {entry['what']}. To see them:", style="dim")
        yield Text(f"  {as_command(entry['call'])}", overflow="fold")


def _nexts(calls: Sequence[Doc]) -> Iterator[Text]:
    if calls:
        yield Text("\nNext:", style="dim")
    for call in calls:
        yield Text(f"  {as_command(call)}\n    {printable(str(call['reason']))}", overflow="fold")

"""The input that an error speaks of."""

import json
from typing import Any

import pytest

from hg_mcp.queries.suspects import suspect
from recorder.journal.frames import ErrorRecord
from recorder.store.records import StoredValue


def stored(name: str, content: Any) -> StoredValue:
    data = json.dumps(content).encode()
    return kept(name, "captured", data)


def kept(name: str, status: str, data: bytes | None) -> StoredValue:
    return StoredValue(
        direction="input", name=name, status=status, type="", size=None, digest=None, note=None, data=data
    )


@pytest.mark.parametrize(
    ("error", "message", "expected"),
    [
        ("TypeError", "unsupported operand type(s) for +: 'int' and 'NoneType'", "order.lines[1].net"),
        ("KeyError", "'sku-9'", "order.lines[0].sku"),
        ("LookupError", 'no price of "sku-9" today', "order.lines[0].sku"),
        ("ValueError", "seat 4711 is taken", "seat"),
        ("ZeroDivisionError", "division by zero", "done"),
        ("ValueError", "max() arg is an empty sequence", "tags"),
        ("IndexError", "list index out of range", "tags"),
        ("TimeoutError", "504 Gateway Timeout", ""),
        ("ValueError", "seat 47112 is taken, and 14711, and 4711.5", ""),
    ],
)
def test_what_the_error_quotes_or_says_to_be_none_or_empty_is_the_suspect(error: str, message: str, expected: str):
    lines = [{"sku": "sku-9", "net": 3.5}, {"sku": "sku-8", "net": None}]
    inputs = [
        stored("verbose", False),
        stored("seat", 4711),
        stored("order", {"lines": lines}),
        stored("done", 0),
        stored("tags", []),
    ]
    assert suspect(inputs, ErrorRecord(error, message)) == expected


def test_a_value_without_content_or_cut_in_the_middle_is_no_suspect():
    cut, absent = kept("text", "truncated", b'"None of it'), kept("key", "redacted", None)
    assert suspect([cut, absent], ErrorRecord("TypeError", "'NoneType' object is not callable")) == ""

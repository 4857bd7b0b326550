"""What a stored value holds, read in one place: recorders write JSON, of a value that was cut as well.

What is no JSON (the file is damaged, or another program wrote it) is its text, so that no question fails for it.
"""

from typing import Any

import msgspec

from hg_mcp.errors import CannotAnswer
from hg_mcp.text import quoted
from recorder.store.records import StoredValue

__all__ = ["content_of", "decoded", "no_content"]


def content_of(one: StoredValue) -> Any:
    """The content of a value.

    Raises:
        CannotAnswer: There is none.
    """
    if one.data is None:
        raise no_content(one)
    return decoded(one.data)


def no_content(one: StoredValue) -> CannotAnswer:
    """The error for a value of which nothing is kept: its status, and why."""
    why = f" ({quoted(one.note, 200)})" if one.note else ""
    held = "captured, and its content is not in the store" if one.status == "captured" else one.status
    return CannotAnswer(f"Value {quoted(one.name)} is {held}{why}: there is nothing to look into.")


def decoded(data: bytes) -> Any:
    """What the bytes of a content say."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return data.decode("utf-8", "replace")

"""What an agent sees of ordinary values: recorded for real, stored, and asked for through the tool."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from inline_snapshot import snapshot
from PIL import Image
from pydantic import BaseModel

from recorder import Recorder
from tests.hg_mcp.conftest import ask_store


async def seen(directory: Path, value: Any) -> dict[str, Any]:
    """The one row of the reply to ``get_step_values``, of a step whose output is ``value``."""
    with Recorder(directory, values=True) as recorder, recorder.run("pipeline") as run:
        run.set_output(value=value)
    reply = await ask_store(directory, "get_step_values", run="latest", value="value")
    (row,) = reply["values"]
    return {name: content for name, content in row.items() if name not in {"name", "direction"}}


class ToolCall(BaseModel):
    id: str
    arguments: str


class Message(BaseModel):
    role: str
    content: str | None = None
    tool_calls: list[ToolCall] | None = None


# The classes of an SDK are recognized by their module; `make sdks` looks at the SDKs themselves.
for model in (Message, ToolCall):
    model.__module__ = "openai.types.chat"


async def test_a_pandas_frame(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": range(2000), "title": ["a", None] * 1000, "score": [0.5, float("nan")] * 1000})
    assert await seen(tmp_path, frame) == snapshot(
        {
            "status": "truncated",
            "type": "pandas.DataFrame",
            "note": "cut at the limit of 5 rows",
            "value": {
                "$type": "pandas.DataFrame",
                "shape": [2000, 3],
                "columns": {"id": "int64", "title": "str", "score": "float64"},
                "nulls": {"title": 1000, "score": 1000},
                "head": [
                    {"id": 0, "title": "a", "score": 0.5},
                    {"id": 1, "title": None, "score": None},
                    {"id": 2, "title": "a", "score": 0.5},
                    {"id": 3, "title": None, "score": None},
                    {"id": 4, "title": "a", "score": 0.5},
                ],
            },
        }
    )


async def test_a_polars_frame(tmp_path: Path) -> None:
    assert await seen(tmp_path, pl.DataFrame({"id": [1, 2], "tags": [["a"], None]})) == snapshot(
        {
            "status": "captured",
            "type": "polars.dataframe.frame.DataFrame",
            "size": 176,
            "value": {
                "$type": "polars.dataframe.frame.DataFrame",
                "shape": [2, 2],
                "columns": {"id": "Int64", "tags": "List(String)"},
                "nulls": {"tags": 1},
                "head": [{"id": 1, "tags": ["a"]}, {"id": 2, "tags": None}],
            },
        }
    )


async def test_an_arrow_table(tmp_path: Path) -> None:
    assert await seen(tmp_path, pa.table({"id": [1, 2], "when": pa.array([0, None], pa.timestamp("s"))})) == snapshot(
        {
            "status": "captured",
            "type": "pyarrow.lib.Table",
            "size": 215,
            "value": {
                "$type": "pyarrow.lib.Table",
                "shape": [2, 2],
                "columns": {"id": "int64", "when": "timestamp[s]"},
                "nulls": {"when": 1},
                "head": [
                    {"id": 1, "when": {"$type": "datetime.datetime", "value": "1970-01-01T00:00:00"}},
                    {"id": 2, "when": None},
                ],
            },
        }
    )


async def test_embeddings(tmp_path: Path) -> None:
    assert await seen(tmp_path, np.arange(768 * 3, dtype="f4").reshape(3, 768)) == snapshot(
        {
            "status": "truncated",
            "type": "numpy.ndarray",
            "size": 9216,
            "note": "cut at the limit of 64 elements of an array",
            "value": {
                "$type": "numpy.ndarray",
                "dtype": "float32",
                "shape": [3, 768],
                "min": 0.0,
                "max": 2303.0,
                "mean": 1151.5,
                "nan": 0,
                "nbytes": 9216,
                "digest": "bcbcf2c51026f4220afdf5bbf6211997",
                "head": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
            },
        }
    )


async def test_a_small_array(tmp_path: Path) -> None:
    assert await seen(tmp_path, np.array([1, 2, 3])) == snapshot(
        {
            "status": "captured",
            "type": "numpy.ndarray",
            "size": 97,
            "value": {
                "$type": "numpy.ndarray",
                "dtype": "int64",
                "shape": [3],
                "min": 1,
                "max": 3,
                "mean": 2.0,
                "values": [1, 2, 3],
            },
        }
    )


async def test_an_image(tmp_path: Path) -> None:
    assert await seen(tmp_path, Image.new("L", (640, 480))) == snapshot(
        {
            "status": "truncated",
            "type": "PIL.Image.Image",
            "note": "left out: the pixels of an image",
            "value": {
                "$type": "PIL.Image.Image",
                "mode": "L",
                "width": 640,
                "height": 480,
                "digest": "f669f53cde465324ef5df3a50d350950",
            },
        }
    )


async def test_messages_as_dicts(tmp_path: Path) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert await seen(tmp_path, messages) == snapshot(
        {
            "status": "captured",
            "type": "list",
            "size": 72,
            "value": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        }
    )


async def test_a_message_of_an_sdk(tmp_path: Path) -> None:
    message = Message(role="assistant", tool_calls=[ToolCall(id="call_1", arguments='{"city": "Paris"}')])
    assert await seen(tmp_path, message) == snapshot(
        {
            "status": "captured",
            "type": "openai.types.chat.Message",
            "size": 160,
            "value": {
                "$type": "openai.types.chat.Message",
                "role": "assistant",
                "tool_calls": [
                    {"$type": "openai.types.chat.ToolCall", "id": "call_1", "arguments": '{"city": "Paris"}'}
                ],
            },
        }
    )


async def test_a_function(tmp_path: Path) -> None:
    assert await seen(tmp_path, seen) == snapshot(
        {
            "status": "unserializable",
            "type": "function",
            "size": 77,
            "note": "cannot be serialized: function",
            "value": {"$type": "function", "preview": {"name": "tests.hg_mcp.test_value_shapes.seen"}},
        }
    )

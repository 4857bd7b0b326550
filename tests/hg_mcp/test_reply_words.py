"""Names of recorded things and large counts, as replies write them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hg_mcp.replies.words import file_from
from recorder.journal.frames import Frame, Told
from tests.hg_mcp.conftest import ask_store
from tests.hg_mcp.recorded import TIMEOUT, inputs, item, node, run_frame, value, write_store

COUNTS = re.compile(r"\b\d{4,}\b")


@pytest.mark.parametrize(
    ("home", "file", "told"),
    [
        ("/home/ada/shop", "/home/ada/shop/flows/orders.py", "flows/orders.py"),
        ("/home/ada/shop/", "/home/ada/shop/flows/orders.py", "flows/orders.py"),
        ("/home/ada/shop", "/home/ada/shopping/list.py", "/home/ada/shopping/list.py"),
        ("", "/home/ada/shop/flows/orders.py", "/home/ada/shop/flows/orders.py"),
        ("/v", "/v/lib/python3.12/site-packages/tenacity.py", "/v/lib/python3.12/site-packages/tenacity.py"),
    ],
)
def test_a_file_of_the_user_is_told_from_where_the_program_ran_and_others_in_full(home: str, file: str, told: str):
    assert file_from(home, file) == told


def large_map() -> Iterator[Frame]:
    """2,400 items, one after another, every second of which fails, as what it was given tells; all logged too much."""
    counts = {"map_size": 2_400, "items_completed": 1_200, "items_failed": 1_200, "steps": 2_400, "failures": 1_200}
    strange = {"unknown_events": {"NewEvent": 4_000}, "told": Told(logs_dropped={"INFO": 5_000})}
    yield run_frame(1, "run-1", status="partial", is_map=True, ms=24_000.0, **counts, **strange)
    for index in range(2_400):
        how: dict[str, Any] = {"status": "failed"} if index % 2 else {}
        error = {"error": TIMEOUT} if index % 2 else {}
        first, at = 1 + 2 * index, index * 10_000
        yield item(1, first, index, at=at, ms=10.0, **how)
        yield node(1, first + 1, f"[{index}]/ask", parent=first, item=index, at=at, ms=10.0, **how, **error)
        yield inputs(1, first + 1, value("kind", f"{'odd' if index % 2 else 'even'}"))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("large"), large_map())


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("summarize_run", {}),
        ("explain_failure", {}),
        ("why_slow", {}),
        ("contrast_items", {}),
        ("node_stats", {}),
        ("get_run_steps", {}),
        ("get_logs", {}),
        ("get_step_values", {"node": "ask", "value": "kind"}),
        ("query_sql", {"sql": "SELECT path FROM steps_view", "offset": 2_000, "limit": 1}),
    ],
)
async def test_no_sentence_tells_a_large_count_without_its_thousands_apart(
    large: Path, tool: str, arguments: dict[str, Any]
):
    reply = await ask_store(large, tool, **arguments, budget=8_000)
    rows = [row["says"] for key in ("reasons", "separators") for row in reply.get(key, ())]
    lists = [line for key in ("record_lacks", "common") for line in reply.get(key, ())]
    told = [reply["summary"], reply.get("note", ""), *rows, *lists]
    assert COUNTS.findall("\n".join(told)) == []
    assert re.search(r"\d,\d{3}", "\n".join(told))

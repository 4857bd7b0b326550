"""Reading values: one, a part of it, some bytes of it, and one across many steps."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from hg_mcp.errors import BadArgumentError, CannotAnswer
from hg_mcp.queries.selection import piece_of
from recorder import Recorder, ValueTracer
from recorder import node as recorded_node
from recorder.journal.frames import CAPTURED, ErrorRecord, Frame, ValueEntry
from tests.hg_mcp.conftest import ask_store
from tests.hg_mcp.recorded import TIMEOUT, inputs, item, map_of_50, node, outputs, run_frame, value, write_store

LONG = "".join(f"line {n}: wörd 漢 😀\t\n" for n in range(20_000))
FAILING = "3, 7, 12, 13, 14, 41"


def scored_map(run: int = 1) -> Iterator[Frame]:
    """A map of 8: ``score`` has a value of its own kind in each; items 2 and 5 fail, and saw the long prompts."""
    yield run_frame(run, "run-scored", status="partial", is_map=True, map_size=8, steps=8, failures=2)
    odd: list[Any] = [None, True, "text", {"k": 1}, [1, 2, 3]]
    for index in range(8):
        failed = {"status": "failed", "error": TIMEOUT} if index in {2, 5} else {}
        first = 1 + index * 2
        yield item(run, first, index, **{key: failed[key] for key in ("status",) if failed})
        yield node(run, first + 1, f"[{index}]/ask", parent=first, item=index, **failed)
        prompt = value("prompt", "p" * (5000 + index if failed else 10 + index))
        score = value("score", index / 2 if index < 3 else odd[index - 3])
        yield inputs(run, first + 1, prompt, value("docs", [{"title": f"T{n}"} for n in range(index)]))
        if not failed:
            yield outputs(run, first + 1, score)


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("scored"), scored_map())


async def follow_all(store: Path, tool: str, **arguments: Any) -> list[dict[str, Any]]:
    """The reply, and all that its ``omitted`` calls return, and theirs; every call at most once."""
    replies: list[dict[str, Any]] = []
    asked: set[str] = set()
    calls = [{"tool": tool, "arguments": arguments}]
    while calls:
        call = calls.pop(0)
        if (key := json.dumps(call, sort_keys=True)) not in asked:
            asked.add(key)
            assert len(asked) < 500, "it goes round in circles"
            replies.append(await ask_store(store, call["tool"], **call["arguments"]))
            calls += [entry["call"] for entry in replies[-1].get("omitted", ())]
    return replies


# One value ------------------------------------------------------------------------------------------------------------


async def test_a_long_value_goes_on_where_the_budget_cut_it_until_all_of_it_was_read(tmp_path: Path):
    frames = [run_frame(1, "run-1"), node(1, 1, "a"), inputs(1, 1, value("doc", LONG))]
    replies = await follow_all(write_store(tmp_path, frames), "get_step_values", step="a", value="doc", budget=9_000)
    assert "".join(reply["values"][0]["text"].removesuffix("…") for reply in replies) == LONG
    assert len(replies) <= 1 + len(LONG.encode()) // 25_200, "each uses 70 % of its budget"


@pytest.mark.parametrize("budget", [300, 2_000, 50_000])
async def test_following_what_was_left_out_ends_and_yields_every_value(tmp_path: Path, budget: int):
    kept = {"small": 1, "text": LONG[:300_000], "list": [LONG[:9000]] * 40, "none": None, "dotted.name": "x" * 3000}
    entries = [value(name, content) for name, content in kept.items()]
    frames = [run_frame(1, "run-1"), node(1, 1, "a"), inputs(1, 1, *entries), outputs(1, 1, value("text", "again"))]
    store = write_store(tmp_path, frames)
    seen: dict[tuple[str, str], Any] = {}
    pieces: dict[str, str] = {}
    for reply in await follow_all(store, "get_step_values", step="a", budget=budget):
        for row in reply["values"]:
            if "value" in row:
                seen[row["name"], row["direction"]] = row["value"]
            if "text" in row:
                pieces[row["name"]] = pieces.get(row["name"], "") + row["text"].removesuffix("…")
    whole = {(name, "input"): content for name, content in kept.items()} | {("text", "output"): "again"}
    for name, text in pieces.items():
        seen[name, "input"] = text if name == "text" else json.loads(text)
    assert seen == whole


async def test_a_range_is_of_bytes_and_says_of_how_many(tmp_path: Path):
    frames = [run_frame(1, "run-1"), node(1, 1, "a"), inputs(1, 1, value("doc", {"text": "a漢字b"}))]
    store = write_store(tmp_path, frames)
    reply = await ask_store(store, "get_step_values", step="a", value="doc.text", range="1:7")
    assert reply == snapshot(
        {
            "summary": "Value 'doc.text' of step 'a'.",
            "run_id": "run-1",
            "step": "a",
            "total": 1,
            "shape": "a text of 4 characters",
            "values": [
                {
                    "name": "doc.text",
                    "direction": "input",
                    "status": "captured",
                    "type": "str",
                    "size": 8,
                    "range": "1:7 of 8",
                    "text": "漢字",
                }
            ],
            "next": [],
        }
    )
    tail = await ask_store(store, "get_step_values", step="a", value="doc", range="-3:")
    assert (tail["values"][0]["text"], tail["values"][0]["range"]) == ('b"}', "16:19 of 19")


@given(st.text(min_size=1, max_size=30), st.integers(1, 9))
def test_ranges_one_after_the_other_are_the_whole_text_and_cut_no_character(text: str, step: int):
    text = text.encode("utf-8", "replace").decode()
    found, at, size = "", 0, len(text.encode())
    while at < size:
        piece = piece_of(text, f"{at}:{at + step}")
        assert (piece.start, piece.total) == (at, size)
        found, at = found + piece.text, piece.stop
    assert found == text


@settings(max_examples=50)
@given(st.text(max_size=9))
def test_a_range_is_one_or_is_refused(given_text: str):
    with contextlib.suppress(BadArgumentError):
        assert piece_of("some text", given_text).text in "some text"


async def test_a_long_object_says_where_to_go_inside_it(tmp_path: Path):
    content = {"docs": [{"title": "T", "body": LONG[:900]}] * 3, "a b": 1}
    frames = [run_frame(1, "run-1"), node(1, 1, "a"), inputs(1, 1, value("prompt", content))]
    reply = await ask_store(write_store(tmp_path, frames), "get_step_values", step="a", value="prompt")
    assert (reply["shape"], reply["inside"]) == snapshot(
        ("an object with 2 keys", {"prompt.docs": "a list of 3 (indexes 0 to 2)", 'prompt["a b"]': "a number"})
    )


async def test_a_captured_value_whose_content_was_lost_says_so(tmp_path: Path):
    lost = value("doc", "x")
    frames = [run_frame(1, "run-1"), node(1, 1, "a"), inputs(1, 1, type(lost)(lost.name, 0, "str", 1, b"d" * 16))]
    store = write_store(tmp_path, frames)
    row = (await ask_store(store, "get_step_values", step="a"))["values"][0]
    assert "value" not in row
    assert row["note"].startswith("its content is not in the store")
    with pytest.raises(CannotAnswer, match="captured, and its content is not in the store"):
        await ask_store(store, "get_step_values", step="a", value="doc.title")


# Many steps -----------------------------------------------------------------------------------------------------------


async def test_one_value_of_the_failed_items(scored: Path):
    reply = await ask_store(scored, "get_step_values", node="ask", items="status:failed", value="docs[*].title")
    assert reply == snapshot(
        {
            "summary": "Value 'docs[*].title', 2 times: 2 distinct; elements 2 to 5, median 3.5.",
            "run_id": "run-scored",
            "total": 2,
            "profile": {
                "values": 2,
                "distinct": 2,
                "failing": 2,
                "types": {"list": 2},
                "statuses": {"captured": 2},
                "spreads": [
                    {
                        "measure": "elements",
                        "count": 2,
                        "min": 2.0,
                        "median": 3.5,
                        "max": 5.0,
                        "min_at": "[2]/ask",
                        "max_at": "[5]/ask",
                    }
                ],
            },
            "values": [
                {
                    "path": "[2]/ask",
                    "step_status": "failed",
                    "direction": "input",
                    "status": "captured",
                    "item": 2,
                    "type": "list",
                    "size": 11,
                    "value": ["T0", "T1"],
                },
                {
                    "path": "[5]/ask",
                    "step_status": "failed",
                    "direction": "input",
                    "status": "captured",
                    "item": 5,
                    "type": "list",
                    "size": 26,
                    "value": ["T0", "T1", "T2", "T3", "T4"],
                },
            ],
            "next": [
                {
                    "tool": "get_step_values",
                    "arguments": {"run": "run-scored", "step": "[5]/ask", "value": "docs[*].title"},
                    "reason": "where it is largest: elements",
                },
                {
                    "tool": "get_run_steps",
                    "arguments": {"run": "run-scored", "step": "[2]/ask"},
                    "reason": "the error of a step that had it",
                },
            ],
        }
    )


async def test_a_value_over_all_items_comes_with_its_profile(scored: Path):
    reply = await ask_store(scored, "get_step_values", node="ask", value="prompt", limit=1)
    assert reply == snapshot(
        {
            "summary": "Value 'prompt', 8 times: 8 distinct; characters 10 to 5,005, median 15.",
            "run_id": "run-scored",
            "total": 8,
            "profile": {
                "values": 8,
                "distinct": 8,
                "failing": 2,
                "types": {"str": 8},
                "statuses": {"captured": 8},
                "spreads": [
                    {
                        "measure": "characters",
                        "count": 8,
                        "min": 10.0,
                        "median": 15.0,
                        "max": 5005.0,
                        "min_at": "[0]/ask",
                        "max_at": "[5]/ask",
                        "failing_median": 5003.5,
                        "passing_median": 13.5,
                    }
                ],
            },
            "values": [
                {
                    "path": "[0]/ask",
                    "step_status": "completed",
                    "direction": "input",
                    "status": "captured",
                    "item": 0,
                    "type": "str",
                    "size": 12,
                    "value": "pppppppppp",
                }
            ],
            "next": [
                {
                    "tool": "get_step_values",
                    "arguments": {"run": "run-scored", "step": "[5]/ask", "value": "prompt"},
                    "reason": "where it is largest: characters",
                }
            ],
            "omitted": [
                {
                    "what": "values",
                    "how_many": 7,
                    "call": {
                        "tool": "get_step_values",
                        "arguments": {
                            "run": "run-scored",
                            "node": "ask",
                            "value": "prompt",
                            "limit": 1,
                            "cursor": "c1-1-1",
                        },
                    },
                }
            ],
        }
    )


async def test_a_profile_tells_types_and_nulls_and_numbers_apart(scored: Path):
    reply = await ask_store(scored, "get_step_values", node="ask", value="score")
    assert reply["summary"] == snapshot("Value 'score', 6 times: 6 distinct, 1 null; number 0 to 0.5, median 0.25.")
    assert reply["profile"] == snapshot(
        {
            "values": 6,
            "distinct": 6,
            "nulls": 1,
            "types": {"float": 2, "NoneType": 1, "bool": 1, "dict": 1, "list": 1},
            "statuses": {"captured": 6},
            "spreads": [
                {
                    "measure": "number",
                    "count": 2,
                    "min": 0.0,
                    "median": 0.25,
                    "max": 0.5,
                    "min_at": "[0]/ask",
                    "max_at": "[1]/ask",
                },
                {
                    "measure": "keys",
                    "count": 1,
                    "min": 1.0,
                    "median": 1.0,
                    "max": 1.0,
                    "min_at": "[6]/ask",
                    "max_at": "[6]/ask",
                },
                {
                    "measure": "elements",
                    "count": 1,
                    "min": 3.0,
                    "median": 3.0,
                    "max": 3.0,
                    "min_at": "[7]/ask",
                    "max_at": "[7]/ask",
                },
            ],
        }
    )


async def test_all_values_of_some_items_are_listed_by_step_and_name(scored: Path):
    reply = await ask_store(scored, "get_step_values", items="0,2")
    assert [(row["path"], row["name"], row["direction"]) for row in reply["values"]] == [
        ("[0]/ask", "prompt", "input"),
        ("[0]/ask", "docs", "input"),
        ("[0]/ask", "score", "output"),
        ("[2]/ask", "prompt", "input"),
        ("[2]/ask", "docs", "input"),
    ]
    assert reply["summary"] == "5 values of those steps: 5 captured."


async def test_a_row_without_the_path_says_so_and_is_not_null(scored: Path):
    reply = await ask_store(scored, "get_step_values", node="ask", items="0-2", value="docs[0].title")
    assert [(row["path"], row.get("value"), row.get("note")) for row in reply["values"]] == snapshot(
        [
            ("[0]/ask", None, "no 'docs[0]' here: 'docs' is an empty list"),
            ("[1]/ask", "T0", None),
            ("[2]/ask", "T0", None),
        ]
    )
    assert reply["profile"]["missing"] == 1


@pytest.mark.parametrize("arguments", [{"limit": 3}, {"limit": 2, "value": "prompt"}, {"limit": 50, "budget": 300}])
async def test_pages_of_values_across_steps_hold_each_value_once(scored: Path, arguments: dict[str, Any]):
    seen: list[tuple[str, str]] = []
    call: dict[str, Any] | None = {"tool": "get_step_values", "arguments": {"node": "ask", **arguments}}
    total = 0
    while call:
        reply = await ask_store(scored, call["tool"], **call["arguments"])
        entry = next((one for one in reply.get("omitted", ()) if "values" in one["what"].split(", ")), None)
        total = reply["total"]
        shown = total - len(seen) - (entry["how_many"] if entry else 0)
        seen += [(row["path"], row.get("name", "prompt")) for row in reply["values"][:shown]]
        call = entry["call"] if entry else None
    assert len(seen) == len(set(seen)) == total


async def test_a_map_as_large_as_its_bound_is_profiled_in_part_and_says_so(tmp_path: Path):
    frames: list[Frame] = [run_frame(1, "run-1", is_map=True, map_size=1200, steps=1200)]
    for index in range(1200):
        frames += [node(1, index + 1, f"[{index}]/a", item=index), inputs(1, index + 1, value("n", index))]
    reply = await ask_store(write_store(tmp_path, frames), "get_step_values", node="a", value="n", limit=5)
    assert reply["summary"] == snapshot(
        "Value 'n', 1,200 times: 1,000 distinct in the first 1,000; number 0 to 999, median 499.5."
    )
    assert (reply["profile"]["values"], reply["profile"]["total"]) == (1000, 1200)


@recorded_node
def node_of_plain_python(x: int) -> int:
    return x


# What cannot be answered ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"value": "prompt"}, "The run itself holds no values. It was recorded of node 'llm_call': pass node."),
        ({"node": "llm_call", "value": "promt"}, "What ran there holds 1 value. Nearest there: 'prompt'."),
        ({"node": "save", "items": "3"}, "Node 'save' did not run there. There ran: 'fetch', 'llm_call'."),
        ({"node": "save", "items": "77"}, f"It has items 0-49; failed: {FAILING.replace('12, 13, 14', '12-14')}."),
        ({"node": "llm_call", "value": "prompt.docs[0].titel"}, "Nearest there: 'title'."),
        ({"node": "llm_call", "value": "prompt", "range": "0:9"}, "range reads one value: call get_step_values with"),
        ({"step": "[3]/llm_call", "range": "0:9"}, "range reads one value: name it with value, such as 'prompt'."),
        ({"step": "[3]/llm_call", "value": "prompt", "range": "45:"}, "must begin below 45"),
        ({"step": "[3]/llm_call", "value": "prompt", "range": "9:5"}, "end after its beginning"),
        ({"step": "[3]/llm_call", "value": "prompt", "range": "0-9"}, "must look like '0:2000', '2000:' or '-2000:'"),
        ({"step": "llm_call", "items": "3"}, "has no step 'llm_call'. Nearest: "),
        ({"step": "[3]/fetch", "value": "prompt"}, "The step holds no values. It was recorded of node 'llm_call'"),
    ],
)
async def test_a_value_that_is_not_there_is_answered_with_what_is(ask, arguments: dict[str, Any], says: str):
    with pytest.raises(CannotAnswer) as refused:
        await ask("get_step_values", **arguments)
    assert says in str(refused.value)


async def test_a_run_without_values_says_how_to_record_them(tmp_path: Path):
    frames = [frame for frame in map_of_50() if type(frame).__name__ != "ValuesFrame"]
    store = write_store(tmp_path, frames)
    reply = await ask_store(store, "get_step_values", step="[3]/llm_call")
    assert (reply["summary"], reply["advice"]) == snapshot(
        (
            "No values are recorded of step '[3]/llm_call'.",
            ["Not captured, and the recorder did not say why. To record values: Recorder(values=True)."],
        )
    )
    with pytest.raises(
        CannotAnswer, match=r"Not captured, and the recorder did not say why. To record values: Recorder\(values=True\)"
    ):
        await ask_store(store, "get_step_values", node="llm_call", value="prompt")


async def test_a_step_that_a_policy_leaves_out_says_which_and_what_would_keep_it(tmp_path: Path):
    with Recorder(tmp_path, values=ValueTracer(nodes=["embed"])) as recorder, recorder.run("one", inputs={"x": 1}):
        node_of_plain_python(1)
    replies = [await ask_store(tmp_path, "get_step_values", step=step) for step in ("", "node_of_plain_python")]
    of_run, of_step = (" ".join(reply["advice"]) for reply in replies)
    left_out = "Not captured: ValueTracer(nodes=['embed']) does not choose"
    never = "ValueTracer(nodes=['embed']) chose no step of those that came, in any run of this recorder so far."
    assert of_run == f"{left_out} the run itself. To capture it: add '.' to nodes. {never}"
    assert of_step == f"{left_out} this step. To capture it: add 'node_of_plain_python' to nodes. {never}"


async def test_what_a_policy_leaves_out_by_name_is_told_with_the_names_that_would_keep_it(tmp_path: Path):
    with Recorder(tmp_path / "s", values=ValueTracer(fields=["docs"])) as rec, rec.run("r"):

        @recorded_node
        def ask(prompt: str, docs: list[str]) -> None:
            del prompt, docs

        ask("p", ["d"])
    reply = await ask_store(tmp_path / "s", "get_step_values", step="ask")
    assert reply["advice"][0].endswith(" ValueTracer left it out. To capture it: add 'prompt', 'return' to fields.")


async def test_a_value_asked_for_in_the_wrong_direction_is_told_with_the_right_one(tmp_path: Path):
    store = write_store(tmp_path, [run_frame(1, "run-1"), node(1, 1, "a"), inputs(1, 1, value("doc", "x"))])
    says = "No value 'doc'. The step holds no outputs. There it is an input: pass direction='input', or leave that out."
    with pytest.raises(CannotAnswer, match=says):
        await ask_store(store, "get_step_values", step="a", value="doc", direction="output")


async def test_a_step_without_values_names_nodes_that_have_some(ask):
    reply = await ask("get_step_values", step="[3]/fetch")
    assert (reply["advice"], reply["next"]) == snapshot(
        (
            [
                "Not captured, and the recorder did not say why. To record values: Recorder(values=True).",
                "The run has other values: 'prompt' of 'llm_call'.",
            ],
            [
                {
                    "tool": "get_step_values",
                    "arguments": {"run": "run-a1b2c3d4e5f6", "node": "llm_call"},
                    "reason": "values that it has",
                }
            ],
        )
    )


async def test_a_path_that_may_have_been_cut_off_is_not_called_absent(tmp_path: Path):
    cut = value("docs", [{"t": 1}], status="truncated", note="cut at the limit of 65,536 bytes, 1 of 9 items kept")
    frames = [run_frame(1, "run-1"), node(1, 1, "a"), inputs(1, 1, cut)]
    with pytest.raises(CannotAnswer, match="It may be in what was not kept: 'cut at the limit of 65,536 bytes"):
        await ask_store(write_store(tmp_path, frames), "get_step_values", step="a", value="docs[4].t")


async def test_an_input_and_an_output_of_one_name_need_a_direction_for_a_range(tmp_path: Path):
    frames = [run_frame(1, "run-1"), node(1, 1, "a"), inputs(1, 1, value("x", 1)), outputs(1, 1, value("x", 22))]
    store = write_store(tmp_path, frames)
    with pytest.raises(BadArgumentError, match="pass direction too"):
        await ask_store(store, "get_step_values", step="a", value="x", range="0:1")
    reply = await ask_store(store, "get_step_values", step="a", value="x", range="0:1", direction="output")
    assert reply["values"][0]["text"] == "2"


async def test_the_values_of_a_failed_step_lead_to_the_input_that_its_error_speaks_of_and_to_why(tmp_path: Path):
    error = ErrorRecord("ValueError", "no such currency: 'GBPX'")
    steps = [
        node(1, 1, "[0]/parse", status="failed", error=error),
        node(1, 2, "[1]/parse", status="failed", error=TIMEOUT),
        node(1, 3, "[2]/parse"),
    ]
    given = [inputs(1, step, value("order", {"id": step, "currency": "GBPX"})) for step in (1, 2, 3)]
    store = write_store(tmp_path, [run_frame(1, "run-1", status="failed", failures=2), *steps, *given])

    async def leads(step: str, **one: str) -> list[tuple[str, Any]]:
        reply = await ask_store(store, "get_step_values", step=step, **one)
        for one in reply["next"]:
            await ask_store(store, one["tool"], **one["arguments"])
        return [(one["tool"], one["arguments"]) for one in reply["next"]]

    first, second = ({"run": "run-1", "step": step} for step in ("[0]/parse", "[1]/parse"))
    traced = ("trace_value", first | {"value": "order.currency"})
    assert await leads("[0]/parse") == [traced, ("explain_failure", first)]
    assert await leads("[1]/parse") == [("explain_failure", second)]
    assert await leads("[2]/parse") == []
    everywhere = ("get_step_values", {"run": "run-1", "node": "parse", "value": "order.id"})
    assert await leads("[0]/parse", value="order.id") == [traced, ("explain_failure", first), everywhere]
    assert await leads("[2]/parse", value="order.id") == [everywhere]


# Damage ---------------------------------------------------------------------------------------------------------------


def damaged(run: int, run_id: str, data: bytes) -> Iterator[Frame]:
    """A map of 4, every second one failing; what ``ask`` was given is no JSON in the file."""
    at = run * 10_000_000
    yield run_frame(run, run_id, status="partial", at=at, is_map=True, map_size=4, steps=8, failures=2)
    for index in range(4):
        how: dict[str, Any] = {"status": "failed", "error": TIMEOUT} if index % 2 else {"status": "completed"}
        yield item(run, 1 + index, index, at=at, status=how["status"])
        yield node(run, 5 + index, f"[{index}]/ask", parent=1 + index, item=index, at=at, **how)
        yield inputs(run, 5 + index, ValueEntry("doc", CAPTURED, "str", 6, b"%08d%08d" % (run, index), data))


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_step_values", {"step": "[1]/ask"}),
        ("get_step_values", {"step": "[1]/ask", "value": "doc"}),
        ("get_step_values", {"node": "ask", "value": "doc"}),
        ("trace_value", {"step": "[1]/ask", "value": "doc"}),
        ("compare_runs", {"against": "before"}),
    ],
)
async def test_a_content_that_is_no_json_is_told_as_text(tmp_path: Path, tool: str, arguments: dict[str, Any]):
    store = write_store(tmp_path, [*damaged(1, "before", b"{bro\xff"), *damaged(2, "after", b"{ken\xff")])
    assert "{ken\ufffd" in str(await ask_store(store, tool, **arguments))


@pytest.mark.parametrize("tool", ["explain_failure", "contrast_items", "summarize_run"])
async def test_a_content_that_is_no_json_keeps_no_question_from_its_answer(tmp_path: Path, tool: str):
    store = write_store(tmp_path, damaged(1, "broken", b"{bro\xff"))
    assert (await ask_store(store, tool))["summary"]


async def test_no_reply_leads_to_values_of_a_run_whose_recorder_recorded_none(tmp_path: Path):
    @recorded_node
    def parse(text: str) -> int:
        return int(text)

    with Recorder(tmp_path) as rec:
        rec.map(parse, ["1", "2"], name="reading")
        rec.map(parse, ["1", "x"], name="reading", error_handling="continue")
    for tool in ("summarize_run", "explain_failure", "get_run_steps", "compare_runs"):
        reply = await ask_store(tmp_path, tool, budget=20_000)
        assert reply["next"]
        assert "get_step_values" not in {call["tool"] for call in reply["next"]}

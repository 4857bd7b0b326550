"""Where values came from, told of real recorded programs."""

from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from hg_mcp.errors import CannotAnswer
from recorder import Recorder, node
from recorder.journal.frames import GraphEdge, GraphFrame, GraphNode
from tests.hg_mcp.conftest import ask_store
from tests.hg_mcp.recorded import inputs, outputs, run_frame, value, write_store
from tests.hg_mcp.recorded import node as step


@node
def load(place: str) -> dict[str, Any]:
    return {"place": place, "rows": [{"name": "tea", "price": "12"}, {"name": "oil", "price": "n/a"}]}


@node
def parse(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    return [{"name": r["name"], "price": float(r["price"]) if r["price"].isdigit() else None} for r in rows]


@node
def pick(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(row for row in rows if row["name"] == name)


@node
def describe(row: dict[str, Any]) -> str:
    return f"The price of {row['name']} at the market is {row['price']}"


@node
def ask(prompt: str, price: float | None) -> str:
    return f"Q: {prompt}?"


@node
def answer(place: str, name: str) -> str:
    row = pick(parse(load(place)["rows"]), name)
    return ask(describe(row), row["price"])


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("market")
    with (
        Recorder(store, values=True) as rec,
        rec.run("market", inputs={"place": "the old market", "name": "oil"}) as run,
    ):
        run.set_output(reply=answer("the old market", "oil"))
    return store


async def traced(store: Path, path: str, wanted: str) -> dict[str, Any]:
    return await ask_store(store, "trace_value", step=path, value=wanted)


def trail(reply: dict[str, Any]) -> list[str]:
    return [f"{hop['step']} {hop['direction']} {hop['value']}" for hop in reply["hops"]]


async def test_a_none_is_followed_back_to_the_step_where_it_was_born(market: Path):
    reply = await traced(market, "answer/ask", "price")
    assert reply.pop("summary") == (
        "Input 'price' of 'answer/ask' comes from output 'return[1].price' of 'answer/parse' in 3 hops, "
        "born there: none of its inputs hold it."
    )
    del reply["run_id"]
    for call in reply["next"]:
        call["arguments"]["run"] = "…"
    assert reply == snapshot(
        {
            "end": "born",
            "hops": [
                {"step": "answer/ask", "direction": "input", "value": "price", "content": "null"},
                {
                    "step": "answer/pick",
                    "direction": "output",
                    "value": "return.price",
                    "by": "inferred: equal to a part of it, though a common one",
                    "content": "null",
                },
                {
                    "step": "answer/pick",
                    "direction": "input",
                    "value": "rows[1].price",
                    "by": "inferred: equal to a part of it",
                    "content": "null",
                },
                {
                    "step": "answer/parse",
                    "direction": "output",
                    "value": "return[1].price",
                    "by": "inferred: equal value",
                    "content": "null",
                },
            ],
            "note": "Ties of values as common as null, true or 1 may be chance.",
            "next": [
                {
                    "tool": "get_step_values",
                    "arguments": {"run": "…", "step": "answer/parse"},
                    "reason": "all that went into the step where the trail ends, and came out",
                },
            ],
        }
    )


async def test_a_part_of_a_value_is_followed_through_the_steps_that_changed_other_parts(market: Path):
    reply = await traced(market, "answer/describe", "row.name")
    assert trail(reply) == snapshot(
        [
            "answer/describe input row.name",
            "answer/pick output return.name",
            "answer/pick input rows[1].name",
            "answer/parse output return[1].name",
            "answer/parse input rows[1].name",
            "answer/load output return.rows[1].name",
        ]
    )
    assert reply["end"] == "born"


async def test_a_text_that_was_built_around_another_leads_to_it(market: Path):
    reply = await traced(market, "", "reply")
    assert trail(reply)[:4] == snapshot(
        [" output reply", "answer output return", "answer/ask output return", "answer/ask input prompt"]
    )
    assert "inferred: the value before holds it" in [hop.get("by") for hop in reply["hops"]]


async def test_a_value_that_came_with_the_run_ends_at_its_input(market: Path):
    reply = await traced(market, "answer/load", "place")
    assert reply["end"] == "run_input"
    assert trail(reply)[-1] == " input place"
    assert reply["summary"] == snapshot("Input 'place' of 'answer/load' comes from input 'place' of the run in 2 hops.")


async def test_an_edge_of_the_graph_is_preferred_to_an_equal_value_and_told_apart(tmp_path: Path):
    graph = GraphFrame(
        "d1",
        "classify",
        (GraphNode("old"), GraphNode("new"), GraphNode("use")),
        (GraphEdge("old", "use", "data", ("docs",)),),
    )
    docs = value("docs", ["a long text", "another one"])
    frames = [
        graph,
        run_frame(1, "run-1", graph_digest="d1"),
        step(1, 1, "old", ms=1.0),
        outputs(1, 1, docs),
        step(1, 2, "new", at=2_000, ms=1.0),
        outputs(1, 2, docs),
        step(1, 3, "use", at=5_000),
        inputs(1, 3, docs),
    ]
    reply = await traced(write_store(tmp_path, frames), "use", "docs[1]")
    assert [(hop["step"], hop.get("by")) for hop in reply["hops"]] == [("use", None), ("old", "edge of the graph")]


async def test_a_step_that_had_not_ended_is_no_source(tmp_path: Path):
    docs = value("docs", ["a long text", "another one"])
    frames = [
        run_frame(1, "run-1"),
        step(1, 1, "slow", ms=100.0),
        outputs(1, 1, docs),
        step(1, 2, "use", at=50_000),
        inputs(1, 2, docs),
    ]
    reply = await traced(write_store(tmp_path, frames), "use", "docs")
    assert reply["end"] == "outside"
    assert reply["note"] == snapshot(
        "It was made between recorded steps, is a constant or a default, or its source was not recorded. "
        "Only the 150 nearest earlier steps were searched, and of values kept in part what was kept."
    )


async def test_an_item_of_a_map_leads_to_its_own_element_of_what_was_mapped(tmp_path: Path):
    @node
    def size(text: str) -> int:
        return len(text)

    @node
    def read_all() -> list[str]:
        return ["first page", "same page", "same page"]

    with Recorder(tmp_path, values=True) as rec, rec.run("pages"):
        rec.map(size, read_all(), name="sizes")
    assert trail(await traced(tmp_path, "sizes[2]/size", "text")) == [
        "sizes[2]/size input text",
        "read_all output return[2]",
    ]


async def test_a_common_value_says_that_the_tie_may_be_chance(tmp_path: Path):
    @node
    def flag() -> bool:
        return True

    @node
    def use(verbose: bool) -> None: ...

    with Recorder(tmp_path, values=True) as rec, rec.run("flags"):
        flag()
        use(verbose=True)
    reply = await traced(tmp_path, "use", "verbose")
    assert reply["hops"][1]["by"] == "inferred: equal value, though a common one"
    assert "may be chance" in reply["note"]


async def test_a_none_is_followed_through_steps_that_give_it_another_name(tmp_path: Path):
    @node
    def find(user: str) -> dict[str, Any]:
        return {"team": None}

    @node
    def route(found: dict[str, Any]) -> dict[str, Any]:
        return {"queue": found["team"]}

    @node
    def send(queue: str | None) -> None: ...

    with Recorder(tmp_path, values=True) as rec, rec.run("mail"):
        send(route(find("ann"))["queue"])
    reply = await traced(tmp_path, "send", "queue")
    assert "compare_runs" not in {call["tool"] for call in reply["next"]}, "there is no good run to compare with"
    with Recorder(tmp_path, values=True) as rec, rec.run("mail"):
        send("north")
    reply = await ask_store(tmp_path, "trace_value", run=reply["run_id"], step="send", value="queue")
    assert "compare_runs" in {call["tool"] for call in reply["next"]}
    assert trail(reply) == [
        "send input queue",
        "route output return.queue",
        "route input found.team",
        "find output return.team",
    ]
    assert reply["end"] == "born"
    assert reply["summary"].endswith("born there: none of its inputs hold it.")


async def test_a_number_that_an_input_holds_too_is_not_said_to_be_born(tmp_path: Path):
    @node
    def count(limit: int) -> dict[str, int]:
        return {"pages": 3}

    with Recorder(tmp_path, values=True) as rec, rec.run("pages"):
        count(3)
    reply = await traced(tmp_path, "count", "return.pages")
    assert reply["summary"].endswith("or passed on, since an input holds an equal value, too common to tell.")


@pytest.mark.parametrize(
    ("path", "wanted", "says"),
    [
        ("answer/ask", "", "value must name one, or a path inside it. There: 'prompt', 'price', 'return'"),
        ("answer/ask", "promt", "No value 'promt'.*Nearest there: 'prompt'"),
        ("answer/parse", "rows[7]", r"No value 'rows\[7\]'"),
        ("answer/nowhere", "x", "has no step 'answer/nowhere'"),
    ],
)
async def test_a_value_that_is_not_there_is_answered_with_those_that_are(
    market: Path, path: str, wanted: str, says: str
):
    with pytest.raises(CannotAnswer, match=says):
        await traced(market, path, wanted)


async def test_values_that_were_not_recorded_cannot_be_traced(tmp_path: Path):
    with Recorder(tmp_path) as rec, rec.run("quiet"):
        load("here")
    with pytest.raises(CannotAnswer, match=r"no value with content\. .* To record them: Recorder\(values=True\)"):
        await traced(tmp_path, "load", "place")


async def test_a_value_that_is_not_a_number_is_followed_through_runs_inside_runs(tmp_path: Path):
    @node
    def average(values: list[float]) -> float:
        return sum(values) / len(values) if values else float("nan")

    @node
    def scale(number: float, by: float) -> dict[str, float]:
        return {"scaled": number, "by": by}

    with Recorder(tmp_path, values=True) as rec, rec.run("outer"):

        @node
        def statistics(values: list[float]) -> float:
            with rec.run("inner", inputs={"values": values}) as inner:
                found = average(values)
                inner.set_output(mean=found)
            return found

        scale(statistics([]), by=2.5)
    reply = await traced(tmp_path, "scale", "return.scaled")
    assert [(hop["step"], hop["direction"], hop["value"]) for hop in reply["hops"]] == snapshot(
        [
            ("scale", "output", "return.scaled"),
            ("scale", "input", "number"),
            ("statistics", "output", "return"),
            ("statistics/inner", "output", "mean"),
            ("statistics/inner/average", "output", "return"),
        ]
    )
    assert reply["hops"][-1]["content"] == '{"$type":"float","value":"nan"}'
    assert reply["end"] == "born"

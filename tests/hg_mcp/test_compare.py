"""Where two runs part, told of real programs recorded twice, mostly with something planted in between."""

import importlib.util
import itertools
import sys
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from hg_mcp.errors import CannotAnswer
from recorder import Recorder
from recorder import node as recorded_node
from recorder.journal.frames import ErrorRecord
from tests.hg_mcp.conftest import ask_store
from tests.hg_mcp.recorded import node, outputs, run_frame, value, write_store

PRICES = """
from recorder import node

@node
def load(n):
    return [{"title": "a", "price": 10.0}, {"title": "b", "price": 12.0}][:n]

@node
def convert(rows):
    return [{**row, "price": row["price"] * 1.5} for row in rows]

@node
def total(rows):
    return sum(row["price"] for row in rows)

def main(rec, n=2):
    with rec.run("prices", inputs={"n": n}) as run:
        run.set_output(total=total(convert(load(n))))
"""
_numbers = itertools.count()


def record(directory: Path, source: str, *, values: bool = True, **arguments: Any) -> Path:
    """Run a program's ``main`` as a fresh module; an exception of its is its own affair."""
    file = directory / "program.py"
    file.write_text(source)
    name = f"program_{next(_numbers)}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    with Recorder(directory / "store", values=values) as rec:
        try:
            module.main(rec, **arguments)
        except Exception as error:
            print(error)
    return directory / "store"


async def compared(store: Path, **arguments: Any) -> dict[str, Any]:
    return await ask_store(store, "compare_runs", **arguments)


def parting(reply: dict[str, Any]) -> tuple[str, str]:
    return reply["first"]["step"], reply["first"]["reason"]


async def test_changed_code_is_named_where_equal_inputs_first_gave_another_output(tmp_path: Path):
    record(tmp_path, PRICES)
    reply = await compared(record(tmp_path, PRICES.replace("1.5", "150")))
    for key in ("run_id", "against", "durations"):
        reply.pop(key, None)
    code = reply["first"].pop("code")
    assert [(one["what"], one["name"]) for one in reply.pop("differences")] == [("code", "convert")]
    for call in reply["next"]:
        call["arguments"]["run"] = "…"
    told = "at 'convert', which gave another output; the code of 'convert' changed. 1 step after it differs too."
    assert reply.pop("summary").endswith(told)
    assert code.startswith("convert: ")
    assert code.endswith("program.py:8 convert")
    assert reply == snapshot(
        {
            "chosen": "the good run of the graph that shares most inputs with it",
            "compared": 3,
            "differing": 2,
            "first": {"step": "convert", "kinds": ["code", "output"], "reason": "code"},
            "changes": [
                {
                    "value": "return[0].price",
                    "direction": "output",
                    "against": "15.0",
                    "run": "1500.0",
                    "delta": 1485.0,
                },
                {
                    "value": "return[1].price",
                    "direction": "output",
                    "against": "18.0",
                    "run": "1800.0",
                    "delta": 1782.0,
                },
            ],
            "steps": [
                {"step": "convert", "kinds": ["code", "output"]},
                {"step": "total", "kinds": ["input", "output"]},
            ],
            "next": [
                {
                    "tool": "get_step_values",
                    "arguments": {"run": "…", "step": "convert"},
                    "reason": "its values in this run",
                },
                {
                    "tool": "get_step_values",
                    "arguments": {"run": "…", "step": "convert"},
                    "reason": "its values in the other",
                },
                {"tool": "describe_graph", "arguments": {"run": "…"}, "reason": "where the code stands"},
            ],
        }
    )


async def test_other_inputs_of_the_run_are_told_as_such(tmp_path: Path):
    record(tmp_path, PRICES)
    reply = await compared(record(tmp_path, PRICES, n=1))
    assert parting(reply) == ("load", "input")
    assert reply["differences"] == [{"what": "input", "name": "n", "before": "2", "now": "1"}]
    assert [(row["value"], "run" in row) for row in reply["changes"]] == [("n", True), ("return[1]", False)]


async def test_the_good_run_with_the_same_inputs_is_preferred_to_a_later_one(tmp_path: Path):
    record(tmp_path, PRICES, n=1)
    record(tmp_path, PRICES, n=2)
    store = record(tmp_path, PRICES, n=1)
    reply = await compared(store)
    runs = [run["run_id"] for run in (await ask_store(store, "list_runs"))["runs"]]
    assert (reply["run_id"], reply["against"]) == (runs[0], runs[2])
    assert "shares most inputs" in reply["chosen"]
    assert "No difference" in reply["summary"]
    assert "first" not in reply


@recorded_node
def check(n: int) -> int:
    if n > 2:
        raise ValueError("too large")
    return n


async def test_a_map_is_held_against_a_map_although_a_single_run_is_nearer_in_time(tmp_path: Path):
    with Recorder(tmp_path) as rec:
        rec.map(check, [1, 2], name="checks")
        with rec.run("checks"):
            check(1)
        rec.map(check, [1, 2], name="checks")
    reply = await compared(tmp_path)
    assert "No difference" in reply["summary"]


async def test_items_that_only_this_run_has_are_told_apart_where_some_failed(tmp_path: Path):
    with Recorder(tmp_path) as rec:
        rec.map(check, [1], name="checks")
        rec.map(check, [1, 2, 3], name="checks", error_handling="continue")
    reply = await compared(tmp_path)
    assert parting(reply) == ("[1]", "path")
    assert [(call["tool"], call["reason"]) for call in reply["next"]] == [
        ("contrast_items", "what sets the failing items apart"),
        ("get_run_steps", "the step that only this run has"),
    ]


async def test_equal_inputs_and_code_with_another_output_is_chance_or_outside_state(tmp_path: Path):
    source = PRICES.replace('row["price"] * 1.5', "row[\"price\"] * __import__('os').getpid() * RATES.pop()")
    record(tmp_path, source + "\nRATES = [1, 2]\n")
    reply = await compared(record(tmp_path, source + "\nRATES = [3, 4]\n"))
    assert parting(reply) == ("convert", "outside")
    assert "for equal recorded inputs and code: chance, or state outside the record" in reply["summary"]


async def test_long_texts_are_shown_from_shortly_before_they_part(tmp_path: Path):
    source = """
from recorder import node

@node
def fetch(): return "<p>" * 200 + "ENDING"

def main(rec):
    with rec.run("page"):
        fetch()
"""
    record(tmp_path, source)
    (change,) = (await compared(record(tmp_path, source.replace("ENDING", "OTHER"))))["changes"]
    assert change["parts_at"] == 600
    assert change["against"].startswith('"…')
    assert change["against"].endswith('<p>ENDING"')
    assert change["run"].endswith('<p>OTHER"')


async def test_a_difference_of_a_last_digit_is_no_zero(tmp_path: Path):
    source = """
from recorder import node

@node
def total(): return 0.7 + 0.2 + 0.1

def main(rec):
    with rec.run("sum"):
        total()
"""
    record(tmp_path, source.replace("0.7 + 0.2 + 0.1", "0.1 + 0.2 + 0.7"))
    (change,) = (await compared(record(tmp_path, source)))["changes"]
    assert change["delta"] == -1.11022e-16


async def test_code_around_a_step_that_got_other_inputs_is_the_reason(tmp_path: Path):
    source = """
from recorder import node

@node
def area(width, height):
    return f"{width}x{height}"

@node
def page(width, height):
    return area(width, height)

def main(rec):
    with rec.run("pages"):
        page(3, 4)
"""
    record(tmp_path, source)
    reply = await compared(record(tmp_path, source.replace("return area(width, height)", "return area(height, width)")))
    assert "the code of 'page' changed" in reply["summary"]
    assert reply["first"]["reason"] == "code"
    assert reply["steps"][0]["step"] == "page"


async def test_an_error_is_told_with_what_led_there(tmp_path: Path):
    source = PRICES.replace('row["price"] * 1.5', 'row["price"] * 30 / row["price"]')
    record(tmp_path, source)
    store = record(tmp_path, source.replace("10.0", "0.0"))
    reply = await compared(store)
    assert parting(reply) == ("load", "code")
    assert {"step": "convert", "kinds": ["input", "error"]} in reply["steps"]
    assert {"step": "total", "kinds": ["missing"]} in reply["steps"]


async def test_another_way_taken_is_the_step_that_only_one_of_them_has(tmp_path: Path):
    source = """
from recorder import node

@node
def short(text): return text
@node
def long(text): return text
@node
def save(text): return text

LIMIT = 5
def main(rec):
    with rec.run("route"):
        save((long if len("hello") > LIMIT else short)("hello"))
"""
    record(tmp_path, source)
    reply = await compared(record(tmp_path, source.replace("> LIMIT", ">= LIMIT")))
    assert sorted(step["step"] for step in reply["steps"]) == ["long", "short"]
    assert parting(reply)[1] == "path"


async def test_items_that_fail_alike_are_told_once_and_lead_to_what_sets_them_apart(tmp_path: Path):
    source = """
from recorder import node

@node
def ask(x):
    if DOWN and x % 10 == 3:
        raise TimeoutError("504")
    return x

@node
def parse(x): return x

def classify(x): return parse(ask(x))

DOWN = False
def main(rec):
    rec.map(classify, range(40), name="classify", error_handling="continue")
"""
    record(tmp_path, source)
    reply = await compared(record(tmp_path, source.replace("DOWN = False", "DOWN = True")))
    assert reply["differing"] == 8
    assert reply["steps"] == [
        {"step": "[3]/classify/ask", "kinds": ["error"], "count": 4},
        {"step": "[3]/classify/parse", "kinds": ["missing"], "count": 4},
    ]
    assert reply["next"][0]["tool"] == "contrast_items"


async def test_items_of_a_map_are_matched_by_their_inputs_when_one_was_put_in(tmp_path: Path):
    source = """
from recorder import node

@node
def double(x): return 2 * x

def main(rec, items):
    rec.map(double, items, name="doubles")
"""
    record(tmp_path, source, items=[1, 2, 3])
    reply = await compared(record(tmp_path, source, items=[1, 9, 2, 3]))
    assert [step["step"] for step in reply["steps"]] == ["[1]"]
    assert reply["steps"][0]["kinds"] == ["extra"]
    assert "2 items stood at another index, and were found by equal inputs." in reply["not_compared"]


async def test_a_decision_and_a_cache_hit_and_a_retry_are_told(tmp_path: Path):
    def run(number: int, **gate: Any) -> list[Any]:
        return [
            run_frame(number, f"run-{number}", at=number * 1000),
            node(number, 1, "gate", at=number * 1000, **gate),
            outputs(number, 1, value("x", number)),
        ]

    frames = [
        *run(1, decision="short"),
        *run(2, decision="long"),
        *run(3, decision="short", cached=True),
        *run(4, decision="short", attempts=3),
    ]
    store = write_store(tmp_path, frames)
    told = [(await compared(store, run=f"run-{n}", against="run-1"))["summary"].partition(" at ")[2] for n in (2, 3, 4)]
    assert told == snapshot(
        [
            "'gate', which chose 'long' instead of 'short'.",
            "'gate', which gave another output, for equal recorded inputs: one of the two came from a cache.",
            "'gate', which gave another output, for equal recorded inputs, after another number of attempts.",
        ]
    )


async def test_without_values_it_says_so_and_compares_the_rest(tmp_path: Path):
    record(tmp_path, PRICES, values=False)
    reply = await compared(record(tmp_path, PRICES, values=False))
    assert "statuses and decisions (values are not recorded)" in reply["summary"]
    assert "Values: this run and the other has none; Recorder(values=True) records them." in reply["not_compared"]


async def test_values_kept_in_part_are_said_to_be_compared_in_part(tmp_path: Path):
    for text in ("x" * 70_000, "x" * 80_000):
        with Recorder(tmp_path / "store", values=True) as rec, rec.run("long", inputs={"n": 1}) as run:
            with rec.run("read") as inner:
                inner.set_output(text=text)
            run.set_output(done=True)
    assert any("2 values kept in part" in note for note in (await compared(tmp_path / "store"))["not_compared"])


async def test_a_run_held_against_itself_is_told_so(tmp_path: Path):
    store = record(tmp_path, PRICES)
    assert "held against itself" in (await compared(store, against="latest"))["summary"]


async def test_runs_of_different_graphs_may_be_compared_and_that_is_said(tmp_path: Path):
    record(tmp_path, PRICES.replace('"prices"', '"other"'))
    store = record(tmp_path, PRICES)
    other = (await ask_store(store, "list_runs", graph="other"))["runs"][0]["run_id"]
    assert (await compared(store, against=other))["summary"].endswith("They are runs of different graphs.")


async def test_without_a_good_run_the_others_are_named(tmp_path: Path):
    error = ErrorRecord("ValueError", "boom")
    frames = [run_frame(n, f"run-{n}", status="failed", failures=1, at=n, error=error) for n in (1, 2)]
    with pytest.raises(CannotAnswer, match=r"No good run of graph 'classify' .* It has 'run-1' \(failed\)"):
        await compared(write_store(tmp_path, frames))


async def test_a_crashed_run_says_what_it_did_not_reach(tmp_path: Path):
    frames = [
        run_frame(1, "run-1"),
        node(1, 1, "a"),
        node(1, 2, "b"),
        run_frame(2, "run-2", status="crashed", at=10, ms=None),
        node(2, 1, "a", at=10, status="crashed"),
    ]
    reply = await compared(write_store(tmp_path, frames), run="run-2")
    assert reply["first"]["kinds"] == ["status"]
    assert "What did not run: 'run-2' is crashed." in reply["not_compared"]


async def test_a_summary_leads_to_the_comparison_where_a_good_run_came_before(tmp_path: Path):
    store = record(tmp_path, PRICES)
    assert "compare_runs" not in [call["tool"] for call in (await ask_store(store, "summarize_run"))["next"]]
    record(tmp_path, PRICES.replace("1.5", "150"))
    calls = (await ask_store(store, "summarize_run"))["next"]
    call = next(call for call in calls if call["tool"] == "compare_runs")
    reply = await ask_store(store, call["tool"], **call["arguments"])
    assert reply["first"]["step"] == "convert"
    for following in reply["next"]:
        assert (await ask_store(store, following["tool"], **following["arguments"]))["summary"]


WAYS = """
from recorder import node

@node
def short(text): return text[:3]
@node
def save(text): return text
@node
def double(x): return 2 * x

def main(rec, text="hello", items=(1, 2, 3)):
    with rec.run("ways", inputs={"text": text}):
        save(short(text) if len(text) > 3 else text)
        for item in items:
            double(item)
"""


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        (WAYS.replace("2 * x", "3 * x"), {}),
        (WAYS, {"text": "other"}),
        (WAYS, {"text": "a"}),
        (WAYS, {"items": (1, 2, 3, 4)}),
        (WAYS.replace("return text[:3]", "raise ValueError(text)"), {}),
        (WAYS, {}),
    ],
    ids=["code", "input", "a step less", "a step more", "error", "nothing"],
)
async def test_two_runs_differ_alike_whichever_is_held_against_the_other(
    tmp_path: Path, source: str, arguments: dict[str, Any]
):
    record(tmp_path, WAYS)
    store = record(tmp_path, source, **arguments)
    newer, older = [run["run_id"] for run in (await ask_store(store, "list_runs"))["runs"]]
    there = await compared(store, run=newer, against=older)
    back = await compared(store, run=older, against=newer)
    for field in ("compared", "differing", "same_result"):
        assert there.get(field) == back.get(field)
    assert ("first" in there) == ("first" in back) == bool(there["differing"])
    if "first" in there:
        swapped = {"missing": "extra", "extra": "missing"}
        assert (there["first"]["step"], there["first"]["reason"]) == (back["first"]["step"], back["first"]["reason"])
        assert there["first"]["kinds"] == [swapped.get(kind, kind) for kind in back["first"]["kinds"]]
    sides = [(one["value"], one.get("run"), one.get("against")) for one in there.get("changes", ())]
    assert sides == [(one["value"], one.get("against"), one.get("run")) for one in back.get("changes", ())]

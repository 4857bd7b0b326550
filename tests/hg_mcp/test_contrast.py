"""What sets failing items apart, told of real recorded maps."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from hg_mcp.errors import CannotAnswer
from recorder import Recorder, node
from tests.hg_mcp.conftest import ask_store


@node
def fetch(doc: dict[str, Any]) -> dict[str, Any]:
    return dict(doc)


@node
def ask_model(prompt: str, language: str | None) -> str:
    if len(prompt) > 8_000 or language is None:
        raise TimeoutError("504")
    return prompt[:1]


def answer(doc: dict[str, Any]) -> str:
    page = fetch(doc)
    return ask_model(page["body"], page["language"])


def record(store: Path, docs: list[dict[str, Any]], function: Callable[..., Any] = answer, **options: Any) -> Path:
    with Recorder(store, **({"values": True} | options)) as rec:
        rec.map(function, docs, name="answer", error_handling="continue")
    return store


def documents(count: int, **of: Callable[[int], Any]) -> list[dict[str, Any]]:
    chance = random.Random(7)
    docs = [{"body": "x" * chance.randint(100, 900), "language": chance.choice(["en", "de"])} for _ in range(count)]
    return [doc | {name: make(i) for name, make in of.items() if make(i) is not None} for i, doc in enumerate(docs)]


async def best(store: Path, **arguments: Any) -> dict[str, Any]:
    return (await ask_store(store, "contrast_items", **arguments))["separators"][0]


async def test_a_prompt_that_is_too_long_is_named_with_its_counts_once(tmp_path: Path):
    docs = documents(50, body=lambda i: "y" * 9_000 if i in {3, 7, 12, 13, 14, 41} else None)
    reply = await ask_store(record(tmp_path, docs), "contrast_items", budget=800)
    first = reply["separators"][0]
    assert "length of input 'doc.body' of 'fetch'" in first["alike"]
    assert first["p"] < 1e-5
    steady = {key: reply[key] for key in ("summary", "step", "a", "b")}
    calls = [call | {"arguments": call["arguments"] | {"run": ""}} for call in reply["next"]]
    rest = {key: value for key, value in first.items() if key not in {"alike", "p"}}
    assert steady | {"first": rest, "next": calls} == snapshot(
        {
            "summary": "All 6 failed items: input 'prompt' of 'ask_model' is longer than 1,000; none of 44 completed.",
            "step": "",
            "a": "6 items: 3, 7, 12-14, 41",
            "b": "44 items: 0-2, 4-6, 8-11, 15-40, 42-49",
            "first": {
                "says": "All 6 failed items: input 'prompt' of 'ask_model' is longer than 1,000; none of 44 completed.",
                "a_hits": 6,
                "b_hits": 0,
                "a_of": 6,
                "b_of": 44,
                "range_a": [9000.0, 9000.0],
                "range_b": [123.0, 895.0],
            },
            "next": [
                {
                    "tool": "get_step_values",
                    "arguments": {"run": "", "step": "[3]/answer/ask_model", "value": "prompt", "direction": "input"},
                    "reason": "the value in an item of a",
                },
                {
                    "tool": "get_step_values",
                    "arguments": {"run": "", "step": "[0]/answer/ask_model", "value": "prompt", "direction": "input"},
                    "reason": "the value in an item of b",
                },
                {
                    "tool": "trace_value",
                    "arguments": {"run": "", "step": "[3]/answer/ask_model", "value": "prompt"},
                    "reason": "where it came from",
                },
            ],
        }
    )


async def test_a_null_that_only_failing_items_hold_is_named(tmp_path: Path):
    docs = documents(30)
    for i in (2, 9, 17, 25):
        docs[i]["language"] = None
    one = await best(record(tmp_path, docs))
    assert one["says"] == snapshot("All 4 failed items: input 'language' of 'ask_model' is null; none of 26 completed.")
    assert "kind of input 'doc.language' of 'fetch'" in one["alike"]


async def test_a_category_that_fails_most_of_the_time_is_found_among_others(tmp_path: Path):
    @node
    def parse(doc: dict[str, Any]) -> str:
        if doc["kind"] == "pdf" and doc["n"] != 4:
            raise ValueError("no text")
        return doc["kind"]

    docs = [{"kind": ["pdf", "html", "txt", "md"][i % 4], "n": i} for i in range(48)]
    assert (await best(record(tmp_path, docs, parse)))["says"] == snapshot(
        "All 11 failed items: input 'doc.kind' of 'parse' is 'pdf'; 1 of 37 completed."
    )


async def test_a_key_that_is_missing_is_named(tmp_path: Path):
    @node
    def title(doc: dict[str, Any]) -> str:
        return doc["meta"]["title"]

    docs = [{"meta": {"title": f"t{i}"} if i % 5 else {"name": "x"}} for i in range(40)]
    assert (await best(record(tmp_path, docs, title)))["says"] == snapshot(
        "All 8 failed items: input 'doc.meta.title' of 'title' is missing; none of 32 completed."
    )


async def test_text_beyond_ascii_is_named(tmp_path: Path):
    @node
    def encode(text: str) -> bytes:
        return text.encode("ascii")

    texts: Any = [f"plain text {i}" if i % 6 else f"naïve {i} text" for i in range(48)]
    assert (await best(record(tmp_path, texts, encode)))["says"] == snapshot(
        "All 8 failed items: input 'text' of 'encode' holds characters beyond ASCII; none of 40 completed."
    )


async def test_a_null_inside_a_list_is_found(tmp_path: Path):
    @node
    def total(prices: list[Any]) -> float:
        return sum(prices)

    rows: Any = [[1.0, 2.0, None if i in {1, 8, 9, 20} else 3.0] for i in range(40)]
    assert (await best(record(tmp_path, rows, total)))["says"] == snapshot(
        "All 4 failed items: input 'prices[]' of 'total' is null; none of 36 completed."
    )


async def test_the_effect_of_a_failure_is_marked_and_comes_after_its_cause(tmp_path: Path):
    docs = documents(40, body=lambda i: "y" * 9_000 if i % 8 == 0 else None)

    @node
    def save(text: str) -> None: ...

    def answer_and_save(doc: dict[str, Any]) -> None:
        save(answer(doc))

    reply = await ask_store(record(tmp_path, docs, answer_and_save), "contrast_items", budget=10_000)
    assert "may_be_effect" not in reply["separators"][0]
    assert "executed of 'save'" in reply["separators"][0]["alike"]


async def test_chance_is_called_chance(tmp_path: Path):
    @node
    def flaky(doc: dict[str, Any]) -> None:
        if doc["n"] in {5, 11, 17, 22, 33}:
            raise ConnectionError("504")

    docs = [{"n": i, "salt": random.Random(i).randint(0, 99)} for i in range(40)]
    reply = await ask_store(record(tmp_path, docs, flaky), "contrast_items")
    assert reply["summary"].startswith("Nothing recorded tells why these 5 items and not the other 35")
    assert reply["note"] == snapshot(
        "What is listed may be chance (p over 0.01) or an effect; the cause may not be recorded."
    )


async def test_too_few_items_are_too_few(tmp_path: Path):
    docs = documents(4, body=lambda i: "y" * 9_000 if i == 1 else None)
    reply = await ask_store(record(tmp_path, docs), "contrast_items")
    assert "Too few items: even a perfect separation of 1 against 3 reaches p = " in reply["note"]


async def test_items_may_be_named_and_the_rest_held_against_them(tmp_path: Path):
    store = record(tmp_path, documents(40, body=lambda i: "z" * 5_000 if i in {1, 2, 3, 30} else None))
    reply = await ask_store(store, "contrast_items", a="1-3,30", b="rest")
    assert reply["summary"] == snapshot(
        "All 4 items of a: input 'doc.body' of 'answer' is longer than 1,000; none of 36 of b."
    )


async def test_without_values_it_says_which_line_records_them(tmp_path: Path):
    docs = documents(20, body=lambda i: "y" * 9_000 if i % 4 == 0 else None)
    reply = await ask_store(record(tmp_path, docs, values=False), "contrast_items")
    assert "Recorder(values=True)" in reply["note"]


async def test_an_inner_map_is_found_and_may_be_named(tmp_path: Path):
    with Recorder(tmp_path, values=True) as rec, rec.run("outer"):
        rec.map(fetch, documents(3), name="quiet")
        rec.map(
            answer, documents(20, language=lambda i: None if i % 5 else "fr"), name="loud", error_handling="continue"
        )
        docs = documents(24, body=lambda i: "y" * 9_000 if i % 4 == 0 else None)
        rec.map(answer, docs, name="answers", error_handling="continue")
    assert (await ask_store(tmp_path, "contrast_items"))["step"] == "answers"
    with pytest.raises(CannotAnswer, match=r"status:failed.*matches no item.*'quiet'"):
        await ask_store(tmp_path, "contrast_items", step="quiet")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"a": "7-3"}, "a '7-3' must look like '3,7,12-20' or 'status:failed'"),
        ({"a": "status:broken"}, "No status 'broken'"),
        ({"a": "99"}, r"a='99' matches no item \(left\) of run .* Its 12 items: 9 completed, 3 failed\."),
        ({"b": "status:paused"}, "b='status:paused' matches no item"),
        ({"step": "[0]/answer"}, "The run itself is the map: leave step out"),
        ({"step": "nowhere"}, "has no step 'nowhere'"),
    ],
)
async def test_wrong_words_are_answered_with_right_ones(tmp_path: Path, arguments: dict[str, str], says: str):
    store = record(tmp_path, documents(12, body=lambda i: "y" * 9_000 if i % 4 == 0 else None))
    with pytest.raises(CannotAnswer, match=says):
        await ask_store(store, "contrast_items", **arguments)


async def test_a_summary_leads_to_the_contrast_and_that_to_the_origin_of_the_value(tmp_path: Path):
    docs = documents(30, body=lambda i: "y" * 9_000 if i % 6 == 0 else None)
    store = record(tmp_path, docs)
    summary = await ask_store(store, "summarize_run")
    call = next(call for call in summary["next"] if call["tool"] == "contrast_items")
    contrasted = await ask_store(store, call["tool"], **call["arguments"])
    call = next(call for call in contrasted["next"] if call["tool"] == "trace_value")
    trace = await ask_store(store, call["tool"], **call["arguments"])
    places = [(hop["step"], hop["direction"]) for hop in trace["hops"]]
    assert places == [
        ("[0]/answer/ask_model", "input"),
        ("[0]/answer/fetch", "output"),
        ("[0]/answer/fetch", "input"),
        ("[0]/answer", "input"),
    ]


async def test_steps_of_another_map_whose_name_is_as_long_are_not_mixed_in(tmp_path: Path):
    @node
    def weigh(number: int) -> int:
        if number in {1, 4, 7}:
            raise ValueError("too heavy")
        return number

    @node
    def count(number: int) -> int:
        return number

    def both() -> None:
        with rec.run("twice"):
            rec.map(weigh, range(9), name="left", error_handling="continue")
            rec.map(count, range(9), name="rite", error_handling="continue")

    with Recorder(tmp_path, values=True) as rec:
        both()
    told = str(await ask_store(tmp_path, "contrast_items", a="1,4,7", b="rest", budget=3_000))
    assert "weigh" in told
    assert "count" not in told


async def test_keys_that_are_data_do_not_become_measures_of_their_own(tmp_path: Path):
    docs = documents(300, language=lambda i: {"en": 1} if i % 10 else None)
    docs = [doc | {"by_id": {f"{i}-{n}": n for n in range(30)}} for i, doc in enumerate(docs)]
    reply = await ask_store(record(tmp_path, docs), "contrast_items", a="0-9", b="rest", budget=800)
    assert reply["compared"] < 50, "one measure for each of 300 items would correct every p by as much"


async def test_a_key_of_the_failing_items_is_found_among_more_keys_that_are_data(tmp_path: Path):
    def check(doc: dict[str, Any]) -> int:
        if "void" in doc:
            raise ValueError("void")
        return len(doc)

    docs = [{f"id-{i}-{n}": n for n in range(3)} for i in range(400)]
    for doc in docs[100::50]:
        doc["void"] = 1
    reply = await ask_store(record(tmp_path, docs, check), "contrast_items")
    assert reply["summary"] == "All 6 failed items: input 'doc.void' of 'check' is there; none of 394 completed."
    assert reply["compared_in_part"] == ["input 'doc' of 'check'"]


@pytest.mark.parametrize(
    ("large", "told"),
    [
        (lambda i: {f"k{n}": i for n in range(41)}, ["input 'doc' of 'check'"]),
        (lambda i: {"list": [i] * 41}, ["input 'doc.list' of 'check'"]),
        (lambda i: {"a": {"b": {"c": {"d": {"e": i}}}}}, ["input 'doc.a.b.c.d' of 'check'"]),
        (lambda i: {"list": [{f"k{n}": i for n in range(40)}] * 40}, None),
    ],
)
async def test_a_value_that_is_too_large_to_be_compared_whole_is_named(
    tmp_path: Path, large: Callable[[int], Any], told: list[str] | None
):
    def check(doc: dict[str, Any]) -> None:
        del doc

    store = record(tmp_path, [large(i) for i in range(8)], check)
    assert (await ask_store(store, "contrast_items", a="0-3", b="rest")).get("compared_in_part") == told


async def test_a_single_item_is_not_told_in_the_plural(tmp_path: Path):
    docs = documents(3, body=lambda _: "x")
    reply = await ask_store(record(tmp_path, docs), "contrast_items", a="0", b="rest")
    assert reply["summary"].startswith("Nothing recorded tells why this item and not the other 2 of run")

"""Which values a ``ValueTracer`` keeps, what it says of the others, and what it refuses to be."""

import contextlib
import gc
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hg_mcp.queries.policies import never_matched, why_absent
from recorder import Recorder, Redaction, ValueTracer, node
from recorder.store.records import RunFilter
from recorder.values.choosing import reaches
from tests.support.reading import all_steps, only_run, reading


@node
def load(page: int) -> str:
    return f"text {page}"


@node
def summarize(text: str, style: str) -> str:
    if "13" in text:
        raise ValueError(text)
    return text[:4] + style


@node
def document(page: int) -> str:
    return summarize(load(page), style="short")


def record(store: Path, tracer: ValueTracer | bool, pages: int | range = 1) -> None:
    """A run of ``document``, or with a range a map of it."""
    with Recorder(store, values=tracer) as rec:
        if isinstance(pages, range):
            rec.map(document, pages, name="documents", error_handling="continue")
            return
        with contextlib.suppress(ValueError), rec.run("one", inputs={"pages": pages}) as run:
            run.set_output(text=document(pages))


async def kept(store: Path) -> dict[str, list[str]]:
    """What is recorded: by path (empty for the run) the directions and names, with the status of those not captured."""
    async with reading(store) as reader:
        run = await only_run(reader)
        places = {"": 0} | {step.path: step.step for step in await all_steps(reader, run)}
        found = {path: await reader.values(run.key, step, with_data=True) for path, step in places.items()}
    return {
        path: [f"{one.direction} {one.name}" + (" -" if one.status == "not_captured" else "") for one in values]
        for path, values in found.items()
        if values
    }


async def reasons(store: Path) -> Mapping[str, str]:
    """Why there are no values, by path."""
    async with reading(store) as reader:
        run = await only_run(reader)
        steps = await all_steps(reader, run)
        absent = [one for one in steps if not await reader.values(run.key, one.step, with_data=False)]
        return {"": why_absent(run, None)} | {one.path: why_absent(run, one) for one in absent}


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("embed", ["embed", "embed@2", "[3]/embed", "outer/embed", "[3]/outer[2]/embed"]),
        ("/embed", ["embed", "embed@2", "[3]/embed"]),
        ("e*", ["embed", "embed@2", "[3]/embed", "outer/embed", "[3]/outer[2]/embed"]),
        ("?mbed@2", ["embed@2"]),
        ("embed@*", ["embed@2"]),
        ("outer/*", ["outer/embed", "[3]/outer[2]/embed"]),
        ("outer[2]/*", ["[3]/outer[2]/embed"]),
        ("[*]/**", ["[3]/embed", "[3]/outer[2]/embed", "[3]/outer[2]/in/deep"]),
        ("[4]/**", []),
        ("outer/**", ["outer", "outer/embed", "[3]/outer[2]/embed", "[3]/outer[2]/in/deep"]),
        ("outer/**/deep", ["[3]/outer[2]/in/deep"]),
        ("**/embed", ["embed", "embed@2", "[3]/embed", "outer/embed", "[3]/outer[2]/embed"]),
        ("a%2Fb", ["a%2Fb"]),
        (".", [""]),
        ("em.ed", []),
    ],
)
def test_a_pattern_chooses_steps_by_their_path(pattern: str, chosen: list[str]) -> None:
    paths = ["", "embed", "embed@2", "[3]/embed", "outer", "outer/embed", "[3]/outer[2]/embed"]
    paths += ["[3]/outer[2]/in/deep", "bed", "a%2Fb"]
    assert [path for path in paths if reaches((pattern,), path)] == chosen
    assert all(reaches(("**",), path) for path in paths)


async def test_everything_is_kept_by_default(tmp_path: Path) -> None:
    record(tmp_path, ValueTracer())
    assert await kept(tmp_path) == {
        "": ["input pages", "output text"],
        "document": ["input page", "output return"],
        "document/load": ["input page", "output return"],
        "document/summarize": ["input text", "input style", "output return"],
    }


async def test_only_chosen_nodes_are_kept_and_the_others_say_which_were(tmp_path: Path) -> None:
    record(tmp_path, ValueTracer(nodes=["document/*"], exclude=["load"]))
    assert list(await kept(tmp_path)) == ["document/summarize"]
    assert await reasons(tmp_path) == {
        "": "Not captured: ValueTracer(nodes=['document/*']) does not choose the run itself. "
        "To capture it: add '.' to nodes.",
        "document": "Not captured: ValueTracer(nodes=['document/*']) does not choose this step. "
        "To capture it: add 'document' to nodes.",
        "document/load": "Not captured: ValueTracer(exclude=['load']) leaves this step out. "
        "Take that out to capture it.",
    }


async def test_values_of_other_names_are_told_without_their_content(tmp_path: Path) -> None:
    record(tmp_path, ValueTracer(nodes=["summarize"], fields=["te*"]))
    assert await kept(tmp_path) == {"document/summarize": ["input text", "input style -", "output return -"]}


async def test_only_what_fails_is_kept(tmp_path: Path) -> None:
    record(tmp_path, ValueTracer(when="failed"), pages=13)
    assert await kept(tmp_path) == {
        "": ["input pages"],
        "document": ["input page"],
        "document/summarize": ["input text", "input style"],
    }
    assert await reasons(tmp_path) | {"": ""} == {
        "": "",
        "document/load": "Not captured: ValueTracer(when='failed') keeps inputs of what failed only. "
        "To capture it: ValueTracer(when='always', sample=1).",
    }


async def test_held_inputs_are_recorded_as_they_are_when_the_step_fails_and_say_so(tmp_path: Path) -> None:
    with Recorder(tmp_path, values=ValueTracer(when="failed")) as rec, contextlib.suppress(ValueError), rec.run("one"):
        consume([1, 2])
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        (value,) = await reader.values(run.key, 1, with_data=True)
    assert (value.status, value.data, value.note) == ("captured", b"[]", "read when the step failed")


@node
def consume(queue: list[int]) -> None:
    queue.clear()
    raise ValueError("empty")


def test_held_inputs_are_let_go_of_when_the_step_ends_however_it_does(tmp_path: Path) -> None:
    class Document:
        """Something to refer to weakly."""

    @node
    def read(document: Document, how: str) -> None:
        if how == "fails":
            raise ValueError(how)
        if how == "leaves":
            raise SystemExit

    with Recorder(tmp_path, values=ValueTracer(when="failed")) as rec:
        for how in ("ends", "fails", "leaves"):
            document = Document()
            with contextlib.suppress(ValueError, SystemExit), rec.run("one", inputs={"document": document}):
                read(document, how)
            gone = weakref.ref(document)
            del document
            gc.collect()
            assert gone() is None, how


async def test_a_sample_of_items_is_kept_and_all_that_fail(tmp_path: Path) -> None:
    tracer = ValueTracer(sample=0.25)
    record(tmp_path, tracer, pages=range(100))
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
    found = await kept(tmp_path)
    whole = {path.partition("/")[0] for path, values in found.items() if "output return" in values}
    assert whole == {f"[{n}]" for n in range(100) if tracer.left_out_by(run.run_id, f"[{n}]/x") is None}
    assert found["[13]/document/summarize"] == ["input text", "input style"]
    assert all(f"{item}/document/summarize" in found for item in whole)


def test_a_sample_is_about_its_share() -> None:
    kept_items = [n for n in range(10_000) if ValueTracer(sample=0.25).left_out_by("run", f"[{n}]/x") is None]
    assert 2_400 < len(kept_items) < 2_600


@given(st.uuids().map(str), st.integers(0, 99), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_sample_holds_the_smaller_and_an_item_is_taken_whole(
    run_id: str, item: int, one: float, other: float
) -> None:
    small, large = (ValueTracer(sample=share) for share in sorted((one, other)))
    paths = [f"[{item}]/a", f"[{item}]/b[7]/c", f"[{item}]/b[8]/c@2"]
    assert len({small.left_out_by(run_id, path) for path in paths}) == 1
    if small.left_out_by(run_id, paths[0]) is None:
        assert large.left_out_by(run_id, paths[0]) is None


async def test_beyond_a_limit_values_are_told_by_name_and_type(tmp_path: Path) -> None:
    with Recorder(tmp_path, values=ValueTracer(max_run_bytes=1000, max_total_bytes=1500)) as rec:
        for name in ("first", "second"):
            with rec.run(name, inputs={"large": "x" * 990, "small": "y" * 90, "late": [1]}):
                pass
    async with reading(tmp_path) as reader:
        second, first = await reader.runs(RunFilter(), limit=10)
        of_first = await reader.values(first.key, 0, with_data=True)
        of_second = await reader.values(second.key, 0, with_data=True)
    assert [(one.name, one.status) for one in of_first] == [
        ("large", "captured"),
        ("small", "captured"),
        ("late", "not_captured"),
    ]
    assert (of_first[2].type, of_first[2].note) == ("list", "run limit: ValueTracer(max_run_bytes=1000)")
    assert [one.note for one in of_second] == [None, *["total limit: ValueTracer(max_total_bytes=1500)"] * 2]


async def test_a_value_longer_than_the_limit_is_cut(tmp_path: Path) -> None:
    record(tmp_path, ValueTracer(nodes=["load"], max_value_bytes=64))
    with Recorder(tmp_path, values=ValueTracer(max_value_bytes=64)) as rec, rec.run("long", inputs={"text": "é" * 99}):
        pass
    async with reading(tmp_path) as reader:
        run = (await reader.runs(RunFilter(), limit=1))[0]
        (value,) = await reader.values(run.key, 0, with_data=True)
    assert value.status == "truncated"
    assert value.data is not None
    assert len(value.data) <= 64


async def test_a_recorder_without_values_says_how_to_have_them(tmp_path: Path) -> None:
    record(tmp_path, False)
    why = "Not captured: this recorder records no values. To record them: Recorder(values=True)."
    assert set((await reasons(tmp_path)).values()) == {why}


async def test_a_step_that_got_no_values_is_told_apart_from_one_that_the_policy_left_out(tmp_path: Path) -> None:
    with Recorder(tmp_path, values=True) as rec, rec.run("one"):
        pass
    assert (await reasons(tmp_path))[""].startswith("Not captured: the policy keeps it, but nobody gave any.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"nodes": "llm_call"}, r"nodes must be a list of patterns: nodes=\['llm_call'\]"),
        ({"nodes": 3}, "nodes must be a list of patterns, not int"),
        ({"fields": [3]}, "a pattern in fields must be text, not int"),
        ({"sample": "half"}, "sample must be a number from 0 to 1, not str"),
        ({"sample": True}, "sample must be a number from 0 to 1, not bool"),
        ({"max_run_bytes": "1 MB"}, "max_run_bytes must be a number of bytes or None, not str"),
        ({"max_value_bytes": None}, "max_value_bytes must be a number of bytes, not NoneType"),
    ],
)
def test_a_wrong_type_is_refused_with_what_is_valid(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        ValueTracer(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"nodes": [""]}, "a pattern in nodes is empty, and would choose nothing"),
        ({"nodes": ["a//b"]}, r"'a//b' chooses no step: it is no path of node names, such as 'llm_call'"),
        ({"nodes": ["a[x]/b"]}, "chooses no step"),
        (
            {"exclude": ["[3]"]},
            r"it ends at an item, which has no values of its own; '\[3\]/\*\*' is what happened in it",
        ),
        ({"when": "never"}, "when must be 'always' or 'failed', not 'never'"),
        ({"sample": 1.5}, r"sample must be from 0 \(only what fails\) to 1 \(everything\), not 1.5"),
        ({"sample": float("nan")}, "sample must be from 0"),
        ({"max_value_bytes": 0}, r"at least 64, not 0. To record no values: Recorder\(values=False\)"),
        ({"max_run_bytes": 0}, "at least 1, not 0; None is no limit"),
        ({"max_total_bytes": -1}, "at least 1, not -1; None is no limit"),
        ({"nodes": ["a", "b"], "exclude": ["b"]}, "'b' is both in nodes, which keeps it, and in exclude"),
        ({"exclude": ["**"]}, "leaves out everything"),
        ({"when": "failed", "sample": 0.5}, "so there is nothing to sample"),
    ],
)
def test_what_is_out_of_range_or_contradicts_itself_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ValueTracer(**arguments)


@pytest.mark.parametrize(
    ("node", "pattern"),
    [
        ("a", "*"),
        ("a", "a/**"),
        ("a", "a"),
        ("/a", "/a"),
        ("x/a", "x/**"),
        ("a@2", "a"),
        ("[3]/a", "[*]/a"),
        ("b", "b*"),
    ],
)
def test_a_node_that_is_always_excluded_is_refused(node: str, pattern: str) -> None:
    with pytest.raises(ValueError, match=r"both in nodes|exclude leaves out all that"):
        ValueTracer(nodes=["other", node], exclude=["none", pattern])


@pytest.mark.parametrize(
    ("node", "pattern"),
    [("a", "/a"), ("a", "outer/a"), ("a", "a@2"), ("a", "[3]/**"), ("outer/**", "outer/*"), (".", "*"), ("a", ".")],
)
def test_a_node_that_is_excluded_in_places_is_not(node: str, pattern: str) -> None:
    assert ValueTracer(nodes=[node], exclude=[pattern])


async def test_a_policy_can_be_read_whatever_a_users_redaction_finds_in_its_text(tmp_path: Path) -> None:
    greedy = Redaction().extended(patterns=[r"\d{2,}", "max_value_bytes"])
    tracer = ValueTracer(nodes=["step77"], max_value_bytes=128)
    with Recorder(tmp_path, values=tracer, redact=greedy) as rec, rec.run("r"):
        load(1)
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
    assert run.worker.values_policy == '{"nodes":["step[redacted:pattern]"],"max_value_bytes":128}'


def test_a_policy_is_frozen_and_comes_back_from_its_text() -> None:
    tracer = ValueTracer(nodes=["llm_call"], sample=0.5)
    assert tracer.to_json() == '{"nodes":["llm_call"],"sample":0.5}'
    assert msgspec.json.decode(tracer.to_json(), type=ValueTracer) == tracer
    with pytest.raises(AttributeError):
        tracer.sample = 1.0  # pyright: ignore[reportAttributeAccessIssue]


# Patterns that match nothing ------------------------------------------------------------------------------------------


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "recorder"]


@pytest.mark.parametrize(
    ("tracer", "said"),
    [
        (
            ValueTracer(nodes=["sumarize", "document/load"]),
            "ValueTracer(nodes=['sumarize']) chose no step of those that came (did you mean 'summarize'?)",
        ),
        (
            ValueTracer(exclude=["/lod"]),
            "ValueTracer(exclude=['/lod']) leaves out no step of those that came (did you mean 'load'?)",
        ),
        (
            ValueTracer(fields=["text", "stile", "zzz"]),
            "ValueTracer(fields=['stile', 'zzz']) chose no value of those that came (did you mean 'style'?)",
        ),
    ],
    ids=["nodes", "exclude", "fields"],
)
async def test_a_pattern_that_chose_nothing_is_said_once_at_the_end_and_kept_in_the_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, tracer: ValueTracer, said: str
) -> None:
    record(tmp_path, tracer, range(3))
    (line,) = warned(caplog)
    assert line == f"hg-mcp: {said}. Your run is not affected; the record will say what is missing."
    async with reading(tmp_path) as reader:
        worker = (await only_run(reader)).worker
    assert never_matched(worker) == said


async def test_patterns_that_all_chose_something_are_not_spoken_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record(tmp_path, ValueTracer(nodes=["load", "document/**", "."], exclude=["summarize"], fields=["page*", "t?xt"]))
    assert warned(caplog) == []
    async with reading(tmp_path) as reader:
        assert (await only_run(reader)).worker.values_unmatched == {}


def test_where_nothing_was_recorded_no_pattern_is_blamed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Recorder(tmp_path, values=ValueTracer(nodes=["llm"], fields=["prompt"])):
        pass
    with Recorder(tmp_path, values=ValueTracer(nodes=["llm"])) as rec, rec.run("empty"):
        pass
    assert warned(caplog) == []


def test_a_secret_in_a_pattern_is_not_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record(tmp_path, ValueTracer(nodes=["sk-ant-0123456789abcdef0123"]))
    (line,) = warned(caplog)
    assert "[redacted:anthropic_key]" in line
    assert "0123456789abcdef" not in line

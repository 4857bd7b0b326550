"""What every store keeps of steps, their attempts and errors, and which steps it finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.journal.frames import ITEM, AttemptFrame, Cause, ErrorRecord, StepFrame
from recorder.store.records import StepFilter
from recorder.store.sqlite.rows import pack_id, unpack_id
from tests.contract.building import T0, TIMEOUT, Store, process, run, step


async def test_a_later_batch_replaces_the_whole_row_and_its_error(store: Store) -> None:
    store.put(process(), run(), step(1, "failed", error=TIMEOUT, decision="left"))
    store.put(step(1, "completed", final=False))
    (kept,) = await store.reader.steps(1, StepFilter(), limit=9)
    assert (kept.status, kept.decision, kept.error_type) == ("completed", None, None)
    assert await store.reader.failures(1) == []


async def test_attempts_keep_their_errors_apart_from_the_steps(store: Store) -> None:
    first = AttemptFrame(1, 1, 1, T0, T0 + 5, 0.005, "failed", TIMEOUT, 3, 1.5, retry_scheduled=True)
    store.put(process(), run(), step(1, attempts=2), first, AttemptFrame(1, 1, 2, None, None, None, "succeeded"))
    one, two = await store.reader.attempts(1, 1)
    assert (one.outcome, one.error, one.timeout_seconds, one.retry_scheduled) == ("failed", TIMEOUT, 1.5, True)
    assert (two.number, two.outcome, two.error, two.started_at) == (2, "succeeded", None, None)
    assert await store.reader.failures(1) == []


async def test_failures_are_those_of_steps_in_start_order_then_the_runs_own(store: Store) -> None:
    store.put(process(), run(1, "failed", error=ErrorRecord("E", "run")), step(1, "failed", error=TIMEOUT, item=3))
    store.put(step(2, "failed", error=ErrorRecord("E", "two"), propagated=True, path="a/b"))
    one, two, last = await store.reader.failures(1)
    assert (one.step, one.kind, one.item, one.status, one.error) == (1, "node", 3, "failed", TIMEOUT)
    assert (two.path, two.propagated) == ("a/b", True)
    assert (last.step, last.path, last.status, last.error.message) == (0, "", "failed", "run")


@pytest.mark.parametrize("name", ["", "naïve 🚀", "a\0b", "x" * 200_000, "'; DROP TABLE runs; --", "%[1]/@2#"])
async def test_names_and_texts_of_any_shape_come_back_as_they_were(store: Store, name: str) -> None:
    fields = {"node": name, "graph": name, "path": name, "span": name, "thread": name, "nested_run_id": name}
    error = ErrorRecord(name, name, ((name, 1, name, name),), (Cause(name, name),), (name,))
    store.put(process(), run(graph=name, workflow_id=name, metadata={name: name}), step(1, error=error, **fields))
    (kept,) = await store.reader.steps(1, StepFilter(), limit=9)
    assert {getattr(kept, field) for field in fields} == {name}
    assert (await store.reader.failures(1))[0].error == error
    assert (await store.run()).metadata == {name: name}
    assert await store.reader.step_at(1, name) == kept
    assert await store.reader.nodes(1) == [name]


@given(st.one_of(st.text(max_size=20), st.binary(min_size=8, max_size=8).map(bytes.hex)))
def test_ids_are_packed_without_loss(name: str) -> None:
    assert unpack_id(pack_id(name)) == name


@given(st.text(alphabet="0123456789abcdefABCDEF \t", min_size=16, max_size=24))
def test_ids_that_only_resemble_hex_are_not_mangled(name: str) -> None:
    assert unpack_id(pack_id(name)) == name


async def test_steps_are_filtered_by_every_field(store: Store) -> None:
    def at(number: int, path: str, status: str = "completed", **fields: object) -> StepFrame:
        return step(number, status, path=path, node=path.rpartition("/")[2], **fields)

    store.put(
        process(),
        run(is_map=True),
        at(1, "[3]", kind=ITEM, item=3),
        at(2, "[3]/page", duration_ms=50.0),
        at(3, "[3]/page[10]", kind=ITEM, item=10),
        at(4, "[3]/page[10]/fetch", "failed", item=10),
        at(5, "[3]/page@2", item=3),
        at(6, "[30]/page/fetch", "running", item=30),
        at(7, "fetch"),
    )
    assert await store.paths(items=[3]) == ["[3]", "[3]/page", "[3]/page[10]", "[3]/page[10]/fetch", "[3]/page@2"]
    assert await store.paths(items=[10]) == []
    assert await store.paths(item_statuses=["completed"], nodes_only=True) == [
        "[3]/page",
        "[3]/page[10]/fetch",
        "[3]/page@2",
    ]
    assert await store.paths(item_statuses=["failed"]) == []
    assert await store.paths(items=[30], item_statuses=["completed"], node="fetch") == [
        "[3]/page[10]/fetch",
        "[30]/page/fetch",
    ]
    assert await store.paths(under="[3]/page") == ["[3]/page", "[3]/page[10]", "[3]/page[10]/fetch"]
    assert await store.paths(statuses=["failed"]) == ["[3]/page[10]/fetch"]
    assert await store.paths(statuses=["failed", "running"]) == ["[3]/page[10]/fetch", "[30]/page/fetch"]
    assert await store.paths(node="fetch", items=[30]) == ["[30]/page/fetch"]
    assert await store.paths(slower_than_ms=5.0) == ["[3]/page"]
    assert await store.paths(nodes_only=True, under="[3]") == ["[3]/page", "[3]/page[10]/fetch", "[3]/page@2"]
    assert await store.reader.count_steps(1, StepFilter(items=[3], nodes_only=True)) == 3
    assert [kept.step for kept in await store.reader.steps(1, StepFilter(), limit=2, after=4)] == [5, 6]
    found = await store.reader.step_at(1, "[3]/page@2")
    assert found is not None
    assert found.step == 5
    assert await store.reader.step_at(1, "[3]/pag") is None

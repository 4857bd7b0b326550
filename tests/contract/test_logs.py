"""What every store keeps of log records, and of what steps told of themselves."""

from recorder.journal.frames import LogFrame, Told
from recorder.store.records import LogFilter, NodeUsage, StepFilter, Usage
from tests.contract.building import T0, Store, process, run, step


def logged(step: int, number: int, at: int, level: int = 20, **fields: object) -> LogFrame:
    name = {20: "INFO", 40: "ERROR"}[level]
    return LogFrame(1, step, number, T0 + at, level, name, "app", f"{step}.{number}", **fields)


async def test_log_records_come_back_in_the_order_of_time_with_their_steps(store: Store) -> None:
    whole = logged(2, 1, 5, 40, place=2, file="a.py", line=3, error=("E", "m"), fields='{"a":[1]}')
    store.put(process(), run(), step(1), step(2, node="b"), logged(1, 1, 10), whole, logged(0, 1, 7))
    entries = await store.reader.logs(1, LogFilter(), limit=9)
    assert [(entry.path, entry.message) for entry in entries] == [("b", "2.1"), ("", "0.1"), ("fetch", "1.1")]
    first = entries[0]
    assert (first.level, first.level_name, first.logger, first.place) == (40, "ERROR", "app", "after_its_step")
    assert (first.file, first.line, first.error_type, first.error_message) == ("a.py", 3, "E", "m")
    assert (first.fields, entries[1].fields) == ({"a": [1]}, {})


async def test_log_records_are_filtered_counted_and_paged(store: Store) -> None:
    store.put(process(), run(), step(1, path="a"), step(2, path="a/b"), step(3, path="ab"))
    store.put(*(logged(number, 1, 10 * number, 40 if number == 2 else 20) for number in (1, 2, 3)), logged(1, 2, 10))

    async def found(**which: object) -> list[str]:
        entries = await store.reader.logs(1, LogFilter(**which), limit=9)
        assert len(entries) == await store.reader.count_logs(1, LogFilter(**which))
        return [entry.message for entry in entries]

    assert await found() == ["1.1", "1.2", "2.1", "3.1"]
    assert await found(level=30) == ["2.1"]
    assert await found(under="a") == ["1.1", "1.2", "2.1"]
    assert await found(since=T0 + 20) == ["2.1", "3.1"]
    page = await store.reader.logs(1, LogFilter(), limit=2, after=(T0 + 10, 1, 1))
    assert [entry.message for entry in page] == ["1.2", "2.1"]


async def test_a_log_record_may_come_before_its_run_and_step(store: Store) -> None:
    store.put(process(), logged(1, 1, 10))
    store.put(run(), step(1))
    assert [entry.path for entry in await store.reader.logs(1, LogFilter(), limit=9)] == ["fetch"]


async def test_what_a_step_told_is_its_last_word(store: Store) -> None:
    store.put(process(), run(), step(1, "running", told=Told(metadata={"a": "1"}, logs_dropped={"INFO": 1})))
    store.put(step(1, told=Told({"a": "2"}, 10, 5, None, 0.5, {"INFO": 7, "ERROR": 1})), step(2, node="b"))
    told, silent = await store.reader.steps(1, StepFilter(), limit=9)
    assert told.metadata == {"a": "2"}
    assert told.usage == Usage(input_tokens=10, output_tokens=5, tokens=15, cost=0.5)
    assert (silent.metadata, silent.usage) == ({}, None)
    assert await store.reader.logs_dropped(1) == {"ERROR": 1, "INFO": 7}
    assert await store.reader.logs_dropped(1, "b") == {}


async def test_cached_calls_inside_a_step_are_counted(store: Store) -> None:
    store.put(process(), run(), step(1, told=Told(cache_hits=2, cache_misses=1)), step(2, node="b"))
    told, silent = await store.reader.steps(1, StepFilter(), limit=9)
    assert (told.cache_hits, told.cache_misses, silent.cache_hits, silent.cache_misses) == (2, 1, 0, 0)


async def test_usage_is_summed_by_node(store: Store) -> None:
    store.put(process(), run(told=Told(tokens=1)), step(1, told=Told(None, 10, 5)), step(2, told=Told(tokens=3)))
    store.put(step(3, node="b", told=Told(cost=2.5)), step(4, node="c", told=Told(logs_dropped={"INFO": 1})))
    nothing = {"input_tokens": None, "output_tokens": None, "cost": None}
    assert await store.reader.usage(1) == [
        NodeUsage(node="", graph="", usage=Usage(**nothing | {"tokens": 1})),
        NodeUsage(node="fetch", graph="classify", usage=Usage(input_tokens=10, output_tokens=5, tokens=18, cost=None)),
        NodeUsage(node="b", graph="classify", usage=Usage(**nothing | {"tokens": None, "cost": 2.5})),
    ]


async def test_the_usage_of_a_run_counts_a_step_and_what_it_called_once(store: Store) -> None:
    store.put(
        process(), run(), step(1, node="outer", told=Told(tokens=100)), step(2, parent=1, told=Told(None, 60, 30))
    )
    store.put(step(3, parent=2, told=Told(cost=0.5)), step(4, node="b", told=Told(tokens=1, cost=0.25)))
    assert await store.reader.total_usage(1) == Usage(input_tokens=60, output_tokens=30, tokens=101, cost=0.75)
    store.put(run(told=Told(cost=2.0)))
    assert await store.reader.total_usage(1) == Usage(input_tokens=60, output_tokens=30, tokens=101, cost=2.0)
    assert await store.reader.total_usage(2) is None

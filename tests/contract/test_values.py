"""What every store keeps of values: each content once, for all the steps that had it."""

from functools import partial
from pathlib import Path

from recorder.journal.frames import INPUT, OUTPUT, VALUE_STATUSES, ValueEntry, ValuesFrame
from recorder.store.records import StepFilter
from tests.contract.building import Store, entry, process, run, step


async def test_equal_values_are_kept_once_and_found_by_every_step_that_had_them(store: Store, tmp_path: Path) -> None:
    big, small = b'"' + b"x" * 50_000 + b'"', b'"tiny"'
    store.put(process(), run(), step(1), ValuesFrame(1, 1, INPUT, (entry("doc", b"D" * 16, big),)))
    store.put(step(2), ValuesFrame(1, 2, OUTPUT, (entry("out", b"E" * 16, small), entry("doc", b"D" * 16))))
    store.put(ValuesFrame(1, 2, INPUT, (entry("doc", b"D" * 16),)))
    (first,) = await store.reader.values(1, 1, with_data=True)
    assert (first.direction, first.name, first.status, first.size, first.data) == (
        "input",
        "doc",
        "captured",
        50_002,
        big,
    )
    second = await store.reader.values(1, 2, with_data=True)
    assert [(value.direction, value.name, value.data) for value in second] == [
        ("input", "doc", big),
        ("output", "out", small),
        ("output", "doc", big),
    ]
    assert {value.digest for value in second} == {b"D".hex() * 16, b"E".hex() * 16}
    assert {value.data for value in await store.reader.values(1, 2, with_data=False)} == {None}
    assert sum(path.stat().st_size for path in tmp_path.iterdir() if path.name != "runs.db-shm") < 1_000_000


async def test_values_of_many_steps_come_in_start_order_by_name_and_direction(store: Store) -> None:
    store.put(process(), run(), step(1), ValuesFrame(1, 1, INPUT, (entry("doc", b"D" * 16, b"1"),)))
    store.put(step(2), ValuesFrame(1, 2, INPUT, (entry("doc", b"E" * 16, b"2"),)))
    store.put(ValuesFrame(1, 2, OUTPUT, (entry("label", b"F" * 16, b"3"), entry("doc", b"D" * 16))))
    across = partial(store.reader.values_across, 1, limit=9)
    assert [
        (one.step, one.value.direction, one.value.name, one.value.data)
        for one in await across(StepFilter(), with_data=True)
    ] == [
        (1, "input", "doc", b"1"),
        (2, "input", "doc", b"2"),
        (2, "output", "label", b"3"),
        (2, "output", "doc", b"1"),
    ]
    named = await across(StepFilter(), name="doc", direction="input", with_data=False, after=1)
    assert [(one.step, one.value.data) for one in named] == [(2, None)]
    skipped = await across(StepFilter(), with_data=False, after=1, skip=1)
    assert [(one.step, one.value.name) for one in skipped] == [(2, "label"), (2, "doc")]
    assert await store.reader.count_values(1, StepFilter()) == 4
    assert await store.reader.count_values(1, StepFilter(), name="doc", direction="input") == 2
    assert await across(StepFilter(statuses=["failed"]), with_data=True) == []


async def test_data_that_comes_after_its_digest_fills_it(store: Store) -> None:
    store.put(process(), run(), step(1), ValuesFrame(1, 1, INPUT, (entry("doc", b"D" * 16),)))
    assert [value.data for value in await store.reader.values(1, 1, with_data=True)] == [None]
    store.put(ValuesFrame(1, 0, INPUT, (entry("doc", b"D" * 16, b"1"),)))
    assert [value.data for value in await store.reader.values(1, 1, with_data=True)] == [b"1"]


async def test_data_survives_when_a_later_frame_of_the_batch_names_only_its_digest(store: Store) -> None:
    both = (ValuesFrame(1, 1, INPUT, (entry("a", b"D" * 16, b"1"), entry("b", b"E" * 16, b"2"))),)
    store.put(process(), run(), step(1), *both, ValuesFrame(1, 1, INPUT, (entry("a", b"D" * 16),)))
    assert [(value.name, value.data) for value in await store.reader.values(1, 1, with_data=True)] == [("a", b"1")]


async def test_every_status_of_a_value_comes_back_with_its_note(store: Store) -> None:
    entries = tuple(ValueEntry(word, code, "app.Doc", note=f"why {word}") for code, word in enumerate(VALUE_STATUSES))
    store.put(process(), run(), ValuesFrame(1, 0, OUTPUT, entries))
    kept = await store.reader.values(1, 0, with_data=True)
    assert [(value.status, value.note, value.data) for value in kept] == [
        (word, f"why {word}", None) for word in VALUE_STATUSES
    ]

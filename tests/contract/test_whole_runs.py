"""What a store gives of whole runs at once: few columns of every step and value, which comparing needs."""

from msgspec import structs

from recorder.journal.frames import INPUT, OUTPUT, VALUE_STATUSES, ValueEntry, ValuesFrame
from recorder.store.records import StepFilter
from tests.contract.building import TIMEOUT, Store, entry, process, run, step

CUT = ValueEntry("long", VALUE_STATUSES.index("truncated"), "str", 99, b"F" * 16, b'"start')
EARLIER = entry("same", b"D" * 16), entry("gone", b"H" * 16)


def values(number: int, direction: int, *entries: ValueEntry) -> ValuesFrame:
    return ValuesFrame(1, number, direction, entries)


async def test_brief_steps_say_of_every_step_what_its_row_says(store: Store) -> None:
    store.put(process(), run(), step(1), step(2, node="gate", error=TIMEOUT), step(3, decision="left"))
    brief = await store.reader.brief_steps(1, limit=9)
    assert len(brief) == 3
    for one, whole in zip(brief, await store.reader.steps(1, StepFilter(), limit=9), strict=True):
        assert structs.asdict(one) == {name: getattr(whole, name) for name in one.__struct_fields__}
    assert [one.step for one in await store.reader.brief_steps(1, limit=2)] == [1, 2]
    assert [one.step for one in await store.reader.brief_steps(1, under="gate", limit=9)] == [2]


async def test_compared_steps_say_of_every_step_what_its_row_says(store: Store) -> None:
    store.put(process(), run(), step(1), step(2, node="gate", error=TIMEOUT), step(3, decision="left"))
    compared = await store.reader.compared_steps(1, limit=9)
    assert len(compared) == 3
    for one, whole in zip(compared, await store.reader.steps(1, StepFilter(), limit=9), strict=True):
        assert structs.asdict(one) == {name: getattr(whole, name) for name in one.__struct_fields__}
    assert [one.step for one in await store.reader.compared_steps(1, limit=2)] == [1, 2]


async def test_brief_values_say_of_every_value_of_the_steps_what_it_is_and_number_its_content(store: Store) -> None:
    store.put(process(), run(), step(1), step(2), values(0, INPUT, entry("own", b"G" * 16, b"0")))
    doc, out, same, gone = entry("doc", b"D" * 16, b"1"), entry("out", b"E" * 16, b"2"), *EARLIER
    store.put(values(1, INPUT, doc, CUT), values(2, OUTPUT, out, same, gone))
    found = await store.reader.brief_values(1, limit=9)
    assert [(one.step, one.direction, one.name, one.status, one.type, one.size) for one in found] == [
        (1, "input", "doc", "captured", "str", 1),
        (1, "input", "long", "truncated", "str", 99),
        (2, "output", "out", "captured", "str", 1),
        (2, "output", "same", "captured", "str", None),
        (2, "output", "gone", "captured", "str", None),
    ]
    first, cut, second, first_again, only_digest = [one.content or 0 for one in found]
    assert first_again == first
    assert await store.reader.contents({first, second, only_digest}) == {first: b"1", second: b"2"}
    assert await store.reader.contents({cut}) == {cut: b'"start'}
    assert await store.reader.contents(()) == {}


async def test_digests_are_alike_for_equal_names_and_contents_in_whatever_order(store: Store) -> None:
    a, b, other = entry("a", b"D" * 16, b"1"), entry("b", b"E" * 16, b"2"), entry("a", b"E" * 16)
    store.put(process(), run(), step(1), step(2), step(3), step(4))
    store.put(values(1, INPUT, a, b), values(2, INPUT, b, a), values(3, INPUT, other, CUT), values(3, OUTPUT, a))
    first, second, third = await store.reader.digests(1, limit=9)
    assert set(first.inputs.split()) == set(second.inputs.split())
    assert not set(first.inputs.split()) & set(third.inputs.split())
    assert third.outputs in first.inputs.split()
    assert [(one.step, bool(one.outputs), one.cut) for one in (first, second, third)] == [
        (1, False, 0),
        (2, False, 0),
        (3, True, 1),
    ]

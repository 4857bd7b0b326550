"""What is recorded of a value: one status, JSON within limits, nothing of the user's code run, no secret."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import gc
import ipaddress
import json
import pathlib
import threading
import uuid
import weakref
from typing import NamedTuple

import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.journal.frames import INPUT, VALUE_STATUSES, ValuesFrame, with_digests
from recorder.redaction import Redaction
from recorder.values import Capture, ValueTracer, capture_policy, not_captured
from recorder.values.copying import MAX_WORK
from recorder.values.shortening import beginning_of

CAPTURE = Capture(redaction=Redaction())
KEY = "sk-proj-abcdefghijklmnop0123456789"


def entry(value, name="value", capture=CAPTURE):
    return recorded(capture, {name: value})[0]


def recorded(capture, values):
    """What is written of values, as whoever reads the journal gets it."""
    return with_digests(ValuesFrame(1, 1, INPUT, capture.entries(values))).entries


def status(found):
    return VALUE_STATUSES[found.status]


def stored(value, expect="captured", capture=CAPTURE):
    """The JSON of a value, read back."""
    found = entry(value, capture=capture)
    assert status(found) == expect, found
    assert len(found.data) <= capture.max_value_bytes
    return json.loads(found.data)


def tag(cls):
    return f"{cls.__module__}.{cls.__qualname__}"


@dataclasses.dataclass
class Doc:
    title: str
    password: str = "hunter2"


@dataclasses.dataclass(slots=True)
class Slotted:
    title: str


class Packed(msgspec.Struct, frozen=True):
    title: str


class Model(pydantic.BaseModel):
    title: str
    key: pydantic.SecretStr = pydantic.SecretStr("hunter2")


class Point(NamedTuple):
    x: int
    y: int


class Color(enum.Enum):
    RED = 1


class Word(str):
    __slots__ = ()


UNLIKELY = uuid.UUID(int=7)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (1.5, 1.5),
        ("ü\0", "ü\0"),
        ([1, (2, "x")], [1, [2, "x"]]),
        ({"a": {"b": None}}, {"a": {"b": None}}),
        (Word("x"), "x"),
        (collections.OrderedDict(a=1), {"a": 1}),
        (2**70, {"$type": "int", "value": str(2**70)}),
        (float("nan"), {"$type": "float", "value": "nan"}),
        (float("-inf"), {"$type": "float", "value": "-inf"}),
        ([{"id": 1}, {"id": float("nan")}], [{"id": 1}, {"id": {"$type": "float", "value": "nan"}}]),
        ("a\udc80", {"$type": "str", "value": "a\\udc80"}),
        ({"a\udc80": 1}, {"a\\udc80": 1}),
        (b"abc", {"$type": "bytes", "size": 3, "base64": "YWJj"}),
        (bytearray(b"abc"), {"$type": "bytes", "size": 3, "base64": "YWJj"}),
        (memoryview(b"abc"), {"$type": "bytes", "size": 3, "base64": "YWJj"}),
        ({3, 1}, {"$type": "set", "items": [1, 3]}),
        (frozenset("ba"), {"$type": "set", "items": ["a", "b"]}),
        (collections.deque([1]), {"$type": "collections.deque", "items": [1]}),
        ({1: "a", "b": 2}, {"$type": "dict", "items": [[1, "a"], ["b", 2]]}),
        ({"$type": 1}, {"$$type": 1}),
        (Slotted("t"), {"$type": tag(Slotted), "title": "t"}),
        (Packed("t"), {"$type": tag(Packed), "title": "t"}),
        (Point(1, 2), {"$type": tag(Point), "x": 1, "y": 2}),
        (Color.RED, {"$type": tag(Color), "name": "RED", "value": 1}),
        (ValueError("x", 1), {"$type": "ValueError", "args": ["x", 1]}),
        (dt.date(2026, 1, 2), {"$type": "datetime.date", "value": "2026-01-02"}),
        (dt.time(1, 2), {"$type": "datetime.time", "value": "01:02:00"}),
        (dt.timedelta(seconds=1.5), {"$type": "datetime.timedelta", "seconds": 1.5}),
        (
            dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
            {"$type": "datetime.datetime", "value": "2026-01-02T00:00:00+00:00"},
        ),
        (UNLIKELY, {"$type": "uuid.UUID", "value": str(UNLIKELY)}),
        (decimal.Decimal("1.50"), {"$type": "decimal.Decimal", "value": "1.50"}),
        (pathlib.PurePosixPath("/a/b"), {"$type": tag(pathlib.PurePosixPath), "value": "/a/b"}),
        (1 + 2j, {"$type": "complex", "value": "(1+2j)"}),
    ],
    ids=repr,
)
def test_a_value_becomes_the_json_of_the_table(value, data):
    assert stored(value) == data


def test_fields_of_records_pass_the_same_redaction():
    assert stored(Doc("t")) == {"$type": tag(Doc), "title": "t", "password": "[redacted:password]"}
    assert "hunter2" not in json.dumps(stored(Model(title="t")))


def test_equal_values_have_equal_digests_and_others_do_not():
    assert entry({"a": {1, 2, "x"}}).digest == entry({"a": {"x", 2, 1}}).digest
    assert entry(b"x" * 5000 + b"a").digest != entry(b"x" * 5000 + b"b").digest
    assert len(entry(1).digest) == 16


def test_a_long_text_that_comes_again_is_recorded_alike_under_its_new_name():
    capture = Capture(redaction=Redaction())
    text = "What one step returns, the next is given. " * 50
    (first,) = recorded(capture, {"answer": text})
    (again,) = recorded(capture, {"question": text})
    assert (again.name, again.data, again.digest, again.size) == ("question", first.data, first.digest, first.size)
    (secret,) = capture.entries({"password": text})
    assert VALUE_STATUSES[secret.status] == "redacted"


def test_a_long_text_is_known_by_its_content_and_not_by_its_length_and_ends():
    capture = Capture(redaction=Redaction())
    texts = ["so on and " * 10 + middle + " and so on" * 100 for middle in ("one", "two", "one")]
    entries = [entry for text in texts for entry in capture.entries({"text": text})]
    assert [entry.data for entry in entries] == [json.dumps(text).encode() for text in texts]


def test_long_texts_with_secrets_or_cuts_are_judged_anew_and_others_are_forgotten_in_time():
    capture = Capture(redaction=Redaction(), max_value_bytes=1_000)
    for number in range(1_000):
        capture.entries({"a": "word " * 400, "b": f"password={'x' * 300}", "c": f"{number} " * 100})
    assert 0 < len(capture.recent) < 100


def test_names_keep_their_order_and_any_name_is_text():
    names = [found.name for found in CAPTURE.entries({"b": 1, "a": 2, 3: 4, b"x": 5, "\udc80": 6})]
    assert names == ["b", "a", "3", "bytes", "\\udc80"]


def test_too_many_names_are_counted():
    found = CAPTURE.entries({f"n{i}": i for i in range(300)})
    assert len(found) == 257
    assert (status(found[-1]), found[-1].note[:13]) == ("not_captured", "44 more value")


def test_an_event_of_many_large_values_stops_at_its_own_limit():
    found = CAPTURE.entries({f"n{i}": "x" * 60_000 for i in range(30)})
    assert [status(one) for one in found] == ["captured"] * 18 + ["not_captured"] * 12


def test_a_value_under_a_secret_name_is_wholly_withheld():
    found = entry("hunter2", name="api_key")
    assert (status(found), found.type, found.data, found.digest, found.size) == ("redacted", "str", None, None, None)
    assert "api_key" in found.note


def test_that_a_secret_is_missing_is_worth_knowing():
    assert stored({"api_key": None, "password": ""}) == {"api_key": None, "password": ""}
    assert status(entry(None, name="api_key")) == "captured"


@pytest.mark.parametrize(
    "value",
    [
        KEY,
        [KEY],
        {KEY: 1},
        {"deep": [{"x": f"use {KEY} now"}]},
        {"api_key": {"value": KEY}},
        ("Authorization", "Bearer hunter2 " + KEY),
        [("x-api-key", KEY)],
        [(b"authorization", KEY.encode())],
        KEY.encode(),
        b"\xff" * 30 + KEY.encode(),
        json.dumps({"api_key": KEY}),
        Doc(title=KEY),
        ValueError(KEY),
        {1: {"password": KEY}},
        {"x": Word(KEY)},
    ],
    ids=repr,
)
def test_a_secret_never_reaches_the_data(value):
    found = entry(value)
    assert KEY[:12].encode() not in found.data
    assert "redacted inside: " in found.note
    assert status(found) == "captured"


@given(st.integers(0, 300), st.sampled_from(["x ", "é ", '"\\ ']))
def test_a_secret_across_the_cut_leaves_no_part(before, filler):
    capture = Capture(redaction=Redaction(), max_value_bytes=256)
    text = (filler * 150)[:before] + " " + KEY + " more" * 500
    found = entry([text], capture=capture)
    assert b"sk-proj-" not in found.data
    assert len(found.data) <= 256
    json.loads(found.data)


def test_long_text_is_cut_between_two_characters_and_tells_its_full_size():
    found = entry("é" * 100_000)
    assert (status(found), found.size, found.note) == ("truncated", 200_000, "cut at the limit of 65,536 bytes")
    assert set(json.loads(found.data)) == {"é"}


def test_escapes_count_against_the_limit():
    assert stored("\x01" * 60_000, "truncated") == "\x01" * ((65_536 - 2) // 6)
    assert set(stored(["\x01\udc80" * 100] * 1000, "truncated")[0]["value"]) <= set("\x01\\udc80")


@pytest.mark.parametrize(
    "value", [list(range(10**6)), dict.fromkeys(range(10**5)), set(range(10**5)), [0.1234567891] * 10**6]
)
def test_of_a_million_items_a_prefix_is_kept(value):
    found = entry(value)
    assert status(found) == "truncated"
    assert found.size is None
    assert f"of {len(value):,} items kept" in found.note
    data = json.loads(found.data)
    assert 1000 < len(data["items"] if isinstance(data, dict) else data) < 10_000


@pytest.mark.parametrize("before", [[], [None], ["x"], [["x"]], [{"a": 1}], [0.5, "x"]], ids=repr)
@pytest.mark.parametrize(
    "make", [list, set, tuple, collections.deque, dict.fromkeys, lambda it: dict.fromkeys(map(str, it))]
)
def test_wherever_the_budget_ends_what_is_missing_is_told(before, make):
    assert status(entry([*before, make(range(10**4))])) == "truncated"


UNREADABLE = fractions.Fraction(10**5_000, 3)  # Python refuses to write so many digits
SHAPES = {
    "number": lambda i: i,
    "text": lambda i: f"x{i}",
    "row": lambda i: {"id": i, "name": "row", "score": 0.5},
    "nested": lambda i: [[[[i]]]],
    "record": lambda i: Slotted(f"t{i}"),
    "uuid": lambda i: uuid.UUID(int=i),
    "address": ipaddress.IPv6Address,
    "bytes": lambda i: b"%010d" % i,
    "own name": lambda i: {f"name {i}": i},
    "class of its own": lambda i: type(f"Row{i}", (), {})(),
    "set": lambda i: {i, i + 1},
    "unreadable": lambda _: UNREADABLE,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_items_are_charged_what_they_cost_alike_whatever_was_recorded_before(shape):
    items = [SHAPES[shape](i) for i in range(9_000)]
    fresh, used = Capture(redaction=Redaction()), Capture(redaction=Redaction())
    used.entries({"others": {f"other {i}": i for i in range(3_000)}, "value": items})
    found, again = entry(items, capture=fresh), entry(items, capture=used)
    assert (status(found), found.data) == ("truncated", again.data)
    kept = len(json.loads(found.data))
    assert f"{kept:,} of 9,000 items kept" in found.note
    assert 1 <= kept * {"number": 2, "text": 3}.get(shape, 9) <= MAX_WORK


def test_a_type_with_arguments_without_end_is_told_as_far_as_the_work_goes():
    wide = tuple[tuple([int] * 100_000)]
    for _ in range(20):
        wide = dict[wide, wide]
    data = stored(wide, "truncated")
    assert data["value"].startswith("dict[dict[")
    assert "…" in data["value"]
    assert stored(list[int | None])["value"] == "list[int | NoneType]"


def test_long_texts_and_names_are_cut_and_not_remembered():
    redaction = Redaction()
    capture = Capture(redaction=redaction)
    text = "=" * (1 << 20)
    found = capture.entries({"text": text, "pair": (text, text), "named": {text: text}})
    assert [status(one) for one in found] == ["truncated"] * 3
    assert max(map(len, redaction.names)) < 1_000


def test_many_blobs_are_all_described_and_the_later_read_the_less():
    data = stored([bytes(1 << 20)] * 30, "truncated")
    read = [blob.get("digest_bytes", blob["size"]) for blob in data]
    assert {blob["size"] for blob in data} == {1 << 20}
    assert len(data) == 30
    assert read[0] == 1 << 20
    assert read == sorted(read, reverse=True)
    assert sum(read) < 3 << 19


def test_secrets_among_many_names_are_each_found():
    names = {f"row-{i}": i for i in range(600)} | {f"api_key_{i}": f"hunter{i}" for i in range(20)}
    data = stored(dict(sorted(names.items(), key=lambda pair: hash(pair[0]))))
    assert {name: value for name, value in data.items() if name.startswith("api")} == {
        f"api_key_{i}": "[redacted:api_key]" for i in range(20)
    }
    assert sum(value for name, value in data.items() if name.startswith("row")) == sum(range(600))


def test_large_binary_is_summarized():
    data = stored(b"x" * 10**7, "truncated")
    assert (data["size"], data["digest_bytes"]) == (10**7, 1 << 20)
    assert sorted(data) == ["$type", "base64", "digest", "digest_bytes", "size"]


def test_a_container_inside_itself_is_a_reference():
    value = {"items": []}
    value["items"].append(value)
    assert stored(value) == {"items": [{"$ref": "../.."}]}


def test_sharing_without_end_and_depth_without_end_stay_within_limits():
    shared, deep = [], []
    for _ in range(200):
        shared, deep = [shared, shared], [deep]
    stored(shared, "truncated")
    assert '"$omitted": "depth"' in json.dumps(stored(deep, "truncated"))


def test_huge_integers_are_not_written_out():
    assert stored(2**100_000, "truncated") == {"$type": "int", "bits": 100_001}


class Hostile:
    """Each hook of its is an assault; none may be called."""

    def __init__(self):
        self.name = "kept"
        self.token = "hunter2"
        self.inner = self

    def _assault(self, *_):
        raise SystemExit("user code ran")

    __repr__ = __str__ = __len__ = __iter__ = __eq__ = __bool__ = __getattr__ = __getattribute__ = _assault
    __hash__ = __format__ = __reduce_ex__ = __getitem__ = __call__ = __int__ = __float__ = __index__ = _assault
    __class__ = property(_assault)


class HostileList(list):
    __iter__ = __len__ = __getitem__ = __repr__ = __bool__ = __eq__ = Hostile._assault
    __hash__ = None


class HostileDict(dict):
    __iter__ = __len__ = __getitem__ = items = keys = __repr__ = __bool__ = __eq__ = Hostile._assault
    __hash__ = None


class HostileText(str):
    __slots__ = ()
    __len__ = __getitem__ = __repr__ = __str__ = encode = isascii = Hostile._assault


class HostileZone(dt.tzinfo):
    utcoffset = tzname = dst = Hostile._assault


@dataclasses.dataclass(eq=False, repr=False)
class HostileDoc:
    title: str
    __getattribute__ = __getattr__ = __repr__ = __eq__ = Hostile._assault


def test_nothing_of_the_users_is_called():
    assert stored(HostileList([1, 2])) == [1, 2]
    assert stored(HostileDict(a=1)) == {"a": 1}
    assert stored(HostileText("x")) == "x"
    assert stored(HostileDoc("t")) == {"$type": tag(HostileDoc), "title": "t"}
    moment = dt.datetime(2026, 1, 2, tzinfo=HostileZone())
    assert stored(moment)["value"] == "2026-01-02T00:00:00"


def test_what_cannot_be_serialized_gives_type_and_preview():
    found = entry(Hostile())
    assert (status(found), found.type) == ("unserializable", tag(Hostile))
    assert json.loads(found.data) == {
        "$type": tag(Hostile),
        "preview": {"name": "kept", "token": "[redacted:token]"},
    }


def test_a_hole_inside_a_container_is_marked_and_named():
    found = entry([1, object()])
    assert (status(found), json.loads(found.data)) == ("captured", [1, {"$type": "object"}])
    assert found.note == "cannot be serialized: object"


def test_a_mapping_that_fails_is_told():
    class Failing(dict):
        def items(self):
            raise KeyError("no")

    (found,) = CAPTURE.entries(Failing(a=1))
    assert (status(found), found.note) == ("unserializable", "it could not be read: KeyError")


def test_the_live_object_is_neither_kept_nor_changed():
    class Thing:
        pass

    thing, items = Thing(), [1, {"a": [2]}]
    reference, found = weakref.ref(thing), CAPTURE.entries({"thing": thing, "items": items, "cls": Thing})
    del thing
    gc.collect()
    items[1]["a"].append(3)
    assert reference() is None
    assert json.loads(found[1].data) == [1, {"a": [2]}]


def test_values_that_another_thread_changes_are_still_recorded():
    shared, stop = {}, threading.Event()

    def change():
        i = 0
        while not stop.is_set():
            shared[f"k{i % 500}"] = i
            shared.pop(f"k{(i * 7) % 500}", None)
            i += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        found = [entry({"shared": shared, "set": shared.keys()}) for _ in range(200)]
    finally:
        stop.set()
        thread.join()
    assert {status(one) for one in found} <= {"captured", "truncated"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
    max_leaves=30,
)


@given(json_values, st.integers(64, 400))
def test_any_value_gives_valid_json_within_its_limit(value, limit):
    found = entry(value, capture=Capture(redaction=Redaction(), max_value_bytes=limit))
    assert len(found.data) <= limit
    json.loads(found.data)


@given(json_values, st.integers(30, 400))
def test_the_beginning_of_a_copy_is_the_most_that_its_limit_holds(value, room):
    plain = json.loads(CAPTURE.entries({"value": value})[0].data)
    if not isinstance(plain, list | dict | str):
        return
    whole, data = msgspec.json.encode(plain), msgspec.json.encode(beginning_of(plain, room))
    assert len(data) <= room
    begun = data.rstrip(b']}"')
    assert whole.startswith(begun)
    assert data == whole or type(plain) is not str or len(data) > room - 7


@pytest.mark.parametrize(
    "value",
    [
        KEY,
        "password=x",
        "é",
        "a\udc80",
        "x" * 300,
        Word("x"),
        float("nan"),
        2**53,
        2**70,
        True,
        None,
        [1],
        {"token": "x"},
    ],
    ids=repr,
)
def test_what_is_unlike_the_row_before_is_told_as_it_is(value):
    assert stored([{"id": 1}, {"id": value}, {"id": 2}]) == [{"id": 1}, stored({"id": value}), {"id": 2}]
    assert stored([{"id": 1}, {"api_key": value}]) == [{"id": 1}, stored({"api_key": value})]


rows = st.dictionaries(
    st.sampled_from(["id", "name", "api_key", "$type", "a name longer than most", "é", "\udc80", Word("id"), 7]),
    st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([KEY, None, True, [1], "password=hunter2", "x" * 300, 2**53, 2**70, -0.0, Word("x"), {"id": 1}]),
    max_size=4,
)


@given(st.lists(rows, min_size=1, max_size=4), st.lists(st.integers(0, 3), max_size=12))
def test_a_row_is_told_alike_wherever_it_stands_in_a_list(distinct, order):
    listed = [distinct[number % len(distinct)] for number in order]
    assert stored([None, *listed]) == [None, *map(stored, listed)]


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8"), max_size=4),
    lambda inner: st.lists(inner, min_size=3),
    max_leaves=20,
)


@settings(max_examples=50)
@given(plain_values)
def test_plain_values_come_back_as_they_were(value):
    assert stored(value) == value


def test_the_policy_of_a_recorder():
    redaction = Redaction(keys=["ssn"])
    tracer, used = capture_policy(True, redaction)
    assert tracer == ValueTracer()
    assert used is redaction
    assert capture_policy(None, None)[0] is capture_policy(False, None)[0] is None
    assert capture_policy(True, None)[1].key("password") == "password"


@pytest.mark.parametrize(
    ("values", "redact", "valid"),
    [("all", None, "True .* ValueTracer .* False or None"), (True, ["ssn"], "Redaction or None")],
)
def test_a_policy_of_a_wrong_type_is_refused_with_what_is_valid(values, redact, valid):
    with pytest.raises(TypeError, match=valid):
        capture_policy(values, redact)


def test_what_was_not_taken_says_why():
    found = not_captured("x", [1], "values are off; Recorder(values=True) records them")
    assert (status(found), found.type, found.data) == ("not_captured", "list", None)


def test_patterns_of_the_users_meet_short_texts_keys_and_names():
    capture = Capture(redaction=Redaction(patterns=[r"\d{4}"]))
    assert stored({"pin 1234": "4321", "deep": [{"1111": 1}]}, capture=capture) == {
        "pin [redacted:pattern]": "[redacted:pattern]",
        "deep": [{"[redacted:pattern]": 1}],
    }
    assert entry(1, name="pin1234", capture=capture).name == "pin[redacted:pattern]"


def test_a_value_that_a_redaction_function_fails_on_is_withheld():
    def scrub(text):
        return text[: 1 // (text != "secret")]

    found = entry({"a": ["fine", "secret"]}, capture=Capture(redaction=Redaction(functions=[scrub])))
    assert (status(found), found.data, found.note) == ("redacted", None, "withheld: scrub failed")

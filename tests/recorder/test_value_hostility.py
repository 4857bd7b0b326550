"""Classes that attack through every protocol of Python: captured without harm, and without being called."""

import collections
import dataclasses
import enum
import json
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.journal.frames import VALUE_STATUSES
from recorder.redaction import Redaction
from recorder.values import Capture

CAPTURE = Capture(redaction=Redaction())

PROTOCOLS = (
    "repr str format bytes hash bool eq ne lt le gt ge len length_hint iter next reversed contains getitem "
    "setitem missing getattr getattribute setattr delattr dir get_pydantic_core_schema call enter exit await "
    "aiter anext reduce reduce_ex getstate copy deepcopy getnewargs getnewargs_ex sizeof index int float "
    "complex round trunc floor ceil fspath array array_interface array_struct array_ufunc array_function "
    "array_priority dlpack dataframe arrow_c_stream arrow_c_array torch_function buffer dataclass_fields "
    "attrs_attrs struct_fields struct_config pydantic_fields pydantic_extra pydantic_fields_set rich_repr "
    "json html "
)
PLAIN_NAMES = ["model_dump", "model_fields", "dict", "json", "to_dict", "_asdict", "_fields", "items", "keys", "tolist"]
NAMES = [f"__{name}__" for name in PROTOCOLS.split()] + PLAIN_NAMES


class Assault(BaseException):
    """No ``except Exception`` hides it: the call itself is the failure."""


def stored(value):
    (found,) = CAPTURE.entries({"value": value})
    assert VALUE_STATUSES[found.status] in {"captured", "truncated", "unserializable"}
    assert len(found.data) <= CAPTURE.max_value_bytes
    return json.loads(found.data)


def raises(*_, **__):
    raise Assault


def recurses(*args, **kwargs):
    return recurses(*args, **kwargs)


class Called:
    """A hook that answers, and notes that it was asked."""

    def __init__(self, answer):
        self.answer, self.calls = answer, 0

    def __call__(self, *_, **__):
        self.calls += 1
        return self.answer


BASES = [object, list, tuple, dict, set, frozenset, str, bytes, bytearray, int, float, collections.deque]
BASES += [collections.OrderedDict, collections.Counter, Exception, types.SimpleNamespace, collections.UserDict]


def hostile(base, name, hook):
    """An instance of a class derived from ``base`` with one hook; the hook is set when the instance is whole."""
    cls = type("Hostile", (base,), {})
    value = cls()
    setattr(cls, name, hook)
    return value


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.__name__)
@pytest.mark.parametrize("make", [lambda: raises, lambda: property(raises), lambda: recurses, lambda: Called(-1)])
def test_no_protocol_of_a_class_is_asked(base, make):
    for name in NAMES:
        hook = make()
        value = hostile(base, name, hook)
        stored(value)
        stored([value, {"key": value}, (value,)])
        assert not isinstance(hook, Called) or not hook.calls, name


@pytest.mark.parametrize("name", ["__class__", "__dict__", "__doc__", "__module__", "__weakref__"])
def test_what_a_class_claims_of_itself_is_not_believed(name):
    assert stored(type("Liar", (), {name: property(raises)})())["$type"].endswith("Liar")
    for claim in (None, 7, [raises]):
        assert stored(type("Liar", (), {name: claim})())["$type"].endswith("Liar")


def test_a_metaclass_is_not_asked():
    cls = type.__new__(type("Meta", (type,), {}), "Ruled", (), {})
    value = cls()
    meta = type(cls)
    for name in ("__instancecheck__", "__subclasscheck__", "__getattribute__", "__getattr__", "__eq__", "__repr__"):
        setattr(meta, name, raises)
    meta.__hash__ = None
    assert stored(value)["$type"].endswith("Ruled")
    assert stored(cls)["name"].endswith("Ruled")
    assert "Ruled" in stored(list[cls])["value"]


class Descriptor:
    __get__ = __set__ = __delete__ = raises


class Described:
    field = Descriptor()

    def __init__(self):
        self.__dict__["field"] = "the instance's own"


def test_a_descriptor_is_not_asked():
    assert stored(Described())["preview"] == {"field": "the instance's own"}


@pytest.mark.parametrize(
    ("marker", "claim"),
    [
        ("__dataclass_fields__", {"a": raises, 7: 7}),
        ("__dataclass_fields__", [raises]),
        ("__pydantic_fields__", {"a": object()}),
        ("__attrs_attrs__", (object(), 7)),
        ("__attrs_attrs__", type("Own", (tuple,), {"__iter__": raises})((1,))),
        ("__struct_fields__", ("a",)),
        ("_fields", (7, None)),
    ],
)
def test_declared_fields_that_are_nonsense_do_no_harm(marker, claim):
    for base in (object, tuple, dict):
        stored(type("Claims", (base,), {marker: claim})())


@dataclasses.dataclass
class Growing:
    """Grows by being looked at."""

    items: list

    def __getattribute__(self, name):
        object.__getattribute__(self, "__dict__")["items"].append(name)
        return object.__getattribute__(self, name)


def test_a_class_that_changes_when_it_is_asked_does_not_change():
    value = Growing([])
    before = len(object.__getattribute__(value, "__dict__")["items"])
    assert stored(value)["items"] == [*object.__getattribute__(value, "__dict__")["items"]]
    assert len(object.__getattribute__(value, "__dict__")["items"]) == before


class Answer(enum.Flag):
    YES = 1
    NO = 2

    __repr__ = __str__ = __format__ = __iter__ = __len__ = __bool__ = raises


def test_an_enum_with_methods_of_its_own_is_name_and_value():
    assert (stored(Answer.YES)["name"], stored(Answer.YES)["value"]) == ("YES", 1)


class Number(int):
    __repr__ = __str__ = __format__ = __index__ = __int__ = __hash__ = __eq__ = __lt__ = bit_length = raises


class Real(float):
    __repr__ = __str__ = __float__ = __eq__ = __ne__ = __lt__ = is_integer = raises
    __hash__ = None


def test_numbers_with_methods_of_their_own_are_numbers():
    assert stored([Number(3), Real(1.5), Number(2**70)]) == [3, 1.5, {"$type": "int", "value": str(2**70)}]
    assert stored(Real("nan")) == {"$type": "float", "value": "nan"}


class Key(str):
    """A key whose own methods attack once it is in the dict."""

    armed = False
    __slots__ = ()

    def __hash__(self):
        return raises() if Key.armed else str.__hash__(self)

    def __eq__(self, other):
        return raises() if Key.armed else str.__eq__(self, other)


def test_keys_of_a_dict_are_not_hashed_again():
    value = {Key("a"): 1, "b": 2}
    Key.armed = True
    try:
        assert stored(value) == {"a": 1, "b": 2}
    finally:
        Key.armed = False


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals() | st.uuids()
leaves |= st.datetimes() | st.timedeltas() | st.complex_numbers() | st.fractions() | st.ip_addresses()
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers() | st.none(), inner)
        | st.builds(collections.deque, st.lists(inner))
        | st.builds(
            lambda fields: types.SimpleNamespace(**{f"f{i}": one for i, one in enumerate(fields)}), st.lists(inner)
        )
        | st.builds(lambda one: collections.ChainMap({"a": one}), inner)
    ),
    max_leaves=20,
)


def normal(value):
    """What ``docs/values.md`` promises to say of a value, written a second time and without limits."""
    match value:
        case None | bool() | str():
            return value if not isinstance(value, str) or value.isprintable() else ...
        case int() if -(1 << 63) <= value < 1 << 63:
            return value
        case float() if value == value and abs(value) != float("inf"):
            return value
        case list() if len(value) != 2:
            return [normal(one) for one in value]
        case dict() if all(isinstance(key, str) and key.isidentifier() and key.isascii() for key in value):
            return {key: normal(one) for key, one in value.items()}
        case _:
            return ...


def agrees(read, expected):
    """Whether they are equal, where the normal form says anything."""
    if expected is ...:
        return read is not None
    if isinstance(expected, list):
        return len(read) == len(expected) and all(map(agrees, read, expected))
    if isinstance(expected, dict):
        return read.keys() == expected.keys() and all(agrees(read[key], one) for key, one in expected.items())
    return read == expected


@given(trees)
def test_a_value_comes_back_as_its_normal_form_or_its_status_says_why_not(value):
    (found,) = CAPTURE.entries({"value": value})
    read = json.loads(found.data)
    if VALUE_STATUSES[found.status] == "captured" and "redacted" not in (found.note or ""):
        assert agrees(read, normal(value))
    else:
        assert found.note


@given(trees, st.integers(64, 2000))
def test_a_smaller_limit_says_truncated_and_never_another_value(value, limit):
    (whole,) = CAPTURE.entries({"value": value})
    (found,) = Capture(redaction=Redaction(), max_value_bytes=limit).entries({"value": value})
    assert len(found.data) <= limit
    json.loads(found.data)
    if VALUE_STATUSES[found.status] == "captured":
        assert found.data == whole.data

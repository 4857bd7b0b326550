"""Paths into values: whatever JSON was recorded, each of its parts has a path, which is read as it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hg_mcp.errors import BadArgumentError, UnknownValueError
from hg_mcp.queries.paths import follow, path_text, read_path
from hg_mcp.queries.shapes import shape_of

KEYS = st.text(max_size=6) | st.sampled_from(["a b", "a.b", 'say "x"', "it's", "back\\slash", "[0]", "0", "\n", "$x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def places(draw: st.DrawFn) -> tuple[object, list[str | int], object]:
    """A value, the way to a part of it, and that part."""
    value = here = draw(JSON)
    parts: list[str | int] = [draw(KEYS)]
    while isinstance(here, list | dict) and here and draw(st.booleans()):
        ways = list(here) if isinstance(here, dict) else range(-len(here), len(here))
        parts.append(draw(st.sampled_from(ways)))
        here = here[parts[-1]]
    return value, parts, here


@given(places())
def test_every_part_of_a_value_is_reached_by_its_path(place: tuple[object, list[str | int], object]):
    value, parts, part = place
    found = follow(value, read_path(path_text(parts)))
    assert found.value == part
    assert found.path == path_text(parts)


@given(st.lists(KEYS | st.integers(-99, 99) | st.builds(slice, st.none() | st.integers(-9, 9), st.none())))
def test_a_path_is_read_as_it_is_written(parts: list[str | int | slice]):
    assert list(read_path(path_text(["name", *parts]))) == ["name", *parts]


@given(st.text(max_size=12))
def test_what_is_no_path_is_refused_and_nothing_else_happens(given_text: str):
    try:
        parts = read_path(given_text)
    except BadArgumentError:
        return
    assert all(isinstance(part, str | int | slice) for part in parts)


DOCS = {"docs": [{"title": "A", "n": [1, 2]}, {"title": "B"}, {"n": []}]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("v.docs[-1].n", []),
        ("v.docs.0.title", "A"),
        ("v.docs[0:2]", DOCS["docs"][:2]),
        ("v.docs[1:].title", ["B"]),
        ("v.docs[*].title", ["A", "B"]),
        ("v.docs[].n[*]", [[1, 2], []]),
        ("v.docs[5:].title", []),
    ],
)
def test_indexes_slices_and_projections(path: str, expected: object):
    assert follow(DOCS, read_path(path)).value == expected


def test_elements_without_the_rest_of_the_path_are_named_not_null():
    assert list(follow(DOCS, read_path("v.docs[*].n")).lacking) == ["v.docs[1]"]
    with pytest.raises(UnknownValueError, match=r"'v.docs\[0\]' is an object with 2 keys\. Nearest there: 'title'"):
        follow(DOCS, read_path("v.docs[*].titel"))


def test_a_name_in_a_list_is_answered_with_the_path_for_every_element():
    with pytest.raises(UnknownValueError, match=r"For every element: 'v\.docs\[\*\]\.title'"):
        follow(DOCS, read_path("v.docs.title"))


def test_encoded_specials_are_followed_by_what_they_stood_for():
    tags = {"$type": "set", "items": ["a", "b"]}
    scores = {"$type": "dict", "items": [[3, "three"], [0, "zero"]]}
    user = {"$$type": "a key of the user's"}
    assert follow(tags, read_path("v[1]")).value == "b"
    assert follow(scores, read_path("v[0]")).value == "zero"
    assert follow(user, read_path("v.$type")).value == "a key of the user's"
    with pytest.raises(UnknownValueError, match="Nearest there: '3', '0'"):
        follow(scores, read_path("v[1]"))


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ({"$type": "pandas.DataFrame", "shape": [2000, 5], "columns": {}}, "a 'pandas.DataFrame' of 2,000 x 5"),
        ({"$type": "numpy.ndarray", "shape": [], "dtype": "f8"}, "a 'numpy.ndarray' of no dimension"),
        ({"$type": "bytes", "size": 3000, "base64": ""}, "a 'bytes' of 3,000 bytes"),
        ({"$type": "set", "items": [1]}, "a 'set' of 1"),
        ({"$type": "int", "bits": 5000}, "an 'int' of 5,000 bits"),
        ({"$type": "app.Doc", "title": "", "body": ""}, "an 'app.Doc' with 2 fields"),
        ({"$type": "decimal.Decimal", "value": "1.2"}, "a 'decimal.Decimal'"),
        ({"$type": "app.Thing", "preview": {}}, "an 'app.Thing', of which there is only a preview"),
        ({"$type": "list", "$omitted": "depth"}, "a 'list' left out by the limit of 'depth'"),
        ({"$ref": ".."}, "a reference to a container around it"),
        ([], "an empty list"),
        ("", "an empty text"),
        (True, "a boolean"),
        (None, "null"),
    ],
)
def test_a_shape_says_what_a_value_was(value: object, shape: str):
    assert shape_of(value) == shape

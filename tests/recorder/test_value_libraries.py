"""Arrays, tables and images: summaries of bounded cost, read without a subclass's methods."""

import base64
import io
import json
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from recorder.journal.frames import INPUT, VALUE_STATUSES, ValuesFrame, with_digests
from recorder.redaction import Redaction
from recorder.values import Capture

CAPTURE = Capture(redaction=Redaction())


def entry(value):
    (found,) = with_digests(ValuesFrame(1, 1, INPUT, CAPTURE.entries({"value": value}))).entries
    return found


def stored(value, expect="captured"):
    found = entry(value)
    assert VALUE_STATUSES[found.status] == expect, found
    return json.loads(found.data)


class Assault(BaseException):
    """What every overridden method below does: no ``except Exception`` would hide it."""


def assault(*_, **__):
    raise Assault


def test_a_small_array_is_whole_with_its_statistics():
    assert stored(np.array([[1.5, np.nan], [np.inf, 2.5]])) == {
        "$type": "numpy.ndarray",
        "dtype": "float64",
        "shape": [2, 2],
        "min": 1.5,
        "max": 2.5,
        "mean": 2.0,
        "nan": 1,
        "inf": 1,
        "values": [[1.5, {"$type": "float", "value": "nan"}], [{"$type": "float", "value": "inf"}, 2.5]],
    }


def test_a_large_array_is_a_head_a_digest_and_statistics_of_a_sample():
    array = np.arange(1_000_000).reshape(1000, 1000)
    found, data = entry(array), stored(array, "truncated")
    assert (found.size, data["nbytes"]) == (8_000_000, 8_000_000)
    assert (data["min"], data["max"]) == (0, 999_999)
    assert (data["sampled"], data["digest_bytes"]) == (32_768, 262_144)
    assert data["head"] == list(range(8))


@pytest.mark.parametrize("turned", [lambda a: a.T, lambda a: a[::-1, ::3], np.asfortranarray, lambda a: a[:, :, None]])
def test_statistics_hold_for_any_layout(turned):
    array = turned(np.arange(90_000.0).reshape(300, 300))
    data = stored(array, "truncated")
    assert data["shape"] == list(array.shape)
    assert data["head"] == array.reshape(-1)[:8].tolist()
    assert abs(data["mean"] - array.mean()) < 500


def test_capturing_an_array_copies_no_more_than_the_sample():
    array = np.zeros(1 << 27)  # 1 GB that the system has not made yet
    entry(array[:100_000])
    tracemalloc.start()
    try:
        entry(array)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_one_changed_element_changes_the_digest_of_an_array_up_to_a_mebibyte():
    array = np.zeros(100_000)
    before = entry(array).digest
    array[77_777] = 1e-300
    assert entry(array).digest != before


@pytest.mark.parametrize(
    ("scalar", "data"),
    [
        (np.int64(3), 3),
        (np.float64(1.5), 1.5),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.float32("nan"), {"$type": "float", "value": "nan"}),
        (np.datetime64("2026-01-01"), {"$type": "numpy.datetime64", "value": "2026-01-01"}),
        (np.uint64(2**64 - 1), {"$type": "int", "value": str(2**64 - 1)}),
    ],
    ids=repr,
)
def test_a_scalar_is_the_python_value_it_stands_for(scalar, data):
    assert stored(scalar) == data


def test_structured_masked_and_object_arrays_are_told_as_what_they_are():
    rows = np.array([(1, 2.5)], dtype=[("n", int), ("password", float)])
    assert stored(rows)["values"] == [{"n": 1, "password": "[redacted:password]"}]
    assert stored(np.ma.array([1, 2, 99], mask=[0, 0, 1])).items() >= {"masked": 1, "max": 2}.items()
    objects = np.empty(2, object)
    objects[0] = objects
    assert stored(objects)["values"] == [{"$ref": "../.."}, None]
    assert stored(np.array(["2026-01-01", "NaT"], "M8[D]")).items() >= {"nat": 1, "min": "2026-01-01"}.items()
    assert stored(np.zeros((0, 3))) == {"$type": "numpy.ndarray", "dtype": "float64", "shape": [0, 3], "values": []}


def test_numbers_beyond_what_their_type_can_sum_give_no_warning():
    assert stored(np.full(100_000, 60_000, "f2"), "truncated")["mean"] == 60_000
    assert "mean" not in stored(np.full(3, 1.7e308))


def test_mapped_memory_is_not_read(tmp_path):
    mapped = np.memmap(tmp_path / "array", "f8", "w+", shape=(100,))
    os.truncate(tmp_path / "array", 0)  # a read would now kill the process
    for array in (mapped, mapped[3:], np.asarray(mapped)):
        data = stored(array, "truncated")
        assert sorted(data) == ["$type", "dtype", "nbytes", "shape"]
    assert "mapped memory is not read" in entry(mapped).note


def test_no_method_of_an_array_s_subclass_is_called():
    class Own(np.ndarray):
        pass

    array = np.ones(3).view(Own)
    for name in ("__array_ufunc__", "__array_function__", "__array_finalize__", "__getitem__", "__len__", "tolist"):
        setattr(Own, name, assault)
    assert stored(array)["values"] == [1.0, 1.0, 1.0]


def table():
    return pd.DataFrame(
        {
            "id": range(2000),
            "title": ["a", None] * 1000,
            "score": [1.5, float("nan")] * 1000,
            "when": pd.Timestamp("2026-01-01", tz="UTC"),
            "kind": pd.Categorical(["x", "y"] * 1000),
            "password": "hunter2",
        }
    )


def test_a_pandas_frame_is_shape_schema_nulls_and_head():
    data = stored(table(), "truncated")
    when = {"$type": "pandas.Timestamp", "value": "2026-01-01T00:00:00+00:00"}
    assert data["shape"] == [2000, 6]
    assert data["columns"]["score"] == "float64"
    assert data["nulls"] == {"title": 1000, "score": 1000}
    assert len(data["head"]) == 5
    row = {"id": 1, "title": None, "score": None, "when": when, "kind": "y", "password": "[redacted:password]"}
    assert data["head"][1] == row


def test_a_frame_of_few_rows_is_captured_whole():
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"], index=pd.Index(["x"], name="key"))
    assert stored(frame) == {
        "$type": "pandas.DataFrame",
        "index": {"$type": "pandas.Index", "name": "key", "dtype": "str", "shape": [1], "nulls": 0, "head": ["x"]},
        "shape": [1, 2],
        "columns": {"a": "int64", "a#2": "int64"},
        "nulls": {},
        "head": [{"a": 1, "a#2": 2}],
    }


def test_a_series_an_index_and_an_array_are_columns():
    assert stored(pd.Series([1.5, None], name="score")) == {
        "$type": "pandas.Series",
        "name": "score",
        "dtype": "float64",
        "shape": [2],
        "nulls": 1,
        "head": [1.5, None],
    }
    assert stored(pd.Series(["hunter2"], name="password"))["head"] == "[redacted:password]"
    assert stored(pd.DatetimeIndex(["2026-01-01", None]))["nulls"] == 1
    assert stored(pd.MultiIndex.from_tuples([(1, "a")]))["head"] == [[1, "a"]]
    assert stored(pd.Categorical(["a", None]))["categories"] == 1


@pytest.mark.parametrize(
    ("scalar", "text"),
    [
        (pd.NaT, "NaT"),
        (pd.NA, "NA"),
        (pd.Timestamp("2026-01-01T00:00:00.000000001"), "2026-01-01T00:00:00.000000001"),
        (pd.Period("2026-01"), "2026-01"),
    ],
    ids=repr,
)
def test_pandas_scalars_are_their_text(scalar, text):
    assert stored(scalar)["value"] == text


def test_cells_of_object_columns_are_looked_at_and_never_asked():
    class Cell:
        __class__ = property(assault)
        __eq__ = __ne__ = __bool__ = __repr__ = __len__ = __iter__ = __getattr__ = __array__ = assault
        __hash__ = None

    frame = pd.DataFrame({"cell": pd.Series([None, Cell()], dtype=object)})
    frame["self"] = pd.Series([[frame], None], dtype=object)
    data = stored(frame)
    assert data["nulls"] == {"cell": 1, "self": 1}
    assert data["head"][1]["cell"]["$type"].endswith("Cell")
    assert data["head"][0]["self"] == [{"$ref": "../.."}]


def test_a_wide_or_long_frame_says_how_much_of_it_was_read():
    wide = entry(pd.DataFrame(np.zeros((3, 600))))
    assert "32 columns read and 500 columns named" in wide.note
    assert len(json.loads(wide.data)["columns"]) == 500
    data = stored(pd.DataFrame({"a": np.zeros(100_000)}), "truncated")
    assert (data["nulls"], data["nulls_of_first"]) == ({}, 65_536)


def test_a_few_tables_are_all_told_and_of_a_thousand_the_first():
    assert len(stored({f"table {i}": table() for i in range(5)}, "truncated")) == 5
    data = stored([pd.DataFrame({"a": [1]})] * 1_000, "truncated")
    assert data[-1]["head"] == [{"a": 1}]
    assert len(data) < 50


def test_of_many_large_arrays_and_images_the_first_have_a_digest_of_everything():
    arrays = stored([np.arange(1 << 16)] * 10, "truncated")
    images = stored([Image.new("RGB", (500, 500))] * 10, "truncated")
    assert [one["digest_bytes"] for one in arrays if "digest_bytes" in one] == [1 << 18] * (len(arrays) - 2)
    assert ["digest" in one for one in images] == [True] + [False] * 9


def test_a_polars_frame_is_shape_schema_nulls_and_head():
    frame = pl.DataFrame({"id": range(9), "title": ["a", None, "c"] * 3, "x": [float("nan")] * 9})
    data = stored(frame, "truncated")
    assert data["shape"] == [9, 3]
    assert data["columns"] == {"id": "Int64", "title": "String", "x": "Float64"}
    assert data["nulls"] == {"title": 3}
    assert data["head"][1] == {"id": 1, "title": None, "x": {"$type": "float", "value": "nan"}}
    assert stored(frame["id"].head(2))["head"] == [0, 1]


def test_a_lazy_frame_is_not_collected():
    lazy = pl.LazyFrame({"a": [1]}).map_batches(assault)
    assert stored(lazy, "truncated") == {"$type": "polars.lazyframe.frame.LazyFrame", "lazy": True}
    assert stored(pl.scan_csv("/nowhere.csv"), "truncated")["lazy"]


def test_cells_too_large_to_read_are_left_out():
    found = entry(pl.DataFrame({"l": [[0] * 100_000] * 3, "n": [1, 2, 3]}))
    assert json.loads(found.data)["head"] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert "left out: cells that are large" in found.note
    assert stored(pa.table({"t": ["x" * 100_000]}), "truncated")["head"] == [{}]


def test_arrow_tables_and_arrays_are_told_alike():
    arrow = pa.table({"id": list(range(9)), "l": [[1], None, []] * 3})
    data = stored(arrow, "truncated")
    assert (data["$type"], data["columns"]) == ("pyarrow.lib.Table", {"id": "int64", "l": "list<item: int64>"})
    assert (data["nulls"], data["head"][0]) == ({"l": 3}, {"id": 0, "l": [1]})
    assert stored(arrow.to_batches()[0], "truncated")["shape"] == [9, 2]
    assert stored(arrow["id"], "truncated")["head"] == [0, 1, 2, 3, 4]
    assert stored(pa.array([1, None]))["nulls"] == 1
    assert stored(pa.scalar("x")) == "x"


def test_an_extension_type_of_the_user_s_is_named_only():
    class Own(pa.ExtensionType):
        def __init__(self):
            super().__init__(pa.int64(), "own")

        def __arrow_ext_serialize__(self):
            return b""

        __str__ = __repr__ = __eq__ = assault
        __hash__ = None

    array = pa.ExtensionArray.from_storage(Own(), pa.array([1, None]))
    data = stored(array, "truncated")
    assert data["dtype"].endswith("Own")
    assert "head" not in data


@pytest.mark.parametrize("library", [pd, pl])
def test_no_method_of_a_frame_s_subclass_is_called(library):
    class Own(library.DataFrame):
        pass

    frame = Own({"a": [1]})
    hooks = ("__len__", "__getitem__", "__getattr__", "__repr__", "__iter__", "_constructor", "shape", "iloc", "slice")
    for name in hooks:
        setattr(Own, name, assault if name.startswith("__") else property(assault))
    data = stored(frame)
    assert (data["shape"], data["head"]) == ([1, 1], [{"a": 1}])


def test_a_frame_is_read_after_a_fork():
    frame = pl.DataFrame({"a": list(range(1000))})
    frame.select(pl.col("a").sort())  # polars' threads exist now, and will not in the child
    child = os.fork()
    if not child:
        import signal

        signal.alarm(20)
        os._exit(0 if entry(frame).data else 1)
    assert os.waitpid(child, 0)[1] == 0


def picture(kind):
    file = io.BytesIO()
    Image.new("RGB", (64, 48)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp"])
def test_images_in_bytes_have_their_type_and_dimensions(kind):
    data = stored(picture(kind))
    assert (data["media"], data["width"], data["height"]) == (f"image/{kind}", 64, 48)


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp"])
def test_an_image_cut_anywhere_is_still_read_without_harm(kind):
    whole = picture(kind)
    for end in range(0, len(whole), 3):
        assert stored(whole[:end])["size"] == end


def test_a_pillow_image_is_mode_size_and_a_digest_of_pixels_in_memory(tmp_path):
    image = Image.new("RGB", (64, 48))
    data = stored(image, "truncated")
    assert {**data, "digest": "…"} == {
        "$type": "PIL.Image.Image",
        "mode": "RGB",
        "width": 64,
        "height": 48,
        "digest": "…",
    }
    image.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as opened:
        assert stored(opened, "truncated")["format"] == "PNG"
        assert opened.tile, "the file was read"


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_long_base64_of_an_image_is_told_as_an_image(prefix):
    pixels = Image.frombytes("RGB", (64, 48), os.urandom(64 * 48 * 3))
    file = io.BytesIO()
    pixels.save(file, "png")
    text = prefix + base64.b64encode(file.getvalue()).decode()
    message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": text}}]}
    data = stored(message, "truncated")["content"][0]["image_url"]["url"]
    assert {**data, "digest": "…"} == {
        "$type": "base64",
        "media": "image/png",
        "width": 64,
        "height": 48,
        "size": len(file.getvalue()),
        "digest": "…",
    }


@pytest.mark.parametrize("text", ["data:" + "x" * 2000, "/9j/ and more " * 200, "data:a/b;base64," + "=" * 2000])
def test_long_text_that_only_begins_like_media_stays_text(text):
    assert stored(text) == text


def test_none_of_these_libraries_is_imported_by_a_capture():
    code = (
        "import sys; from recorder.values import Capture; from recorder.redaction import Redaction;"
        "Capture(redaction=Redaction()).entries({'a': [1, object(), {'b': (1.5,)}]});"
        "print([name for name in ('numpy', 'pandas', 'polars', 'pyarrow', 'torch', 'PIL') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "[]"

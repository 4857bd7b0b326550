"""Where code stands, and whether its source is still the one that ran."""

import functools
import importlib.util
import os
import sys

import pytest

from recorder.code import CodeReader, Place, source_hash_on_disk

SOURCE = """\
import functools

def plain(x):
    return x

def keep(function):
    return functools.wraps(function)(lambda *args: function(*args))

@keep
@keep
def wrapped(x):
    return x

class Model:
    def method(self, x):
        def inner():
            return x
        return inner
    def __call__(self, x):
        return x

short = lambda x: x
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = tmp_path / "made.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("made", path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def on_disk(place):
    return source_hash_on_disk(place.file, place.qualname, place.line)


def functions(module):
    model = module.Model()
    return {
        "plain": (module.plain, 3),
        "partial": (functools.partial(functools.partial(module.plain), 1), 3),
        "wrapped": (module.wrapped, 9),
        "Model.method": (model.method, 15),
        "Model.method.<locals>.inner": (model.method(1), 16),
        "Model.__call__": (model, 19),
    }


def test_a_function_is_found_under_partials_methods_wrappers_and_objects(module):
    for name, (function, line) in functions(module).items():
        place = CodeReader().place(function)
        assert (place.file, place.line) == (module.__file__, line)
        assert place.qualname == name.replace("partial", "plain")
        assert place.source_hash
        assert place.source_hash == on_disk(place)


def test_a_change_is_seen_and_one_elsewhere_is_not(module):
    place = CodeReader().place(module.Model().method)
    with open(module.__file__, "w") as file:
        file.write("# moved down\n\n" + SOURCE.replace("def plain(x):", "def plain(x, y=1):"))
    assert on_disk(place) == place.source_hash
    with open(module.__file__, "w") as file:
        file.write(SOURCE.replace("return inner", "return inner()"))
    assert on_disk(place) not in {place.source_hash, None}


def test_a_function_that_is_gone_has_an_empty_hash(module):
    place = CodeReader().place(module.plain)
    with open(module.__file__, "w") as file:
        file.write("x = 1\n")
    assert on_disk(place) == ""


@pytest.mark.parametrize("content", ["def plain(x:\n", None])
def test_where_nothing_can_be_told_there_is_no_hash(module, content):
    place = CodeReader().place(module.plain)
    if content is None:
        os.unlink(module.__file__)
    else:
        with open(module.__file__, "w") as file:
            file.write(content)
    assert on_disk(place) is None


def test_source_edited_since_its_import_is_not_taken_for_what_runs(module):
    with open(module.__file__, "w") as file:
        file.write(SOURCE.replace("def plain(x):\n    return x", "def plain(x):\n    return -x"))
    place = CodeReader().place(module.plain)
    assert (place.line, place.qualname, place.source_hash) == (3, "plain", "")


def test_a_lambda_has_a_place_and_no_hash(module):
    place = CodeReader().place(module.short)
    assert (place.line, place.qualname, place.source_hash) == (22, "<lambda>", "")


def test_what_exec_made_has_what_is_known():
    made = {}
    exec(compile("def cell(x):\n    return x\n", "<ipython-input-3>", "exec"), made)
    assert CodeReader().place(made["cell"]) == Place("<ipython-input-3>", 1, "cell", "")


class Hostile:
    def __getattribute__(self, name):
        raise RuntimeError(name)


def test_what_has_no_code_of_its_own_has_no_place():
    for function in (len, int, None, 3, Hostile()):
        place = CodeReader().place(function)
        assert (place.file, place.line, place.source_hash) == ("", 0, "")


def test_a_wrapper_that_wraps_itself_is_no_trap():
    def looped(x):
        return x

    looped.__wrapped__ = looped
    assert CodeReader().place(looped).qualname.endswith("looped")


def test_only_regular_python_files_are_read(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("def f(): pass\n")
    pipe = tmp_path / "pipe.py"
    os.mkfifo(pipe)
    for path in (secret, pipe, tmp_path):
        assert source_hash_on_disk(str(path), "f", 1) is None

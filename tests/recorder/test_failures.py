"""What is recorded of an exception, and when a live one is taken for an event's own."""

import asyncio
import gc
import importlib
import json
import linecache
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from recorder.events import ErrorDetail, NodeAttemptEndEvent, NodeErrorEvent, RunEndEvent
from recorder.failures import from_event, from_exception
from recorder.redaction import Redaction

REDACTION = Redaction()
EVENTS = Path(__file__).parents[1] / "data" / "hypergraph-events"


class ParseError(Exception):
    pass


QUALIFIED = f"{ParseError.__module__}.ParseError"


def caught(function, *arguments):
    try:
        function(*arguments)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def record(function, *arguments, **options):
    return from_exception(caught(function, *arguments), REDACTION, **options)


def causes(found):
    return [(cause.type, cause.message) for cause in found.causes]


def fail(error):
    raise error


def test_an_exception_is_type_message_and_frames():
    found = record(int, "abc")
    assert (found.type, found.message) == ("ValueError", "invalid literal for int() with base 10: 'abc'")
    assert record(fail, ParseError("no")).type == QUALIFIED
    file, line, function, code = record(fail, ParseError("no")).frames[-1]
    assert (file, function, code) == (__file__, "fail", "raise error")
    assert Path(file).read_text().splitlines()[line - 1].strip() == code


def test_the_causes_are_told_from_the_nearest_to_the_root():
    def load():
        try:
            try:
                int("abc")
            except ValueError:
                {}["key"]
        except KeyError as error:
            raise ParseError("no") from error

    assert causes(record(load)) == [
        ("KeyError", "'key'"),
        ("ValueError", "invalid literal for int() with base 10: 'abc'"),
    ]


def test_of_a_cause_the_users_own_innermost_line_is_told_and_its_notes():
    def load():
        try:
            json.loads("{")
        except ValueError as error:
            error.add_note("row 7")
            raise ParseError("no") from error

    (cause,) = record(load).causes
    assert cause.frame is not None
    assert (cause.frame[0], cause.frame[2].rpartition(".")[2], cause.frame[3]) == (
        __file__,
        "load",
        'json.loads("{")',
    )
    assert cause.notes == ("row 7",)


def test_of_a_member_of_a_task_group_the_line_that_raised_is_told():
    async def fetch():
        raise ConnectionError("reset")

    async def fan():
        async with asyncio.TaskGroup() as group:
            group.create_task(fetch())

    (member,) = record(lambda: asyncio.run(fan())).causes
    assert member.frame is not None
    assert member.frame[2:] == (fetch.__qualname__, 'raise ConnectionError("reset")')


def test_a_suppressed_context_is_not_a_cause():
    def load():
        try:
            int("abc")
        except ValueError:
            raise ParseError("no") from None

    assert record(load).causes == ()


def test_the_frameworks_own_import_failure_is_not_a_cause():
    def load():
        try:
            raise ModuleNotFoundError("No module named 'hypercache'", name="hypercache")
        except ModuleNotFoundError:
            raise ParseError("no")  # noqa: B904 - as the framework does

    assert record(load).causes == ()
    missing = record(fail, ModuleNotFoundError("No module named 'hypercache'", name="hypercache"))
    assert missing.type == "ModuleNotFoundError"


def test_a_circle_of_causes_ends():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert causes(from_exception(first, REDACTION)) == [("ValueError", "second")]


def test_a_long_chain_is_bounded():
    error = ValueError("0")
    for i in range(1, 40):
        wrapped = ValueError(str(i))
        wrapped.__cause__, error = error, wrapped
    assert [cause.message for cause in from_exception(error, REDACTION).causes] == [
        "38",
        "37",
        "36",
        "35",
        "34",
        "33",
        "32",
        "31",
    ]


def test_members_of_a_group_are_causes():
    group = ExceptionGroup("two", [ValueError("a"), ExceptionGroup("inner", [KeyError("b")])])
    found = from_exception(group, REDACTION)
    assert (found.type, found.message) == ("ExceptionGroup", "two (2 sub-exceptions)")
    assert causes(found) == [("ValueError", "a"), ("KeyError", "'b'")]


def test_notes_are_kept_and_garbage_among_them_is_not():
    error = ValueError("x")
    error.add_note("try again")
    assert from_exception(error, REDACTION).notes == ("try again",)
    error.__notes__ = ["kept", 3, object()]
    assert from_exception(error, REDACTION).notes == ("kept",)
    error.__notes__ = 3
    assert from_exception(error, REDACTION).notes == ()


def test_an_exception_that_cannot_be_printed_is_still_recorded():
    class Silent(Exception):
        def __str__(self):
            raise KeyError("no")

    assert record(fail, Silent()).message == "<its __str__ raised KeyError>"


def test_a_long_message_keeps_head_and_tail():
    message = record(fail, ValueError("a" * 50_000 + "z" * 50_000)).message
    assert len(message) <= 16_384
    assert message.startswith("aaa")
    assert message.endswith("zzz")
    assert "characters left out" in message


def test_secrets_in_messages_causes_notes_and_code_are_replaced():
    def load():
        try:
            raise KeyError("password=hunter2")
        except KeyError as error:
            failure = ValueError("GET https://bob:hunter2@host failed")
            failure.add_note("api_key: hunter2")
            password = "hunter2"; raise failure from error  # fmt: skip  # noqa: E702, F841

    found = record(load)
    assert "hunter2" not in repr(found)
    assert "[redacted:password]" in found.frames[-1][3]


def test_a_lone_surrogate_in_a_message_is_escaped():
    assert record(fail, ValueError("a\udc80")).message == "a\\udc80"


def test_deep_recursion_keeps_both_ends():
    def descend(n):
        return descend(n - 1) if n else int("abc")

    frames = record(descend, 300).frames
    assert len(frames) == 64
    assert (frames[0][2], frames[32][2], frames[-1][3]) == (
        "caught",
        "239 frames left out",
        'return descend(n - 1) if n else int("abc")',
    )


def test_frames_of_the_machinery_are_left_out():
    async def node():
        return await asyncio.wait_for(asyncio.to_thread(int, "abc"), 5)

    with ThreadPoolExecutor(1) as pool:
        found = record(lambda: pool.submit(asyncio.run, node()).result())
    assert [function.rpartition(".")[2] for _, _, function, _ in found.frames] == ["caught", "<lambda>", "node"]


def test_further_packages_can_be_hidden_but_never_the_innermost_frame_of_all():
    assert [frame[2] for frame in record(fail, ValueError("x"), hide=(__name__,)).frames] == ["fail"]
    assert record(json.loads, "{", hide=("json",)).frames[-1][0] == __file__


LOADED = "def load():\n    raise ValueError('first')\n"


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "edited_module.py"
    path.write_text(LOADED)
    yield path, importlib.import_module("edited_module")
    del sys.modules["edited_module"]


def test_code_of_a_file_that_is_no_longer_what_was_loaded_is_not_guessed(module):
    path, loaded = module
    path.write_text("SPEED = 1\nLIMIT = 2\n\n" + LOADED)
    assert record(loaded.load).frames[-1][1:] == (2, "load", "")
    path.write_text(LOADED + "\nLIMIT = 2\n")
    assert record(loaded.load).frames[-1][3] == "raise ValueError('first')"


def test_code_of_a_file_that_was_loaded_again_is_that_of_now(module):
    path, loaded = module
    assert record(loaded.load).frames[-1][3] == "raise ValueError('first')"
    path.write_text(LOADED.replace("'first'", "'second', 2"))
    assert record(importlib.reload(loaded).load).frames[-1][3] == "raise ValueError('second', 2)"


def test_code_of_a_cell_is_what_the_notebook_keeps(monkeypatch):
    cell = "def load():\n    raise ValueError('in a cell')\n"
    lines = cell.splitlines(keepends=True)
    monkeypatch.setitem(linecache.cache, "<ipython-input-7>", (len(cell), None, lines, "<ipython-input-7>"))
    made = {}
    exec(compile(cell, "<ipython-input-7>", "exec"), made)
    assert record(made["load"]).frames[-1] == ("<ipython-input-7>", 2, "load", "raise ValueError('in a cell')")


def test_the_exception_is_not_kept():
    error = caught(fail, ParseError("x"))
    reference, found = weakref.ref(error), from_exception(error, REDACTION)
    del error
    gc.collect()
    assert reference() is None
    assert found.message == "x"


def event(raised, *, kind=NodeErrorEvent, **fields):
    """A failure event as a framework emits it: inside the ``except`` block."""
    try:
        raise raised
    except Exception:
        return from_event(kind(run_id="r", node_name="n", **fields), REDACTION)


def test_the_live_exception_is_taken_if_it_is_the_events_own():
    by_fields = event(ParseError("no"), error="no", error_type=QUALIFIED)
    by_detail = event(
        ParseError("no"),
        error="ParseError [HG_NODE_FAILED]",
        error_type="other",
        error_detail=ErrorDetail(message="no", type_name=QUALIFIED),
    )
    assert by_fields == by_detail
    assert by_fields.frames[-1][2] == "event"
    assert event(ValueError("x"), error="x", error_type="builtins.ValueError").frames
    assert event(ValueError("x"), kind=NodeAttemptEndEvent, error_type="ValueError").message == "x"


def test_an_exception_around_the_events_own_is_looked_through():
    try:
        try:
            raise ParseError("no")
        except ParseError as error:
            raise RuntimeError("ExecutionError") from error
    except RuntimeError:
        detail = ErrorDetail(message="no", type_name=QUALIFIED)
        found = from_event(RunEndEvent(run_id="r", status="failed", error="…", error_detail=detail), REDACTION)
    assert (found.type, found.message, found.frames[-1][3]) == (QUALIFIED, "no", 'raise ParseError("no")')


def test_an_exception_that_the_caller_is_handling_is_not_the_events():
    found = event(ValueError("the caller's"), error="boom", error_type="builtins.ValueError")
    assert (found.type, found.message, found.frames) == ("ValueError", "boom", ())


def test_an_event_without_an_error_has_none():
    assert event(ValueError("x"), kind=NodeAttemptEndEvent) is None
    assert from_event(RunEndEvent(run_id="r"), REDACTION) is None


def test_an_event_that_cannot_be_read_is_still_an_error():
    class Broken:
        @property
        def error_detail(self):
            raise KeyError("no")

    assert from_event(Broken(), REDACTION).message == "the error of this event could not be read"


def recorded(name, kind="NodeErrorEvent"):
    for line in (EVENTS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        fields = json.loads(line)
        if fields["event"] == kind and fields["error_detail"]:
            fields["error_detail"] = SimpleNamespace(**fields["error_detail"])
            return SimpleNamespace(**fields)
    raise AssertionError(f"{name} has no {kind} with a detail")


def test_a_formatted_traceback_is_read_back():
    found = from_event(recorded("chained_error"), REDACTION)
    assert found.type == "ParseError"
    assert found.message == "не удалось разобрать «abc» — ошибка №42 💥"
    assert [frame[:3] for frame in found.frames] == [
        ("app/s13_chained_error.py", 18, "parse"),
        ("app/s13_chained_error.py", 13, "load"),
    ]
    assert found.frames[0][3] == "return load(raw)"
    assert causes(found) == [("ValueError", "invalid literal for int() with base 10: 'abc'")]
    assert found.causes[0].frame == ("app/s13_chained_error.py", 11, "load", 'return {"v": int(raw)}')
    assert len(found.notes) == 1


def test_the_false_cause_is_gone_from_a_formatted_traceback_too():
    found = from_event(recorded("map50_504"), REDACTION)
    assert "hypercache" not in repr(found)
    assert found.frames


@pytest.mark.parametrize("traceback", ["", "garbage", "Traceback (most recent call last):\n  File"])
def test_a_broken_traceback_costs_only_the_frames(traceback):
    detail = ErrorDetail(message="no", type_name="ParseError", traceback=traceback)
    found = from_event(NodeErrorEvent(run_id="r", node_name="n", error_detail=detail), REDACTION)
    assert (found.type, found.message, found.frames) == ("ParseError", "no", ())

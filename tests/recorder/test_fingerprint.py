"""The same fault has one fingerprint wherever and whenever it happens; another fault has another."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.failures import from_exception
from recorder.fingerprint import REWORDINGS, RULES, file_of_project, fingerprint, normalized, own_frames
from recorder.journal.frames import ErrorRecord
from recorder.redaction import Redaction

PAGE = Path("docs/fingerprints.md")
RULE_EXAMPLES = [(rule.name, *example) for rule in RULES for example in rule.examples]


def error(kind="ValueError", message="bad row", frames=(("/srv/app/rows.py", 12, "Reader.read", "x()"),), **more):
    return ErrorRecord(kind, message, frames, **more)


@pytest.mark.parametrize(("rule", "before", "after"), RULE_EXAMPLES)
def test_a_message_keeps_its_words_and_loses_its_data(rule, before, after):
    assert normalized("ValueError", before) == after


@pytest.mark.parametrize(("before", "after"), [row[2:] for row in REWORDINGS])
def test_what_python_versions_word_differently_is_worded_alike(before, after):
    assert normalized("TypeError", before) == normalized("TypeError", after)


def test_the_page_shows_the_rules_as_they_are():
    rows = [
        f"| {rule.name} | {f'`{rule.mark}`' if rule.mark else 'kept'} | "
        + "; ".join(f"`{before}` → `{after}`" for before, after in rule.examples)
        + " |"
        for rule in RULES
    ]
    words = [f"| Python's wording | | `{before}` → `{after}` |" for *_, before, after in REWORDINGS]
    table = "\n".join(["| data | mark | examples |", "|---|---|---|", *rows, *words])
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(" writes them -->\n")
    _, end, tail = rest.partition("<!-- end of rules -->")
    current = f"{head} writes them -->\n{table}\n{end}{tail}"
    if os.environ.get("HG_MCP_UPDATE"):
        PAGE.write_text(current, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == current


SAME = {
    "lines moved": error(frames=(("/srv/app/rows.py", 99, "Reader.read", "y()"),)),
    "another machine": error(frames=(("/home/ann/work/app/rows.py", 12, "Reader.read", "x()"),)),
    "a Windows machine": error(frames=(("C:\\work\\app\\rows.py", 12, "Reader.read", "x()"),)),
    "run as a script": error("__main__.ValueError"),
    "through an installed package": error(
        frames=(
            ("/srv/app/rows.py", 12, "Reader.read", "x()"),
            ("/usr/lib/python3.13/json/decoder.py", 3, "decode", ""),
            ("/srv/venv/lib/python3.11/site-packages/httpx/_client.py", 4, "send", ""),
        )
    ),
    "in a comprehension of 3.11": error(
        frames=(
            ("/srv/app/rows.py", 12, "Reader.read", ""),
            ("/srv/app/rows.py", 12, "Reader.read.<locals>.<listcomp>", ""),
        )
    ),
    "deeper recursion": error(frames=(("/srv/app/rows.py", 12, "Reader.read", "x()"),) * 40),
    "a prefix of its own name": error(message="ValueError: bad row"),
}


@pytest.mark.parametrize("how", SAME)
def test_a_fault_is_recognized_wherever_it_happens(how):
    assert fingerprint(SAME[how], "parse") == fingerprint(error(), "parse")


@pytest.mark.parametrize("request_id", ["3d285d2", "55805e2", "5580512", "55805e21aa5f1b"])
def test_an_id_is_data_whichever_of_its_digits_are_letters(request_id):
    one, other = (error(message=f"504 Gateway Timeout (request {text})") for text in (request_id, "1aa5f1b"))
    assert fingerprint(one, "llm_call") == fingerprint(other, "llm_call")


OTHERS = {
    "type": error("KeyError"),
    "message": error(message="bad column"),
    "function": error(frames=(("/srv/app/rows.py", 12, "Writer.read", "x()"),)),
    "file": error(frames=(("/srv/app/columns.py", 12, "Reader.read", "x()"),)),
    "no frames": error(frames=()),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_fault_is_told_apart(what):
    assert fingerprint(OTHERS[what], "parse") != fingerprint(error(), "parse")


def test_the_same_error_of_another_node_is_another_fault():
    assert fingerprint(error(), "parse") != fingerprint(error(), "load")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("TimeoutError", "504 Gateway Timeout"), ("TimeoutError", "503 Service Unavailable")),
        (("KeyError", "'title'"), ("KeyError", "'body'")),
        (("AttributeError", "'NoneType' object has no attribute 'a'"), ("AttributeError", "'int' object has no a")),
    ],
)
def test_statuses_and_the_names_an_error_is_about_tell_faults_apart(one, other):
    assert normalized(*one) != normalized(*other)


def test_a_group_is_known_by_its_members_not_by_their_number_or_order():
    def group(message, *members):
        return fingerprint(error("ExceptionGroup", message, causes=members), "fan")

    late, lost = ("TimeoutError", "late by 3 s"), ("OSError", "lost")
    one = group("tasks failed (2 sub-exceptions)", late, lost)
    assert group("tasks failed (3 sub-exceptions)", lost, ("TimeoutError", "late by 9 s"), late) == one
    assert group("tasks failed (1 sub-exception)", late) != one


def test_a_notebooks_cell_is_the_projects_own_under_one_name():
    assert file_of_project("/tmp/ipykernel_123/456.py") == file_of_project("<ipython-input-3-ab>") == "<cell>"
    assert [file_of_project(file) for file in ("<string>", "<frozen runpy>", "…")] == ["", "", ""]


def test_the_frameworks_runners_are_not_the_projects_own_from_wherever_they_are_imported():
    assert file_of_project("/home/ann/src/hypergraph/runners/_shared/attempts.py") == ""
    assert file_of_project("/home/ann/hypergraph/app.py") == "app.py"


def test_frames_left_out_of_a_long_traceback_are_no_frames():
    assert own_frames(error(frames=(("a.py", 1, "f", ""), ("…", 0, "9 frames left out", "")))) == [("a.py", "f")]


@given(st.text(), st.text(), st.text())
def test_any_text_has_a_fingerprint_of_twelve_hex_digits(kind, message, node):
    found = fingerprint(ErrorRecord(kind, message, ((message, 1, kind, ""),)), node)
    assert len(found) == 12
    assert int(found, 16) >= 0


@given(st.text())
def test_a_normalized_message_is_one_line_of_bounded_length(message):
    found = normalized("E", message)
    assert len(found) <= 240
    assert "\n" not in found


PROGRAM = """
def parse(rows):
    return [float(row) for row in rows]

def call(rows):
    return parse(rows)
"""


def test_a_real_exception_keeps_its_fingerprint_when_its_file_moves_and_grows(tmp_path):
    def raised(directory, text, rows):
        file = directory / "loading.py"
        file.parent.mkdir()
        file.write_text(text, encoding="utf-8")
        scope = {"__name__": "loading"}
        exec(compile(text, file, "exec"), scope)
        try:
            scope["call"](rows)
        except ValueError as failure:
            return from_exception(failure, Redaction(), hide=(__name__,))
        raise AssertionError

    one = raised(tmp_path / "here", PROGRAM, ["1", "x7"])
    other = raised(tmp_path / "there", "# a new line\nimport os\n" + PROGRAM, ["abc"])
    assert own_frames(one)[-2:] == [("loading.py", "call"), ("loading.py", "parse")]
    assert one.message != other.message
    assert fingerprint(one, "load") == fingerprint(other, "load")


def test_another_process_computes_the_same():
    code = (
        "from recorder.fingerprint import fingerprint; from recorder.journal.frames import ErrorRecord;"
        "print(fingerprint(ErrorRecord('E', 'bad \\'x\\' at 3', (('/a/b.py', 1, 'f', ''),)), 'n'))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    printed = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    ).stdout.strip()
    assert printed == fingerprint(ErrorRecord("E", "bad 'y' at 5", (("/c/b.py", 9, "f", ""),)), "n")


def test_fingerprints_of_earlier_versions_stay_what_they_were():
    assert fingerprint(error(), "parse") == "670110bf5b86"

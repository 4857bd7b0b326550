"""The planted faults: each a program, what happened to it, and the statement that three calls have to end in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cases.recording import Edit, record

__all__ = ["CASES", "Case"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A planted fault.

    ``program`` is a module of ``programs``; ``before`` are the good runs that came first, ``edit`` is what somebody
    changed in its file before the last run, ``vatrates`` the releases of a package that the runs had.

    ``calls`` are the tools of the calls, each the first that the reply before suggests, and ``states`` is what the last
    reply says at which paths: the guilty step, and the value or code. ``cause`` are the words in which the error would
    have told it; ``error`` is the type of that error, empty where there was none and only the result was wrong.
    """

    program: str
    calls: Sequence[str]
    states: Mapping[str, Any]
    cause: Sequence[str]
    error: str = ""
    before: Sequence[str] = ("good",)
    edit: Edit | None = None
    vatrates: Sequence[str] = ()

    def record(self, directory: Path) -> Path:
        """The store of its runs, the faulty one last."""
        last = "good" if self.edit or self.vatrates else "bad"
        return record(directory, self.program, [*self.before, last], edit=self.edit, vatrates=self.vatrates)


THREE = ("summarize_run", "explain_failure", "compare_runs")
TWO = ("summarize_run", "compare_runs")

CASES = (
    Case(
        program="prompt_too_long",
        before=(),
        error="TimeoutError",
        calls=("summarize_run", "explain_failure", "contrast_items"),
        cause=("prompt", "longer"),
        states={
            "separators[0].says": "All 6 failed items: input 'prompt' of 'ask_model' is longer than 1,000; "
            "none of 34 completed.",
            "separators[0].range_b[1]": 173.0,
        },
    ),
    Case(
        program="schema_change",
        error="TypeError",
        calls=THREE,
        cause=("fetch_orders", "total_amount"),
        states={
            "first": {"step": "fetch_orders", "kinds": ["output"], "reason": "outside"},
            "changes[0]": {"value": "return[0].amount", "direction": "output", "against": "120.0"},
            "changes[1]": {"value": "return[0].total_amount", "direction": "output", "run": "120.0"},
        },
    ),
    Case(
        program="flaky_504",
        error="ConnectionError",
        calls=THREE,
        cause=("chance", "outside"),
        states={
            "first": {"step": "[5]/answer/ask_model", "kinds": ["error"], "reason": "outside"},
            "differing": 1,
        },
    ),
    Case(
        program="changed_code",
        edit=('split(";")[1]', 'split(";")[0]'),
        error="ValueError",
        calls=THREE,
        cause=("read_prices", "code"),
        states={
            "first.step": "read_prices",
            "first.reason": "code",
            "differences[0].name": "read_prices",
            "changes[0]": {"value": "return[0]", "direction": "output", "against": "120", "run": "0", "delta": -120.0},
        },
    ),
    Case(
        program="routing_threshold",
        edit=(">= 60", "> 60"),
        calls=TWO,
        cause=("is_urgent", "file_it"),
        states={
            "first.step": "is_urgent",
            "first.kinds": ["code", "decision"],
            "first.reason": "code",
            "differences[0].name": "is_urgent",
        },
    ),
    Case(
        program="poisoned_cache",
        error="ValueError",
        calls=THREE,
        cause=("embedding", "cache"),
        states={
            "first": {"step": "embedding", "kinds": ["output", "cached"], "reason": "cache"},
            "changes[0].run": "0.0",
        },
    ),
    Case(
        program="none_upstream",
        before=(),
        error="AttributeError",
        calls=("summarize_run", "explain_failure", "trace_value"),
        cause=("load_customer", "region"),
        states={
            "end": "born",
            "hops[-1].step": "load_customer",
            "hops[-1].value": "return.region",
            "hops[-1].content": "null",
        },
    ),
    Case(
        program="mutated_default",
        calls=("summarize_run", "compare_runs", "trace_value"),
        cause=("collect_tags", "into"),
        states={
            "end": "outside",
            "hops[-1]": {"step": "collect_tags", "direction": "input", "value": "into[0]", "content": '"draft"'},
            "note": "It was made between recorded steps, is a constant or a default, or its source was not recorded. "
            "Only the 150 nearest earlier steps were searched, and of values kept in part what was kept.",
        },
    ),
    Case(
        program="wrong_unit",
        error="ValueError",
        calls=THREE,
        cause=("read_distance", "12400"),
        states={
            "first.step": "read_distance",
            "changes[0]": {
                "value": "return",
                "direction": "output",
                "against": "12.4",
                "run": "12400.0",
                "delta": 12387.6,
            },
        },
    ),
    Case(
        program="swapped_argument",
        edit=('invoice["customer"], invoice["supplier"]', 'invoice["supplier"], invoice["customer"]'),
        error="ValueError",
        calls=THREE,
        cause=("settle", "payer"),
        states={
            "first.step": "settle/transfer",
            "first.reason": "code",
            "differences[0].name": "settle",
            "changes[*].value": ["payer", "payee"],
            "changes[0].run": '"bob"',
        },
    ),
    Case(
        program="nondeterministic",
        calls=TWO,
        cause=("sample",),
        states={"first": {"step": "sample", "kinds": ["output"], "reason": "outside"}, "changes[0].value": "return[0]"},
    ),
    Case(
        program="hidden_by_continue",
        before=(),
        error="PermissionError",
        calls=("summarize_run", "explain_failure"),
        cause=("fetch_page", "eu-2"),
        states={
            "status": "completed",
            "faults[0].first": "fetch_all/fetch_page@4",
            "inputs[*].value": [3, "eu-2"],
        },
    ),
    Case(
        program="encoding_error",
        before=(),
        error="UnicodeDecodeError",
        calls=("summarize_run", "explain_failure", "contrast_items"),
        cause=("charset", "latin-1"),
        states={
            "separators[0].says": "All 6 failed items: input 'file.headers.charset' of 'decode' is 'latin-1'; "
            "none of 30 completed.",
        },
    ),
    Case(
        program="retry_wrong_data",
        calls=TWO,
        cause=("balance", "740"),
        states={
            "first": {"step": "balance", "kinds": ["output", "attempts"], "reason": "retry"},
            "changes[0]": {
                "value": "balance.euros",
                "direction": "output",
                "against": "500",
                "run": "740",
                "delta": 240.0,
            },
        },
    ),
    Case(
        program="stale_package",
        vatrates=("2.1", "1.9"),
        calls=TWO,
        cause=("tax", "vatrates"),
        states={
            "first": {"step": "tax", "kinds": ["output"], "reason": "packages"},
            "differences": [{"what": "package", "name": "vatrates", "before": "2.1", "now": "1.9"}],
            "changes[0].run": "32",
        },
    ),
    Case(
        program="duplicated_item",
        calls=TWO,
        cause=("fetch_page", "2"),
        states={
            "first.step": "fetch_page@2",
            "changes[0]": {
                "value": "return[0].id",
                "direction": "output",
                "against": "3",
                "run": "2",
                "delta": -1.0,
            },
        },
    ),
    Case(
        program="truncated_download",
        error="json.decoder.JSONDecodeError",
        calls=THREE,
        cause=("download", "-568"),
        states={"first.step": "download", "changes[0].parts_at": 512, "changes[0].delta": -568.0},
    ),
    Case(
        program="wrong_timezone",
        calls=TWO,
        cause=("last_login", "00:30"),
        states={
            "first.step": "last_login",
            "changes[0].against": '"2026-03-01 22:30"',
            "changes[0].run": '"2026-03-02 00:30"',
        },
    ),
    Case(
        program="float_rounding",
        edit=("math.fsum(payments)", "functools.reduce(operator.add, payments)"),
        calls=TWO,
        cause=("paid", "0.9999999999999999"),
        states={
            "first.step": "paid",
            "differences[0].name": "paid",
            "changes[0].run": "0.9999999999999999",
            "changes[0].delta": -1.11022e-16,
        },
    ),
    Case(
        program="lost_last_chunk",
        edit=("range(0, len(text), size)", "range(0, len(text) - size, size)"),
        error="LookupError",
        calls=THREE,
        cause=("split", "Ann"),
        states={
            "first.step": "split",
            "differences[0].name": "split",
            "changes": [{"value": "return[2]", "direction": "output", "against": '"parties agree. Signed: Ann"'}],
        },
    ),
    Case(
        program="race_on_shared_dict",
        calls=TWO,
        cause=("load", "Dee"),
        states={
            "first": {"step": "[0]/write_letter/load", "kinds": ["output"], "reason": "outside"},
            "changes[0].against": '"Dear Ann"',
            "changes[0].run": '"Dear Dee"',
        },
    ),
    Case(
        program="empty_default",
        before=(),
        error="ZeroDivisionError",
        calls=("summarize_run", "explain_failure", "trace_value"),
        cause=("search", "dgos"),
        states={"end": "born", "hops[-1].step": "[24]/rank/search", "hops[-1].content": "[]"},
    ),
    Case(
        program="other_environment",
        error="KeyError",
        calls=THREE,
        cause=("load_config", "orders_test"),
        states={
            "first.step": "load_config",
            "changes[0].value": "return.table",
            "changes[0].run": '"orders_test"',
        },
    ),
    Case(
        program="chatty_model",
        error="json.decoder.JSONDecodeError",
        calls=THREE,
        cause=("ask_model", "Sure"),
        states={"first.step": "ask_model", "changes[0].against": '"{\\"label\\": \\"spam\\"}"'},
    ),
    Case(
        program="missing_header",
        before=(),
        error="TypeError",
        calls=("summarize_run", "explain_failure", "trace_value"),
        cause=("to_price", "header"),
        states={
            "end": "born",
            "hops[-1].step": "[4]/load_file/to_price",
            "hops[-1].value": "return.price",
        },
    ),
)

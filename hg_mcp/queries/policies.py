"""Why a step has no values: its recorder's policy, asked again, names what left them out and what would keep them.

A recorder writes nothing of what its policy leaves out. It writes the policy, which decides by what every row says.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from hg_mcp.queries.step_paths import outer_item_path
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, quoted
from recorder.store.records import Run, Step, Worker
from recorder.values import Setting, ValueTracer, unmatched_words

__all__ = ["may_have_values", "never_matched", "why_absent"]

_WITHOUT_OUTPUTS: Final = frozenset({"running", "failed", "cancelled", "crashed"})
_decode: Final = msgspec.json.Decoder(ValueTracer).decode


def may_have_values(run: Run) -> bool:
    """Whether the recorder of a run recorded values at all; it did where nobody knows."""
    return run.worker.values_policy != ""


def why_absent(run: Run, step: Step | None) -> str:
    """Why no value is recorded of a step (of the run itself where that is None), and what would record it."""
    recorded = run.worker.values_policy
    if not may_have_values(run):
        return "Not captured: this recorder records no values. To record them: Recorder(values=True)."
    try:
        tracer = _decode(recorded or "")
    except msgspec.MsgspecError:
        return "Not captured, and the recorder did not say why. To record values: Recorder(values=True)."
    left_out_by = tracer.left_out_by(run.run_id, step.path if step else "")
    return f"Not captured: {_left_out(tracer, step, left_out_by) if left_out_by else _not_given(run, step)}"


def never_matched(worker: Worker) -> str:
    """Which patterns of its policy chose nothing in all runs of a recorder so far: in words, or nothing."""
    return one_line(unmatched_words(worker.values_unmatched), 400)


def _left_out(tracer: ValueTracer, step: Step | None, by: Setting) -> str:
    what = "this step" if step else "the run itself"
    if by == "nodes":
        mine = quoted(step.node) if step else "'.'"
        return f"ValueTracer(nodes={_listed(tracer.nodes)}) does not choose {what}. To capture it: add {mine} to nodes."
    if by == "exclude":
        return f"ValueTracer(exclude={_listed(tracer.exclude)}) leaves {what} out. Take that out to capture it."
    setting = "when='failed'" if by == "when" else f"sample={tracer.sample:g}"
    if step is not None and step.status in {"running", "crashed"}:
        return (
            f"ValueTracer({setting}) only holds the inputs of a step until it ends, and this one is {step.status}. "
            "To capture them at once: ValueTracer(when='always', sample=1)."
        )
    keeps = "keeps inputs of what failed only" if by == "when" else f"did not choose {_sampled(step)}"
    return f"ValueTracer({setting}) {keeps}. To capture it: ValueTracer(when='always', sample=1)."


def _sampled(step: Step | None) -> str:
    item = outer_item_path(step.path) if step else ""
    return f"item {quoted(item)}" if item else "this run"


def _not_given(run: Run, step: Step | None) -> str:
    dropped = run.worker.values_dropped
    if dropped:
        return f"the policy keeps it, but the journal was full: {counted(dropped, 'value')} dropped."
    return f"the policy keeps it, but nobody gave any. {_who_gives(step)}"


def _who_gives(step: Step | None) -> str:
    if step is None:
        return "Runs have those of rec.run(inputs=...) and run.set_output(...); hypergraph gives those of nodes alone."
    if step.kind == "item":
        return "hypergraph gives those of nodes alone: ask for a step inside this item."
    outputs = f" A step that is {step.status} has no outputs." if step.status in _WITHOUT_OUTPUTS else ""
    return (
        "In hypergraph: rec.attach(graph), or trace_io=True on the node; "
        f"one that says trace_io=False itself gives none either way.{outputs}"
    )


def _listed(patterns: Sequence[str]) -> str:
    return one_line("[" + ", ".join(map(repr, patterns)) + "]", 160)

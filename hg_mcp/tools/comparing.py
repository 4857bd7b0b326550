"""Questions about causes: what sets items, runs and values apart from others."""

from typing import TYPE_CHECKING, Annotated

from hg_mcp import replies
from hg_mcp.queries import compare, lineage
from hg_mcp.queries.contrast import contrast
from hg_mcp.queries.runs import find_run
from hg_mcp.tools.definition import READ_ONLY, Param, tool
from hg_mcp.tools.parameters import Run, Step
from recorder.store.protocols import RunReader

if TYPE_CHECKING:
    from hg_mcp.replies import ItemContrast, RunComparison, ValueTrace

__all__ = ["compare_runs", "contrast_items", "trace_value"]


@tool(title="Where two runs part", hints=READ_ONLY)
async def compare_runs(
    reader: RunReader,
    *,
    run: Run = "latest",
    against: Annotated[str, Param("The other run; empty: the good run of the graph with the nearest inputs.")] = "",
) -> "RunComparison":
    """Where a run first parts from another, step by step, and why: changed code, inputs, decision, cache, chance.

    With the paths inside the values that differ, later differences, code, packages and durations.
    """
    return replies.RunComparison.of(await compare.compare_runs(reader, run, against))


@tool(title="What sets failing items apart", hints=READ_ONLY)
async def contrast_items(
    reader: RunReader,
    *,
    run: Run = "latest",
    a: Annotated[str, Param("Items to explain: 'status:failed', or indexes '3,7,12-20'.")] = "status:failed",
    b: Annotated[str, Param("Items to hold against them, in the same forms, or 'rest'.")] = "status:completed",
    step: Annotated[str, Param("The map's step, where a run has several maps.")] = "",
) -> "ItemContrast":
    """What separates failing items of a map from passing ones: inputs, sizes, types, nulls, decisions, cache, load.

    Best first, each as a sentence with its counts and its exact p, corrected for all that was compared.
    """
    return replies.ItemContrast.of(await contrast(reader, await find_run(reader, run), a, b, step=step))


@tool(title="Where a value came from", hints=READ_ONLY)
async def trace_value(
    reader: RunReader,
    *,
    run: Run = "latest",
    step: Step = "",
    value: Annotated[str, Param("The value, or a path inside it: 'prompt', 'docs[0].title'. Required.")] = "",
) -> "ValueTrace":
    """Back from a value to its origin, step by step: by edges of the graph, equal values and parts of values.

    Ends at an input of the run, or where it was born: the first step whose output has it and whose inputs do not.
    """
    return replies.ValueTrace.of(await lineage.trace_value(reader, run, step=step, value=value))

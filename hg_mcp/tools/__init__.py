"""What can be asked, at a glance.

The MCP server, the shell commands and docs/tools.md are all made from ``GROUPS``. A new question is a function in a
group's module and a word here.
"""

from collections.abc import Mapping
from typing import Final

from hg_mcp.tools.comparing import compare_runs, contrast_items, trace_value
from hg_mcp.tools.definition import Tool
from hg_mcp.tools.failures import explain_failure, list_error_groups
from hg_mcp.tools.graphs import describe_graph
from hg_mcp.tools.logs import get_logs
from hg_mcp.tools.runs import list_failed_runs, list_runs, summarize_run, wait_for_run
from hg_mcp.tools.search import search_runs
from hg_mcp.tools.sql import query_sql
from hg_mcp.tools.steps import get_run_steps, get_step_values, node_stats
from hg_mcp.tools.timing import why_slow

__all__ = ["GROUPS", "TOOLS"]

GROUPS: Final[Mapping[str, tuple[Tool, ...]]] = {
    "Runs": (list_runs, list_failed_runs, summarize_run, wait_for_run),
    "Failures": (explain_failure, list_error_groups),
    "Steps": (get_run_steps, node_stats, get_step_values, get_logs),
    "Graphs": (describe_graph,),
    "Causes": (compare_runs, contrast_items, trace_value, why_slow),
    "Anything else": (search_runs, query_sql),
}

TOOLS: Final[Mapping[str, Tool]] = {tool.name: tool for group in GROUPS.values() for tool in group}

"""What the tools are called: the one place, since errors and replies name the next call."""

from typing import Final

LIST_RUNS: Final = "list_runs"
LIST_FAILED_RUNS: Final = "list_failed_runs"
SUMMARIZE_RUN: Final = "summarize_run"
GET_RUN_STEPS: Final = "get_run_steps"
NODE_STATS: Final = "node_stats"
GET_STEP_VALUES: Final = "get_step_values"
DESCRIBE_GRAPH: Final = "describe_graph"
CONTRAST_ITEMS: Final = "contrast_items"
COMPARE_RUNS: Final = "compare_runs"
TRACE_VALUE: Final = "trace_value"
GET_LOGS: Final = "get_logs"
EXPLAIN_FAILURE: Final = "explain_failure"
LIST_ERROR_GROUPS: Final = "list_error_groups"
WAIT_FOR_RUN: Final = "wait_for_run"
QUERY_SQL: Final = "query_sql"

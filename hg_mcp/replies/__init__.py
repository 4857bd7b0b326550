"""What the tools answer: one flat model for each, loaded when first used, since `hg-mcp --help` needs none."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hg_mcp.replies.compare import RunComparison
    from hg_mcp.replies.contrast import ItemContrast
    from hg_mcp.replies.explain import FailureExplanation
    from hg_mcp.replies.groups import ErrorGroupList
    from hg_mcp.replies.lineage import ValueTrace
    from hg_mcp.replies.logs import LogList
    from hg_mcp.replies.nodes import NodeStats
    from hg_mcp.replies.runs import RunList
    from hg_mcp.replies.search import SearchHits
    from hg_mcp.replies.sql import SqlRows
    from hg_mcp.replies.steps import StepList
    from hg_mcp.replies.story import RunSummary
    from hg_mcp.replies.structure import GraphDescription
    from hg_mcp.replies.values import ValueList
    from hg_mcp.replies.waiting import RunWait
    from hg_mcp.replies.why_slow import SlowRun

__all__ = [
    "ErrorGroupList",
    "FailureExplanation",
    "GraphDescription",
    "ItemContrast",
    "LogList",
    "NodeStats",
    "RunComparison",
    "RunList",
    "RunSummary",
    "RunWait",
    "SearchHits",
    "SlowRun",
    "SqlRows",
    "StepList",
    "ValueList",
    "ValueTrace",
]

_MODULES = {
    "ErrorGroupList": "groups",
    "FailureExplanation": "explain",
    "GraphDescription": "structure",
    "ItemContrast": "contrast",
    "LogList": "logs",
    "NodeStats": "nodes",
    "RunComparison": "compare",
    "RunList": "runs",
    "RunSummary": "story",
    "RunWait": "waiting",
    "SearchHits": "search",
    "SlowRun": "why_slow",
    "SqlRows": "sql",
    "StepList": "steps",
    "ValueList": "values",
    "ValueTrace": "lineage",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

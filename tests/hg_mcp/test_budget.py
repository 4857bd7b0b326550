"""Whatever was recorded: a reply fits its budget, wastes little of it, shows more for more, and keeps its core."""

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hg_mcp.queries.explain import Explanation
from hg_mcp.queries.story import RunStory
from hg_mcp.replies import FailureExplanation, RunSummary
from hg_mcp.replies.base import Reply
from hg_mcp.replies.budget import tokens
from recorder.store.records import Backlog
from tests.hg_mcp.any_replies import REPLIES, explanations, stories

NOTHING_BEHIND = Backlog()
FAR_BEHIND = Backlog(segments=9, bytes=10**12, refused=("é" * 300,) * 40)
QUICKLY: Any = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.reuse, Phase.generate],  # shrinking such replies takes minutes
    "report_multiple_bugs": False,
}
BUDGETS = st.integers(300, 2000) | st.integers(300, 50_000)


def shown(reply: Reply, budget: int, backlog: Backlog) -> tuple[bytes, dict[str, Any]]:
    asked = {"tool": "get_run_steps", "arguments": {"run": "latest"}}
    encoded = reply.encoded(budget=budget, asked=asked, backlog=backlog)
    return encoded, json.loads(encoded)


def shows_no_more(less: Any, more: Any) -> bool:
    """Whether everything in the one is in the other, texts as beginnings."""
    if isinstance(less, dict):
        if "value" in more:
            less = {key: value for key, value in less.items() if key not in {"preview", "text"}}
        return all(key in more and shows_no_more(value, more[key]) for key, value in less.items())
    if isinstance(less, list):
        return len(less) <= len(more) and all(map(shows_no_more, less, more))
    return more.startswith(less.removesuffix("…")) if isinstance(less, str) else less == more


def longest_text(doc: Any) -> int:
    """Bytes of the longest text: a path, a name or a call with one is there whole or not at all."""
    if isinstance(doc, dict):
        return max(map(longest_text, [*doc, *doc.values()]), default=0)
    if isinstance(doc, list):
        return max(map(longest_text, doc), default=0)
    return len(json.dumps(doc, ensure_ascii=False).encode("utf-8", "replace"))


@settings(max_examples=60, **QUICKLY)
@given(reply=REPLIES, budget=BUDGETS, backlog=st.sampled_from([NOTHING_BEHIND, FAR_BEHIND]))
def test_a_reply_fits_its_budget_and_uses_it_where_something_is_dropped(reply: Reply, budget: int, backlog: Backlog):
    encoded, doc = shown(reply, budget, backlog)
    assert tokens(encoded) <= budget
    everything, all_of_it = shown(reply, 50_000, backlog)
    if len(everything) > 4 * budget:
        assert doc["omitted"]
        assert len(encoded) >= 0.7 * 4 * budget or longest_text(all_of_it) > 4 * budget - len(encoded)
    assert type(reply).model_validate(doc)


@settings(max_examples=50, **QUICKLY)
@given(reply=REPLIES, budgets=st.tuples(BUDGETS, BUDGETS).map(sorted))
def test_a_larger_budget_never_shows_less(reply: Reply, budgets: list[int]):
    less, more = (shown(reply, budget, NOTHING_BEHIND)[1] for budget in budgets)
    for doc in (less, more):
        doc.pop("omitted", None)
    assert shows_no_more(less, more)


@settings(max_examples=60, **QUICKLY)
@given(reply=REPLIES, budget=BUDGETS)
def test_a_suggested_call_has_all_its_arguments_or_is_not_there(reply: Reply, budget: int):
    _, doc = shown(reply, budget, NOTHING_BEHIND)
    assert [one["arguments"] for one in doc["next"]] == [one.arguments for one in reply.next][: len(doc["next"])]


@settings(max_examples=30, **QUICKLY)
@given(story=stories())
def test_the_diagnosis_counts_and_handles_are_there_at_the_smallest_budget(story: RunStory):
    _, doc = shown(RunSummary.of(story), 300, FAR_BEHIND)
    assert doc.keys() >= {"summary", "run_id", "graph", "status", "started_at", "steps", "failures", "behind"}
    if story.faults:
        assert doc["faults"], doc


@settings(max_examples=30, **QUICKLY)
@given(found=explanations())
def test_the_first_fault_and_its_fingerprint_are_there_at_the_smallest_budget(found: Explanation):
    _, doc = shown(FailureExplanation.of(found), 300, FAR_BEHIND)
    assert doc.keys() >= {"summary", "run_id", "graph", "status", "faults", "behind"}
    if found.faults:
        assert doc["faults"][0]["fingerprint"] == "0123456789ab"

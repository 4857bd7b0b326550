"""Any reply: of whatever the queries may find in a store that holds anything."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import strategies as st

from hg_mcp.queries.alignment import Pair
from hg_mcp.queries.changes import ABSENT, Change
from hg_mcp.queries.compare import Comparison, Divergence, Pace, ValueChange
from hg_mcp.queries.concurrency import Concurrency, MapPace, Serial
from hg_mcp.queries.contrast import Contrast, Separator, Side
from hg_mcp.queries.critical_path import Segment, shares_of
from hg_mcp.queries.explain import Explanation, KnownFault
from hg_mcp.queries.features import Feature
from hg_mcp.queries.filters import Emptied, RunQuestion
from hg_mcp.queries.groups import STATES, Check, GroupPage, GroupState, NodeChange, Sampled
from hg_mcp.queries.lineage import Hop, Lineage, Place
from hg_mcp.queries.logs import LogLine, LogPage
from hg_mcp.queries.nodes import NodeTable
from hg_mcp.queries.pace import Outlier, UsualPace
from hg_mcp.queries.profile import Spread, ValueProfile
from hg_mcp.queries.reach import NotReached
from hg_mcp.queries.reference import Difference, Reference
from hg_mcp.queries.runs import RunPage
from hg_mcp.queries.search import Found, SearchPage
from hg_mcp.queries.selection import Piece
from hg_mcp.queries.separation import Rule
from hg_mcp.queries.sql import SqlPage
from hg_mcp.queries.step_waits import NodeWait
from hg_mcp.queries.steps import StepDetail, StepPage
from hg_mcp.queries.story import Fault, RunStory
from hg_mcp.queries.structure import GraphPage, NodeState
from hg_mcp.queries.timeline import Stretch
from hg_mcp.queries.values import ValuePage
from hg_mcp.queries.waiting import Glance, NextRun, RunWatch
from hg_mcp.queries.what_if import WhatIf
from hg_mcp.queries.why_slow import Slowness
from hg_mcp.replies import (
    ErrorGroupList,
    FailureExplanation,
    GraphDescription,
    ItemContrast,
    LogList,
    NodeStats,
    RunComparison,
    RunList,
    RunSummary,
    RunWait,
    SearchHits,
    SlowRun,
    SqlRows,
    StepList,
    ValueList,
    ValueTrace,
)
from hg_mcp.replies.base import Reply
from recorder.journal.frames import Cause, ErrorRecord, GraphEdge, GraphFrame, GraphNode
from recorder.store.records import LogEntry, NodeWindow, RunProgress, StepValue
from recorder.store.sql import SqlAnswer
from recorder.store.text import TextHit
from recorder.store.views import VIEWS
from tests.hg_mcp.any_facts import (
    COUNTS,
    HANDLE,
    MANY,
    T0,
    TEXT,
    attempt,
    error_groups,
    expired_runs,
    failures,
    holdups,
    inputs,
    nodes,
    runs,
    steps,
    usages,
)

FILTERS = ("status", "graph", "workflow_id", "worker", "parent", "fingerprint", "metadata", "since", "until")
MEDIANS = {"failing_median": 2.0, "passing_median": 3.0}


@st.composite
def run_watches(draw: st.DrawFn) -> RunWatch:
    run, ended = draw(runs()), [draw(steps(1))] * draw(MANY)
    counts = {"run": 1, "started": 2, "trouble": 0}
    return RunWatch(
        run=run,
        before=Glance(status="queued", finished=0, failures=0, **counts),
        now=Glance(status=run.status, finished=len(ended) + draw(COUNTS), failures=len(ended), **counts),
        progress=RunProgress(started=10**9, finished=0, failures=7, items_completed=1, items_failed=2, last_at=None),
        holdup=draw(st.none() | holdups()),
        finished=ended,
        failed=ended,
        until=draw(st.sampled_from(["finished", "changed"])),
        waited_ms=draw(st.floats(0, 50_000)),
        by_cursor=draw(st.booleans()),
    )


@st.composite
def next_runs(draw: st.DrawFn) -> NextRun:
    return NextRun(
        graph=draw(HANDLE),
        run=draw(st.none() | runs()),
        latest=draw(st.none() | runs()),
        graphs=[draw(HANDLE)] * draw(MANY),
        expired=draw(st.none() | expired_runs()),
        cursor="c0-1",
        waited_ms=draw(st.floats(0, 50_000)),
    )


@st.composite
def stories(draw: st.DrawFn) -> RunStory:
    items = draw(st.lists(st.integers(0, 10**6), max_size=300))
    fault = Fault(fingerprint="0123456789ab", first=draw(failures()), count=draw(COUNTS), items=items)
    step = draw(steps(1))
    many = draw(MANY)
    holdup = draw(st.none() | holdups())
    return RunStory(
        holdup=holdup,
        run=draw(runs()),
        faults=[fault] * draw(MANY),
        unfinished=[step] * many,
        unfinished_total=many + (draw(COUNTS) if many else 0),
        nodes=[draw(nodes())] * draw(MANY),
        packages={"numpy": "2.0"} if draw(st.booleans()) else {},
        changed=[draw(HANDLE)] * draw(MANY),
        usage=draw(st.none() | usages()),
        logs_dropped=draw(st.dictionaries(HANDLE, COUNTS, max_size=9)),
        logged=draw(st.none() | HANDLE),
    )


@st.composite
def step_pages(draw: st.DrawFn) -> StepPage:
    found = [draw(steps(number)) for number in range(1, 3)] * draw(st.sampled_from([0, 1, 100]))
    text = draw(TEXT)
    frame = (text, 1, text, text)
    causes = (Cause(text, text, frame, (text,)), Cause(text, text)) * draw(MANY)
    error = ErrorRecord(draw(HANDLE), text, (frame,) * draw(MANY), causes, (text,) * draw(MANY))
    code = draw(st.none() | st.just(GraphNode(text, file=text, line=3, qualname=text, source_hash="aa")))
    attempts = [attempt(error)] * draw(MANY)
    detail = StepDetail(attempts=attempts, error=error, code=code, thread=text) if draw(st.booleans()) else None
    return StepPage(
        run=draw(runs()),
        steps=found,
        total=10**6,
        in_run=10**6,
        more=draw(st.booleans()) and bool(found),
        detail=detail,
        changed=[draw(HANDLE)] * draw(MANY),
    )


@st.composite
def graph_pages(draw: st.DrawFn) -> GraphPage:
    names = [f"{number}{draw(HANDLE)}" for number in range(draw(st.integers(0, 4)))] * draw(st.sampled_from([1, 30]))
    text = draw(TEXT)
    nodes = tuple(GraphNode(name, text, (text,), file=text, branches=((text, text),)) for name in names)
    edges = tuple(GraphEdge(source, target, "data", (text,)) for source, target in pairwise(names))
    states = [NodeState(node=node, name=node.id, status="failed", count=1, errors=1) for node in nodes]
    structure = GraphFrame("d", text, nodes, edges) if draw(st.booleans()) else None
    return GraphPage(run=draw(runs()), nodes=states, structure=structure)


@st.composite
def value_pages(draw: st.DrawFn) -> ValuePage:
    stored = [draw(inputs(f"{n}{draw(HANDLE)}")) for n in range(draw(st.integers(0, 6)))]
    rows = [
        StepValue(step=n, path=draw(HANDLE), node="n", item=None, step_status="failed", value=one)
        for n, one in enumerate(stored, 1)
    ]
    across, text = draw(st.booleans()), draw(HANDLE)
    spread = Spread(measure="keys", count=9, min=1, median=2.5, max=3, min_at=text, max_at=text, **MEDIANS)
    counts = {"statuses": {"captured": 3}, "types": {draw(HANDLE): 2, "b": 1}, "nulls": 1, "missing": 1, "distinct": 2}
    return ValuePage(
        run=draw(runs()),
        values=rows,
        total=len(rows) if draw(st.booleans()) else len(rows) + 10**6,
        step=None if across else draw(st.none() | steps(1)),
        across=across,
        more=bool(rows) and draw(st.booleans()),
        selected=draw(st.just("") | HANDLE),
        shape=draw(st.just("") | HANDLE),
        suspect=draw(st.just("") | HANDLE),
        inside=draw(st.dictionaries(HANDLE, HANDLE, max_size=20)),
        piece=Piece(text=text, start=3, stop=9, total=10**9) if draw(st.booleans()) else None,
        profile=ValueProfile(values=9, total=10**6, failing=3, spreads=[spread] * 2, **counts) if across else None,
        holders=() if rows else draw(st.lists(st.tuples(HANDLE, HANDLE), max_size=9)),
    )


@st.composite
def contrasts(draw: st.DrawFn) -> Contrast:
    item = draw(steps(1))
    text = draw(TEXT)
    feature = Feature(draw(st.sampled_from(["value", "length", "decision", "executed"])), text, "input", text)
    separator = Separator(
        feature=feature,
        rule=Rule("is", draw(TEXT), 0.01) if not feature.is_number else Rule("over", draw(COUNTS), 0.01),
        p=draw(st.sampled_from([0.01, 0.5])),
        a_hits=1,
        a=1,
        b_hits=draw(COUNTS),
        b=draw(COUNTS),
        effect=draw(st.booleans()),
        alike=[feature] * draw(MANY),
        range_a=None,
        range_b=draw(st.none() | st.just((0.0, 1e12))),
        shown_by=draw(HANDLE),
        not_by=draw(HANDLE),
    )
    return Contrast(
        run=draw(runs()),
        map_path=draw(HANDLE),
        a=Side(asked="status:crashed", items=[item]),
        b=Side(asked="rest", items=[item] * draw(MANY)),
        separators=[separator] * draw(MANY),
        compared=draw(COUNTS),
        reachable_p=draw(st.sampled_from([1e-9, 0.5])),
        values=draw(st.booleans()),
        left_out=draw(COUNTS),
        cut=[separator.feature] * draw(MANY),
    )


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    step, like, text = draw(steps(1)), draw(steps(2)), draw(TEXT)
    pair = Pair(draw(st.sampled_from([step, None])), like)
    kinds = ["output", "error"] if pair.step else ["missing"]
    first = draw(st.none() | st.just(Divergence(pair=pair, kinds=kinds)))
    node = GraphNode(text, file=text, line=3, qualname=text, source_hash="aa")
    change = ValueChange(direction="output", change=Change(text, draw(st.sampled_from([ABSENT, 1.5])), text))
    pace = Pace(node=text, count=3, avg_ms=2.0, against_count=9, against_avg_ms=1e9, within=draw(st.booleans()))
    return Comparison(
        run=draw(runs()),
        reference=Reference(run=replace(draw(runs()), key=2), rule="nearest_inputs"),
        compared=draw(COUNTS),
        first=first,
        reason="outside",
        code=(node, node) if draw(st.booleans()) else None,
        changes=[change] * draw(MANY),
        divergences=[Divergence(pair=pair, kinds=kinds)] * draw(MANY),
        differences=[Difference(kind="package", name=text, before=text, after=text)] * draw(MANY),
        pace=[pace] * draw(MANY),
        moved=draw(COUNTS),
        values=(draw(st.booleans()), draw(st.booleans())),
        codes=(draw(st.booleans()), draw(st.booleans())),
        left_out=draw(st.booleans()),
        cut=draw(COUNTS),
    )


@st.composite
def lineages(draw: st.DrawFn) -> Lineage:
    text = draw(TEXT)
    place = Place(
        step=draw(st.none() | steps(1)), direction="output", name=draw(HANDLE), parts=(text, 3), content={"a": text}
    )
    ties = st.sampled_from(["start", "edge", "equal", "text"])
    hops = [Hop(place=place, how=draw(ties), common=draw(st.booleans()))] * draw(st.sampled_from([1, 2, 24]))
    end = draw(st.sampled_from(["born", "outside", "run_input", "limit"]))
    return Lineage(run=draw(runs()), hops=hops, end=end, has_inputs=draw(st.booleans()), edges_from=[text] * draw(MANY))


@st.composite
def log_pages(draw: st.DrawFn) -> LogPage:
    entries = [
        LogEntry(
            step=1,
            number=number,
            path=draw(HANDLE),
            at=T0 + number,
            level=40,
            level_name=draw(HANDLE),
            logger=draw(HANDLE),
            message=draw(TEXT),
            place="after_its_step",
            file=draw(HANDLE),
            line=3,
            error_type=draw(st.none() | HANDLE),
            error_message=draw(TEXT),
            fields=draw(st.dictionaries(HANDLE, TEXT, max_size=3)),
        )
        for number in range(1, 3)
    ] * draw(st.sampled_from([0, 1, 60]))
    folded = [LogLine(first=entry, last=entry, count=draw(COUNTS) + 1, steps=draw(COUNTS)) for entry in entries[:2]]
    lines = folded * (len(entries) // 2)
    return LogPage(
        run=draw(runs()),
        lines=lines,
        total=10**6,
        told=len(lines),
        seen=0,
        in_run=10**6,
        dropped=draw(st.dictionaries(HANDLE, COUNTS, max_size=9)),
        step=draw(st.none() | steps(1)),
        ends=(T0, 1, 1) if draw(st.booleans()) and lines else None,
    )


@st.composite
def explanations(draw: st.DrawFn) -> Explanation:
    story, text = draw(stories()), draw(TEXT)
    stored = [draw(inputs(draw(HANDLE))) for _ in range(draw(st.integers(0, 3)))]
    tried = [attempt(ErrorRecord(text, text))] * 3
    history = draw(st.none() | error_groups())
    known = [
        KnownFault(**{name: getattr(fault, name) for name in ("fingerprint", "first", "count", "items")})
        for fault in story.faults
    ]
    detailed = [replace(fault, history=history, attempts=tried, inputs=stored) for fault in known[:5]]
    return Explanation(
        story=story,
        faults=[*detailed, *known[5:]],
        step=draw(st.none() | steps(1)),
        given=[] if known else [(step.path, stored) for step in story.unfinished[:5]],
        good=draw(st.none() | runs()),
        differences=[Difference(kind="code", name=text, before=text, after=text)] * draw(MANY),
        not_reached=[NotReached(node=draw(HANDLE), items=range(0, 900, 3))] * draw(MANY),
        common=draw(st.none() | contrasts()),
    )


@st.composite
def group_pages(draw: st.DrawFn) -> GroupPage:
    states = [
        GroupState(group=draw(error_groups()), state=draw(st.sampled_from(STATES)), runs_since=draw(COUNTS))
        for _ in range(draw(st.integers(0, 3)))
    ] * draw(st.sampled_from([1, 60]))
    window = NodeWindow(
        node=draw(HANDLE),
        graph="",
        count=draw(COUNTS),
        errors=9,
        cached=0,
        attempts=0,
        timed=9,
        total_ms=1.0,
        p50_ms=draw(st.floats(0, 1e12)),
        p95_ms=1.0,
        p99_ms=1.0,
        max_ms=1.0,
    )
    change = NodeChange(
        node=draw(HANDLE), before=window, after=window, slower=draw(st.none() | st.floats(1, 1e9)), fails_more=True
    )
    sampled = Sampled(runs=draw(COUNTS), with_fault=draw(COUNTS))
    check = Check(
        verdict=draw(st.sampled_from(["gone", "still_there", "unproven", "not_run"])),
        before=sampled,
        after=sampled,
        luck=draw(st.none() | st.floats(0, 1)),
        executions=draw(st.none() | COUNTS),
        nodes=draw(COUNTS),
        worse=[change] * draw(MANY),
    )
    more = draw(COUNTS) if states else 0
    counts = dict.fromkeys(STATES, draw(COUNTS))
    return GroupPage(
        groups=states,
        total=len(states) + more + draw(st.just(0) | COUNTS) * bool(states),
        since=T0,
        judged=len(states) + more,
        counts=counts,
        check=draw(st.none() | st.just(check)),
        expired=draw(st.none() | expired_runs()),
    )


@st.composite
def sql_pages(draw: st.DrawFn) -> SqlPage:
    if draw(st.integers(0, 4)) == 0:
        views = tuple(VIEWS.values())
        return SqlPage(views=views) if draw(st.booleans()) else SqlPage(view=draw(st.sampled_from(views)))
    cells = st.none() | COUNTS | st.floats() | TEXT | st.binary(max_size=9)
    columns = [draw(HANDLE) for _ in range(draw(st.integers(1, 5)))] * draw(st.sampled_from([1, 12]))
    row = tuple(draw(cells) for _ in range(min(len(columns), 6)))
    cut = draw(st.sampled_from(["", "rows", "bytes", "time"]))
    return SqlPage(answer=SqlAnswer(columns=columns, rows=[row] * draw(MANY), cut=cut), offset=draw(COUNTS))


@st.composite
def search_pages(draw: st.DrawFn) -> SearchPage:
    hit = TextHit(
        place=draw(st.integers(1, (1 << 63) - 1)),
        run=1,
        run_id=draw(HANDLE),
        graph=draw(HANDLE),
        status="failed",
        started_at=T0,
        kind=draw(st.sampled_from(["error", "log", "names", "input"])),
        step=1,
        path=draw(HANDLE),
        count=draw(COUNTS),
        text="",
    )
    found = Found(hit=hit, excerpt=draw(TEXT), value=draw(st.just("") | HANDLE))
    return SearchPage(
        text=draw(HANDLE),
        found=[found] * draw(MANY),
        run=draw(st.none() | runs()),
        after=draw(st.none() | st.integers(1, (1 << 63) - 1)),
        runs=draw(COUNTS),
        emptied_by=draw(st.none() | st.just(Emptied(parameters=FILTERS))),
        expired=draw(st.none() | expired_runs()),
        runs_unsearched=draw(COUNTS),
        texts_unsearched=draw(COUNTS),
        values_unsearched=draw(st.booleans()),
        index=draw(st.booleans()),
    )


@st.composite
def slow_runs(draw: st.DrawFn) -> Slowness:
    ms, count, node, path = draw(st.floats(0.1, 1e12)), draw(COUNTS), draw(HANDLE), draw(HANDLE)
    step = Stretch(number=1, parent=0, node=node, path=path, start=0.0, end=ms)
    segments = [Segment(step=step, start=0.0, end=ms, between=draw(st.booleans()), held_ms=ms)] * draw(MANY)
    times = {"queued_ms": ms, "held_ms": ms, "back_off_ms": ms, "lost_ms": ms}
    wait = NodeWait(node=node, executions=count, **times, retries=count, timed_out=count, worst=step)
    serial = Serial(node=node, path=path, executions=count, inside=draw(st.booleans()), apart_ms=ms, ms=ms)
    spread = {"median_ms": ms, "usual_ms": ms, "low_ms": 1.0, "high_ms": 2.0, "more_ms": ms}
    pace = UsualPace(node=node, executions=3, earlier=count, verdict=draw(st.sampled_from(["slower", "few"])), **spread)
    held = {"held": count, "held_avg_ms": ms, "held_max_ms": ms}
    return Slowness(
        run=draw(runs()),
        ms=ms,
        steps=draw(st.sampled_from([0, count])),
        path=segments,
        shares=shares_of(segments) * draw(MANY),
        at_once=Concurrency(average=ms, peak=count, idle_ms=ms, alone_ms=ms, lost_ms=draw(st.sampled_from([0.0, ms]))),
        maps=[MapPace(path=path, items=count, at_once=1.0, peak=draw(st.integers(1, 9)), **held, ms=ms)] * draw(MANY),
        serial=[serial] * draw(MANY),
        waits=[wait] * draw(MANY),
        outliers=[Outlier(step=step, usual_ms=draw(st.sampled_from([0.0, 1.0])), executions=count)] * draw(MANY),
        usual_runs=[ms] * draw(MANY),
        paces=[pace] * draw(MANY),
        what_if=[WhatIf(node=node, factor=2.0, ms=ms / 2, at_best_ms=ms / 4)] * draw(st.integers(0, 3)),
        order_known=draw(st.booleans()),
    )


REPLIES: st.SearchStrategy[Reply] = st.one_of(
    search_pages().map(SearchHits.of),
    sql_pages().map(SqlRows.of),
    log_pages().map(LogList.of),
    slow_runs().map(SlowRun.of),
    stories().map(RunSummary.of),
    explanations().map(FailureExplanation.of),
    group_pages().map(ErrorGroupList.of),
    st.builds(lambda run, node, copies: NodeStats.of(NodeTable(run=run, nodes=[node] * copies)), runs(), nodes(), MANY),
    step_pages().map(StepList.of),
    value_pages().map(ValueList.of),
    graph_pages().map(GraphDescription.of),
    contrasts().map(ItemContrast.of),
    comparisons().map(RunComparison.of),
    lineages().map(ValueTrace.of),
    run_watches().map(RunWait.of_watch),
    next_runs().map(RunWait.of_next),
    st.builds(
        lambda run, copies, more, gone: RunList.of(
            RunPage(
                runs=[run] * copies,
                total=10**6,
                remaining=9 * (more and copies > 0),
                emptied_by=Emptied(parameters=FILTERS),
                expired=gone,
                in_part=0 if copies else 10**6,
                asked=RunQuestion(graph="g" * 200, metadata="é=" + "é" * 200, since="1d"),
            ),
            failed=False,
        ),
        runs(),
        MANY,
        st.booleans(),
        st.none() | expired_runs(),
    ),
)

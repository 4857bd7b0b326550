"""Attaching to a graph: structure, values at every depth, once however often it is attached."""

import copy
import gc
import pickle
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from hg_mcp.queries.policies import why_absent
from recorder import Recorder, Redaction, ValueTracer
from recorder.journal.frames import GraphEdge, GraphFrame, RunFrame
from recorder.journal.reader import SegmentReader, segment_files
from recorder.store.records import RunFilter
from tests.support import framework
from tests.support.framework import EventProcessor, Graph, GraphNode, Node
from tests.support.reading import all_steps, only_run, reading


def fetch(x):
    return x


def save(x):
    return x


def quiet(x):
    return x


@pytest.fixture(autouse=True)
def loaded(monkeypatch):
    framework.load(monkeypatch)


def pipeline(name="pipeline"):
    deepest = Graph([Node(fetch, outputs=("doc",)), Node(quiet, trace_io=False)], name="deepest")
    inner = Graph([GraphNode(deepest, "deep")], name="inner")
    wires = [("per page", "save", {"edge_type": "data", "value_names": ["doc"]})]
    return Graph([GraphNode(inner, "per page", map_over=["x"]), Node(save)], name=name, edges=wires)


async def values_by_path(reader, run):
    found = {}
    for step in await all_steps(reader, run):
        stored = await reader.values(run.key, step.step, with_data=True)
        found[step.path] = [(value.direction, value.name, value.data) for value in stored]
    return found


async def test_a_run_of_an_attached_graph_has_its_structure(tmp_path):
    with Recorder(tmp_path) as recorder:
        framework.run(recorder.attach(pipeline()), 1)
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        structure = await reader.structure(run.key)
        assert structure == await reader.latest_structure("pipeline")
    assert structure is not None
    assert structure.name == "pipeline"
    ids = ["per page", "per page/deep", "per page/deep/fetch", "per page/deep/quiet", "save"]
    assert [node.id for node in structure.nodes] == ids
    assert [node.kind for node in structure.nodes] == ["GRAPH", "GRAPH", "FUNCTION", "FUNCTION", "FUNCTION"]
    assert structure.nodes[0].mapped == ("x",)
    assert structure.edges == (GraphEdge("per page", "save", "data", ("doc",)),)
    code = structure.nodes[2]
    assert (code.file, code.line, code.qualname) == (__file__, fetch.__code__.co_firstlineno, "fetch")


async def test_values_are_recorded_at_every_depth_unless_a_node_refuses(tmp_path):
    with Recorder(tmp_path, values=True) as recorder:
        framework.run(recorder.attach(pipeline()), 1)
    async with reading(tmp_path) as reader:
        found = await values_by_path(reader, await only_run(reader))
    both = [("input", "x", b"1"), ("output", "y", b"1")]
    assert found == {
        "per page": both,
        "per page/deep": both,
        "per page/deep/fetch": both,
        "per page/deep/quiet": [],
        "save": both,
    }


async def test_of_a_node_that_refuses_the_reason_is_not_that_nobody_attached(tmp_path):
    with Recorder(tmp_path, values=True) as recorder:
        framework.run(recorder.attach(pipeline()), 1)
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        assert "trace_io=False itself gives none either way" in why_absent(
            run, await reader.step_at(run.key, "per page/deep/quiet")
        )


@pytest.mark.parametrize(("records", "asked"), [(True, False), (False, None), (None, None)])
async def test_without_values_the_graph_keeps_its_own_setting(tmp_path, records, asked):
    with Recorder(tmp_path, values=records) as recorder:
        attached = recorder.attach(pipeline(), values=asked)
        assert attached.trace_io is False
        framework.run(attached, 1)
    async with reading(tmp_path) as reader:
        assert not any((await values_by_path(reader, await only_run(reader))).values())


def test_the_graph_given_stays_as_it_was(tmp_path):
    graph = pipeline()
    before = dict(vars(graph)), dict(vars(graph.nodes["per page"]))
    with Recorder(tmp_path, values=True) as recorder:
        recorder.attach(graph)
    assert (dict(vars(graph)), dict(vars(graph.nodes["per page"]))) == before
    assert graph.nodes["per page"].nested_graph.trace_io is False


async def test_a_recorder_carried_at_several_levels_and_passed_too_records_once(tmp_path):
    with Recorder(tmp_path) as recorder:
        inner = recorder.attach(Graph([Node(fetch)], name="inner"))
        outer = recorder.attach(recorder.attach(Graph([GraphNode(inner, "in")], name="outer")))
        assert len(outer.default_event_processors) == 1
        framework.run(outer, 1, [recorder])
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        assert (run.graph, run.status, run.steps) == ("outer", "completed", 2)
        structure = await reader.structure(run.key)
        assert structure is not None
        assert [node.id for node in structure.nodes] == ["in", "in/fetch"]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda graph: pickle.loads(pickle.dumps(graph))])
async def test_a_copy_of_an_attached_graph_records_as_it_does(tmp_path, copied):
    with Recorder(tmp_path, values=True) as recorder:
        graph = copied(recorder.attach(pipeline()).with_processors(recorder))
        assert graph.default_event_processors[0].recorder is recorder
        assert graph.default_event_processors[1] is recorder
        framework.run(graph, 1)
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        assert (run.status, run.steps) == ("completed", 5)
        assert await reader.structure(run.key) is not None


async def test_an_attached_graph_that_another_process_is_given_records_there_as_here(tmp_path):
    redaction = Redaction(keys=["colour"], tokens=False)
    recorder = Recorder(tmp_path, values=ValueTracer(exclude=["*/deep/**"]), redact=redaction)
    given = pickle.dumps(recorder.attach(pipeline()))
    recorder.close()
    del recorder
    gc.collect()
    graph = pickle.loads(given)  # where nobody of that name lives, as in another process
    alike = graph.default_event_processors[0].recorder
    assert pickle.loads(given).default_event_processors[0].recorder is alike
    framework.run(graph, {"colour": "red", "x": 1})
    alike.close()
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        found = await values_by_path(reader, run)
        assert (run.steps, len(found["per page"]), found["per page/deep"], len(found["save"])) == (5, 2, [], 2)
        assert b"red" not in found["save"][0][2].replace(b"redacted", b"")


async def test_an_attached_graph_inside_one_that_is_not_is_recorded_as_itself(tmp_path):
    with Recorder(tmp_path) as recorder:
        inner = recorder.attach(Graph([Node(fetch)], name="inner"))
        framework.run(Graph([GraphNode(inner, "in")], name="outer"), 1)
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        structure = await reader.structure(run.key)
        assert structure is not None
        assert (run.graph, structure.name) == ("inner", "inner")


async def test_graphs_of_one_name_stay_apart_even_side_by_side(tmp_path):
    with Recorder(tmp_path) as recorder:
        graphs = [recorder.attach(Graph([Node(function)], name="same")) for function in (fetch, save)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda graph: framework.run(graph, 1), graphs * 10))
    async with reading(tmp_path) as reader:
        runs = await reader.runs(RunFilter(), limit=100)
        assert len(runs) == 20
        for run in runs:
            structure = await reader.structure(run.key)
            assert structure is not None
            assert [node.id for node in structure.nodes] == await reader.nodes(run.key)


def test_a_structure_is_written_once_a_segment(tmp_path):
    with Recorder(tmp_path) as recorder:
        attached = recorder.attach(pipeline())
        for number in range(5):
            framework.run(attached, number)
        (path,) = segment_files(str(tmp_path / "journal"))
        with closing(SegmentReader(path)) as reader:
            frames = reader.read(0).frames
    assert sum(isinstance(frame, GraphFrame) for frame in frames) == 1
    assert len({frame.run for frame in frames if isinstance(frame, RunFrame) and frame.graph_digest}) == 5


async def test_a_graph_that_was_changed_after_attaching_is_attached_anew(tmp_path):
    with Recorder(tmp_path) as recorder:
        first = recorder.attach(Graph([Node(fetch)], name="g"))
        second = recorder.attach(first._with(_nodes={"fetch": Node(fetch), "save": Node(save)}))
        framework.run(second, 1)
    async with reading(tmp_path) as reader:
        structure = await reader.structure((await only_run(reader)).key)
        assert structure is not None
        assert [node.id for node in structure.nodes] == ["fetch", "save"]


def broken(x):
    raise ValueError("no")


def failing(*, around=True, **fields):
    innermost = Graph([Node(fetch), Node(broken, **fields)], name="inner")
    return Graph([GraphNode(innermost, "in")], name="outer") if around else innermost


async def inputs_of_broken(store, graph, *, values=True, attach_values=None, attach=False):
    with Recorder(store, values=values) as recorder:
        if attach:
            graph = recorder.attach(graph, values=attach_values)
        with pytest.raises(ValueError, match="no"):
            framework.run(graph, 7, [recorder])
    async with reading(store) as reader:
        run = await only_run(reader)
        found = await values_by_path(reader, run)
        return {path: stored for path, stored in found.items() if stored}


@pytest.mark.parametrize("around", [True, False])
async def test_a_failing_nodes_inputs_are_recorded_though_it_did_not_opt_in(tmp_path, around):
    path = "in/broken" if around else "broken"
    assert await inputs_of_broken(tmp_path, failing(around=around)) == {path: [("input", "x", b"7")]}


async def test_a_failing_node_that_refuses_keeps_its_inputs(tmp_path):
    assert await inputs_of_broken(tmp_path, failing(trace_io=False)) == {}


async def test_no_inputs_of_failing_nodes_where_values_are_off(tmp_path):
    assert await inputs_of_broken(tmp_path / "recorder", failing(), values=False) == {}
    assert await inputs_of_broken(tmp_path / "graph", failing(), attach=True, attach_values=False) == {}


@pytest.mark.parametrize("policy", [ValueTracer(when="failed"), ValueTracer(sample=0), ValueTracer(nodes=["broken"])])
@pytest.mark.parametrize("attach", [True, False])
async def test_a_policy_that_keeps_a_failing_node_keeps_its_inputs_whoever_tells_them(tmp_path, policy, attach):
    found = await inputs_of_broken(tmp_path, failing(), values=policy, attach=attach)
    assert found["in/broken"] == [("input", "x", b"7")]


@pytest.mark.parametrize("policy", [ValueTracer(nodes=["fetch"]), ValueTracer(exclude=["in/**"])])
@pytest.mark.parametrize("attach", [True, False])
async def test_a_policy_that_leaves_a_failing_node_out_does_so_whoever_tells_its_inputs(tmp_path, policy, attach):
    assert "in/broken" not in await inputs_of_broken(tmp_path, failing(), values=policy, attach=attach)


async def test_where_the_nodes_setting_cannot_be_known_nothing_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(framework, "__name__", "elsewhere")
    assert await inputs_of_broken(tmp_path, failing()) == {}


async def test_inputs_told_at_the_start_are_not_told_again(tmp_path):
    seen = []

    def spoiled(x):
        x.append("spoiled")
        raise ValueError("no")

    with Recorder(tmp_path, values=True) as recorder, pytest.raises(ValueError, match="no"):
        framework.run(recorder.attach(Graph([Node(spoiled)], name="g")), seen)
    async with reading(tmp_path) as reader:
        assert await values_by_path(reader, await only_run(reader)) == {"spoiled": [("input", "x", b"[]")]}


async def test_a_run_without_attaching_has_no_structure(tmp_path):
    with Recorder(tmp_path) as recorder:
        framework.run(pipeline(), 1, [recorder])
    async with reading(tmp_path) as reader:
        assert await reader.structure((await only_run(reader)).key) is None
        assert await reader.latest_structure("pipeline") is None


async def test_a_gate_says_what_it_may_choose(tmp_path):
    def ways(targets):
        return Node(fetch, name=str(len(targets)), targets=targets)

    gates = [ways({"when_true": "save", "when_false": "END"}), ways({"targets": ["a", "b"], "multi": 1, "more": 2})]
    with Recorder(tmp_path) as recorder:
        framework.run(recorder.attach(Graph(gates, name="gates")), 1)
    async with reading(tmp_path) as reader:
        structure = await reader.latest_structure("gates")
    assert structure is not None
    assert [node.branches for node in structure.nodes] == [
        (("true", "save"), ("false", "END")),
        (("a", "a"), ("b", "b")),
    ]


@pytest.mark.parametrize("graph", [None, object(), "graph", Graph])
def test_a_graph_of_another_framework_is_refused_with_what_is_valid(tmp_path, graph):
    with Recorder(tmp_path) as recorder, pytest.raises(TypeError, match=r"hypergraph Graph.*rec\.map"):
        recorder.attach(graph)


def test_asking_for_values_that_nobody_records_is_refused(tmp_path):
    with Recorder(tmp_path) as recorder:
        with pytest.raises(ValueError, match="values=True"):
            recorder.attach(pipeline(), values=True)
        with pytest.raises(TypeError, match="not int"):
            recorder.attach(pipeline(), values=2)


def test_attaching_needs_no_recording(tmp_path, monkeypatch):
    monkeypatch.setenv("HG_MCP_DISABLED", "1")
    with Recorder(tmp_path / "none") as recorder:
        attached = recorder.attach(pipeline())
        assert isinstance(attached.default_event_processors[0], EventProcessor)
        framework.run(attached, 1)
    assert not (tmp_path / "none").exists()

"""What every store keeps of the structures of graphs."""

from recorder.journal.frames import GraphFrame, GraphNode
from recorder.store.records import RunFilter
from tests.contract.building import T0, WHOLE, Store, process, run


async def test_a_structure_comes_back_whole_for_its_runs_only(store: Store) -> None:
    seen = GraphFrame("d3", "classify", (GraphNode("a"),), observed=True)
    store.put(process(), WHOLE, run(1, graph_digest="d1"), run(2), WHOLE, run(3, graph_digest="lost"))
    store.put(seen, run(4, graph_digest="d3"))
    by_id = {found.run_id: found.key for found in await store.reader.runs(RunFilter(), limit=9)}
    found = [await store.reader.structure(by_id[f"run-{number:04}"]) for number in (1, 2, 3, 4)]
    assert found == [WHOLE, None, None, seen]


async def test_the_latest_structure_is_that_of_the_latest_run_that_has_one(store: Store) -> None:
    newer = GraphFrame("d2", "classify", (GraphNode("only"),))
    store.put(process(), WHOLE, newer, run(1, graph_digest="d2", started_at=T0 + 9), run(2, graph_digest="d1"), run(3))
    store.put(run(4, graph="other"))
    assert await store.reader.latest_structure("classify") == newer
    assert await store.reader.latest_structure("other") is None
    assert await store.reader.latest_structure("nowhere") is None


async def test_a_run_may_learn_its_structure_late(store: Store) -> None:
    store.put(process(), run(1))
    store.put(run(1, "completed", graph_digest="d1"))
    assert await store.reader.structure(1) is None
    store.put(WHOLE)
    assert await store.reader.structure(1) == WHOLE

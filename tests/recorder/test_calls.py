"""Code identity of plain Python: a run's nodes as they are called, with where their functions stand."""

import functools
import gc
import importlib.util
import sys
import weakref
from pathlib import Path
from types import ModuleType

import pytest

from recorder import Recorder, node
from recorder.code import source_hash_on_disk
from recorder.journal.frames import GraphFrame, GraphNode, RunFrame
from recorder.store.records import RunFilter
from tests.recorder.test_keeper import eventually, frames
from tests.support.reading import only_run, reading

SOURCE = """\
from recorder import node

@node
def double(x):
    return 2 * x

@node
def twice(x):
    return double(double(x))
"""


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "made.py").write_text(SOURCE)
    return load(tmp_path / "made.py")


async def nodes_of(store: Path) -> dict[str, GraphNode]:
    async with reading(store) as reader:
        structure = await reader.structure((await only_run(reader)).key)
    assert structure is not None
    assert structure.observed
    assert structure.edges == ()
    return {found.id: found for found in structure.nodes}


async def test_a_node_has_the_place_of_its_function_and_the_hash_of_its_source(
    tmp_path: Path, module: ModuleType
) -> None:
    with Recorder(tmp_path) as rec, rec.run("job"):
        module.twice(1)
    found = await nodes_of(tmp_path)
    assert list(found) == ["twice", "twice/double"]
    double = found["twice/double"]
    assert (double.kind, double.file, double.line, double.qualname) == ("FUNCTION", module.__file__, 3, "double")
    assert double.source_hash
    assert double.source_hash == source_hash_on_disk(double.file, "double", 3)


async def test_items_and_runs_within_a_run_are_nodes_as_their_paths_have_them(
    tmp_path: Path, module: ModuleType
) -> None:
    with Recorder(tmp_path) as rec, rec.run("job"), rec.run("a/b"):
        rec.map(module.twice, [1, 2], name="all")
    found = await nodes_of(tmp_path)
    assert list(found) == ["a%2Fb", "a%2Fb/all", "a%2Fb/all/twice", "a%2Fb/all/twice/double"]
    assert (found["a%2Fb"].qualname, found["a%2Fb/all/twice"].qualname) == ("", "twice")


async def test_a_function_that_is_decorated_as_a_run_is_a_node_with_code_inside_another(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec, rec.run("job"):
        rec.run("model")(Model.__call__)(Model(), 1)
    assert (await nodes_of(tmp_path))["model"].qualname == "Model.__call__"


async def test_a_map_and_a_node_on_its_own_have_it_too(tmp_path: Path, module: ModuleType) -> None:
    with Recorder(tmp_path / "map") as rec:
        rec.map(module.double, [1, 2])
    assert (await nodes_of(tmp_path / "map"))["double"].source_hash
    with Recorder(tmp_path / "alone") as rec:
        rec.install()
        module.double(1)
    assert (await nodes_of(tmp_path / "alone"))["double"].source_hash


class Model:
    def __call__(self, x: int) -> int:
        return x


async def test_of_other_callables_there_is_what_is_known(tmp_path: Path) -> None:
    made: dict[str, object] = {}
    exec(compile("def cell(x):\n    return x\n", "<ipython-input-3>", "exec"), made)
    with Recorder(tmp_path) as rec, rec.run("job"):
        rec.map(lambda x: x, [1], name="short")
        rec.map(functools.partial(max, 1), [1], name="partial")
        rec.map(Model(), [1], name="object")
        node(made["cell"])(1)
        rec.map(abs, [1], name="builtin")
    found = await nodes_of(tmp_path)
    places = {key: (one.line > 0, one.qualname, bool(one.source_hash)) for key, one in found.items() if "/" in key}
    assert places["short/short"][0]
    assert places["short/short"][1].endswith("<lambda>")
    assert places["short/short"][2] is False
    assert places["partial/max"] == (False, "", False)
    assert places["object/Model"] == (True, "Model.__call__", True)
    assert places["builtin/abs"] == (False, "", False)
    assert found["cell"] == GraphNode("cell", "FUNCTION", file="<ipython-input-3>", line=1, qualname="cell")


async def test_source_edited_during_the_run_is_not_taken_for_what_ran(tmp_path: Path, module: ModuleType) -> None:
    with Recorder(tmp_path) as rec, rec.run("job"):
        module.double(1)
        Path(str(module.__file__)).write_text(SOURCE.replace("2 * x", "3 * x"))
    assert ((await nodes_of(tmp_path))["double"].line, (await nodes_of(tmp_path))["double"].source_hash) == (3, "")


async def test_by_whose_name_two_functions_were_called_has_no_code(tmp_path: Path, module: ModuleType) -> None:
    other = node(name="double")(lambda x: x)
    with Recorder(tmp_path) as rec, rec.run("job"):
        for _ in range(2):
            module.double(1)
            other(1)
    assert (await nodes_of(tmp_path))["double"] == GraphNode("double")


async def test_another_function_of_the_same_name_does_not_change_what_an_earlier_run_had(
    tmp_path: Path, module: ModuleType
) -> None:
    other = node(name="double")(lambda x: x)
    with Recorder(tmp_path) as rec:
        for function in (module.double, other):
            with rec.run("job"):
                function(1)
            rec._tell_facts()
    async with reading(tmp_path) as reader:
        later, earlier = await reader.runs(RunFilter(), limit=9)
        kept, lost = await reader.structure(earlier.key), await reader.structure(later.key)
    assert kept is not None
    assert lost is not None
    assert (kept.nodes[0].line, lost.nodes[0].line) == (3, 0)


async def test_a_run_has_its_structure_from_the_start_once_it_is_known(tmp_path: Path, module: ModuleType) -> None:
    with Recorder(tmp_path) as rec:
        for function in (module.double, module.double, module.twice):
            with rec.run("job"):
                function(1)
            rec._tell_facts()
    written = frames(tmp_path)
    of_run = {
        number: [frame.graph_digest for frame in written if isinstance(frame, RunFrame) and frame.run == number]
        for number in (1, 2, 3)
    }
    small, large = [frame.digest for frame in written if isinstance(frame, GraphFrame)]
    assert of_run == {1: [None, None, small], 2: [small, small], 3: [small, small, large]}


def test_a_short_run_of_a_long_process_is_told_of_soon(tmp_path: Path, module: ModuleType) -> None:
    with Recorder(tmp_path) as rec:
        with rec.run("job"):
            module.double(1)
        eventually(lambda: any(isinstance(frame, GraphFrame) for frame in frames(tmp_path)))


def test_no_function_is_kept_alive(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec:
        made: dict[str, object] = {}
        exec("def passing(x):\n    return x\n", made)
        gone = weakref.ref(made["passing"].__code__)
        with rec.run("job"):
            node(made.pop("passing"))(1)
        gc.collect()
        assert gone() is None


async def test_a_recursion_is_remembered_to_some_depth_only(tmp_path: Path) -> None:
    @node
    def deeper(n: int) -> int:
        return deeper(n - 1) if n else 0

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        with Recorder(tmp_path) as rec, rec.run("job"):
            deeper(600)
    finally:
        sys.setrecursionlimit(limit)
    assert len(await nodes_of(tmp_path)) == 500


def test_names_that_never_repeat_do_not_grow_what_is_remembered(tmp_path: Path, module: ModuleType) -> None:
    with Recorder(tmp_path) as rec:
        for number in range(600):
            with rec.run(f"job-{number}"):
                module.double(number)
        assert len(rec._linker.trees._trees) == 256

"""Nodes of every origin on an attached graph: what is known of their code is recorded, what is not is never guessed."""

from functools import partial
from pathlib import Path

from hypergraph import AsyncRunner, FunctionNode, Graph

from recorder import Recorder
from tests.live.test_reading import Agent

CELL = "def cell(e):\n    return e + 1\n"


def plain(a: int) -> int:
    return a + 1


def scaled(c: int, by: int) -> int:
    return c * by


class Adder:
    """A class-based node."""

    def __init__(self, amount: int) -> None:
        self.amount = amount
        self.__name__ = "adder"

    def __call__(self, d: int) -> int:
        return d + self.amount


def odd_graph() -> Graph:
    notebook: dict[str, object] = {}
    exec(compile(CELL, "<ipython-input-3>", "exec"), notebook)
    half = partial(scaled, by=2)
    half.__name__ = "half"
    return Graph(
        [
            FunctionNode(plain, output_name="b"),
            FunctionNode(lambda b: b + 1, name="anonymous", output_name="c"),
            FunctionNode(half, name="half", output_name="d"),
            FunctionNode(Adder(1), name="adder", output_name="e"),
            FunctionNode(notebook["cell"], output_name="f"),
        ],
        name="odd",
    )


async def test_nodes_of_every_origin_run_and_say_what_is_known_of_their_code(tmp_path: Path):
    with Recorder(tmp_path / "store", values=True) as recorder:
        result = await AsyncRunner().run(recorder.attach(odd_graph()), {"a": 1})
    assert result["f"] == 8
    rows = {row["node"]: row for row in (await Agent(tmp_path / "store").ask("describe_graph", budget=9000))["nodes"]}
    hashed = {name for name, row in rows.items() if "source_hash" in row}
    assert hashed == {"plain", "half", "adder"}
    assert rows["half"]["function"] == "scaled"
    assert rows["adder"]["function"] == "Adder.__call__"
    assert rows["anonymous"]["function"].endswith("<lambda>")
    assert rows["cell"]["file"] == "<ipython-input-3>"
    assert {row["status"] for row in rows.values()} == {"completed"}

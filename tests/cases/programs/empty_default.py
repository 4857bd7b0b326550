"""A search without a hit gives an empty list, which three steps pass on before one divides by its length."""

from recorder import Recorder, node

INDEX = {"cats": [0.5, 0.75], "dogs": [0.25]}


@node
def search(query: str) -> list[float]:
    return INDEX.get(query, [])


@node
def keep_best(hits: list[float], most: int) -> list[float]:
    return sorted(hits, reverse=True)[:most]


@node
def rescale(scores: list[float]) -> list[float]:
    return [score * 100 for score in scores]


@node
def average(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


@node
def rank(query: str) -> float:
    return average(rescale(keep_best(search(query), most=3)))


def run(rec: Recorder, variant: str) -> None:
    queries = ["cats", "dogs"] * 12 + ["dgos", "cats", "catz", "birds", "dogs", "bird"]
    rec.map(rank, queries, name="rank", error_handling="continue")

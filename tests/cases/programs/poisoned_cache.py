"""A cache that was filled while the tokenizer was broken serves what it kept then."""

from recorder import Recorder
from tests.cases.drawn import Drawn


def tokens(text: str) -> list[str]:
    return text.split()


def embedding(tokens: list[str]) -> list[float]:
    return [len(token) / 10 for token in tokens]


def search(embedding: list[float]) -> str:
    if not any(embedding):
        raise ValueError("query vector has no direction")
    return f"doc-{round(sum(embedding) * 10)}"


def run(rec: Recorder, variant: str) -> None:
    kept = {"embedding": [0.0, 0.0, 0.0]} if variant == "bad" else {}
    with Drawn(rec, "retrieve", [tokens, embedding, search], cache=kept, text="why is it slow") as graph:
        words = graph.node(tokens, text="why is it slow")
        graph.node(search, embedding=graph.node(embedding, tokens=words))

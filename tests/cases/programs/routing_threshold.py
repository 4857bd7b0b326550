"""A gate of a drawn graph sends exactly the score at its threshold the other way."""

from recorder import Recorder
from tests.cases.drawn import Drawn


def score(document: str) -> int:
    return document.count("!") * 20


def is_urgent(score: int) -> str:
    return "page_somebody" if score >= 60 else "file_it"


def file_it(document: str) -> str:
    return "archive"


def page_somebody(document: str) -> str:
    return "on-call"


def run(rec: Recorder, variant: str) -> None:
    document = "Fire!!! in the server room"
    with Drawn(rec, "triage", [score, is_urgent, file_it, page_somebody], document=document) as graph:
        points = graph.node(score, document=document)
        target = graph.gate(is_urgent, score=points)
        graph.node(file_it if target == "file_it" else page_somebody, document=document)

"""A retry storm: a quota is used up, each call is tried eight times, and the run completes, slow and dear."""

from recorder import Recorder
from tests.cases.drawn import Drawn

QUOTA = {"refused": 0}


def questions(topic: str) -> list[str]:
    return [f"{topic} {number}?" for number in range(3)]


def answers(questions: list[str]) -> list[str]:
    if QUOTA["refused"]:
        QUOTA["refused"] -= 1
        raise ConnectionError("429 Too Many Requests")
    return [question.upper() for question in questions]


def run(rec: Recorder, variant: str) -> None:
    QUOTA["refused"] = 7 if variant == "bad" else 0
    with Drawn(rec, "ask", [questions, answers], topic="why") as graph:
        graph.node(answers, attempts=8, questions=graph.node(questions, topic="why"))

"""A model server that answers most of the time, and now and then does not."""

from recorder import Recorder, node

OUTAGES: set[str] = set()


@node
def ask_model(question: str) -> str:
    if question in OUTAGES:
        raise ConnectionError("504 Gateway Timeout")
    return question.upper()


@node
def answer(question: str) -> str:
    return ask_model(question).strip("?")


def run(rec: Recorder, variant: str) -> None:
    OUTAGES.update(["why 5?"] if variant == "bad" else [])
    rec.map(answer, [f"why {n}?" for n in range(12)], name="answers", error_handling="continue")

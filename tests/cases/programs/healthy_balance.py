"""Nothing is wrong here: a read that timed out once is tried again, or a cache has it; the balance is the same."""

from recorder import Recorder
from tests.cases.drawn import Drawn

OUTAGES: list[str] = []


def balance(account: str) -> dict[str, int]:
    if OUTAGES:
        raise TimeoutError(OUTAGES.pop())
    return {"euros": 500}


def approve(balance: dict[str, int]) -> bool:
    return balance["euros"] >= 400


def run(rec: Recorder, variant: str) -> None:
    kept = {"balance": {"euros": 500}} if variant == "cached" else {}
    OUTAGES.extend(["no answer"] if variant == "retried" else [])
    with Drawn(rec, "loan", [balance, approve], cache=kept, account="a-9") as graph:
        graph.node(approve, balance=graph.node(balance, attempts=2, account="a-9"))

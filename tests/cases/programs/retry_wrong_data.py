"""The first attempt times out; the second succeeds, at a replica that is a day behind."""

from recorder import Recorder
from tests.cases.drawn import Drawn

CLUSTER = {"primary": "up"}


def balance(account: str) -> dict[str, int]:
    if CLUSTER["primary"] == "slow":
        CLUSTER["primary"] = "failed over"
        raise TimeoutError("primary did not answer")
    return {"euros": 500 if CLUSTER["primary"] == "up" else 740}


def approve(balance: dict[str, int]) -> bool:
    return balance["euros"] >= 600


def run(rec: Recorder, variant: str) -> None:
    CLUSTER["primary"] = "slow" if variant == "bad" else "up"
    with Drawn(rec, "loan", [balance, approve], account="a-9") as graph:
        graph.node(approve, balance=graph.node(balance, attempts=2, account="a-9"))

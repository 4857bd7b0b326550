"""Two transfers that lock the same two accounts, each beginning with its own: at once they wait for each other forever.

``python FILE STORE`` makes some transfers one after another, then two at once, and says so when both hold one lock.
"""

import sys
import threading

from recorder import Recorder, node

LOCKS = {"ann": threading.Lock(), "bob": threading.Lock()}
ACCOUNTS = {"ann": 100, "bob": 100}
BOTH = threading.Barrier(2, action=lambda: print("deadlocked", flush=True))


def meet() -> None:
    """Where the second transfer of the two catches up with the first."""


@node
def read_order(order: str) -> dict[str, str]:
    payer, payee = order.split(">")
    return {"payer": payer, "payee": payee}


@node
def move(payer: str, payee: str) -> int:
    with LOCKS[payer]:
        meet()
        with LOCKS[payee]:
            ACCOUNTS[payer] -= 1
            ACCOUNTS[payee] += 1
            return ACCOUNTS[payer]


def transfer(order: str) -> int:
    return move(**read_order(order))


if __name__ == "__main__":
    rec = Recorder(sys.argv[1], values=True)
    rec.map(transfer, ["ann>bob", "bob>ann", "ann>bob", "bob>ann"], name="transfers")
    meet = BOTH.wait
    rec.map(transfer, ["ann>bob", "bob>ann"], name="transfers", max_concurrency=2)

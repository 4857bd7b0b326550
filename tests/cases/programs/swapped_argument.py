"""Payer and payee were swapped in an edit; what fails is an account that never had to pay."""

from recorder import Recorder, node

BALANCES = {"acme": 900, "bob": 20}


@node
def withdraw(account: str, amount: int) -> int:
    if BALANCES[account] < amount:
        raise ValueError("insufficient funds")
    return BALANCES[account] - amount


@node
def transfer(payer: str, payee: str, amount: int) -> int:
    return withdraw(payer, amount)


@node
def settle(invoice: dict[str, str], amount: int) -> int:
    return transfer(invoice["customer"], invoice["supplier"], amount)


def run(rec: Recorder, variant: str) -> None:
    with rec.run("settlement", inputs={"invoice": "i-17"}):
        settle({"customer": "acme", "supplier": "bob"}, 300)

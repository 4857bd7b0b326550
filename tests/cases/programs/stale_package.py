"""A machine with an older release of a package that computes differently."""

import importlib

from recorder import Recorder, node


@node
def tax(net: int, country: str) -> int:
    rates = importlib.import_module("vatrates")
    return round(net * rates.RATES[country])


@node
def invoice(net: int, tax: int) -> int:
    return net + tax


def run(rec: Recorder, variant: str) -> None:
    with rec.run("billing", inputs={"net": 200}) as billing:
        billing.set_output(gross=invoice(200, tax(200, "DE")))

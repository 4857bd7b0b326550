"""Nothing is wrong here: orders are read, priced and added up, whichever they are and in whatever order."""

from recorder import Recorder, node

PRICES = {"tea": 4, "oil": 9, "salt": 1}


@node
def read_order(line: str) -> list[str]:
    return line.split("+")


@node
def price(goods: list[str]) -> int:
    return sum(PRICES[name] for name in goods)


def order(line: str) -> int:
    return price(read_order(line))


def run(rec: Recorder, variant: str) -> None:
    lines = ["tea", "tea+oil", "oil+salt", "salt"]
    if variant == "other_inputs":
        with rec.run("order", inputs={"line": "oil+oil"}) as bought:
            bought.set_output(total=order("oil+oil"))
    elif variant == "one":
        with rec.run("order", inputs={"line": "tea+oil"}) as bought:
            bought.set_output(total=order("tea+oil"))
    else:
        rec.map(order, lines if variant == "good" else lines[::-1], name="orders")

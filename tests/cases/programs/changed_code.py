"""Somebody changed how prices are read, and a later step counts the wrong thing."""

from recorder import Recorder, node


@node
def read_prices(lines: list[str]) -> list[int]:
    return [int(line.split(";")[1]) for line in lines]


@node
def cheapest(prices: list[int]) -> int:
    return min(price for price in prices if price > 0)


def run(rec: Recorder, variant: str) -> None:
    with rec.run("prices", inputs={"source": "shop.csv"}) as prices:
        prices.set_output(cheapest=cheapest(read_prices(["0;120", "0;80", "0;95"])))

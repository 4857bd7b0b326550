"""The shop's API renamed a field. The step that reads it is content with ``None``; the one after that is not."""

from typing import Any

from recorder import Recorder, node

SHOP = {"version": "good"}  # the far end: no code of ours


@node
def fetch_orders(day: str) -> list[dict[str, Any]]:
    amount = "amount" if SHOP["version"] == "good" else "total_amount"
    return [{"id": 7, amount: 120.0}, {"id": 8, amount: 80.5}]


@node
def normalise(orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"order": order["id"], "net": order.get("amount")} for order in orders]


@node
def add_up(rows: list[dict[str, Any]]) -> float:
    return sum(row["net"] for row in rows)


def run(rec: Recorder, variant: str) -> None:
    SHOP["version"] = variant
    with rec.run("daily_report", inputs={"day": "2026-03-02"}) as report:
        rows = normalise(fetch_orders("2026-03-02"))
        report.set_output(total=add_up(rows))

"""A deployment that read the configuration of staging; what fails is a lookup far from it."""

from recorder import Recorder, node

ENVIRONMENT = {"name": "production"}


@node
def load_config(service: str) -> dict[str, str]:
    table = {"production": "orders", "staging": "orders_test"}[ENVIRONMENT["name"]]
    return {"service": service, "table": table}


@node
def open_table(config: dict[str, str]) -> dict[str, int]:
    return {"orders": {"o-1": 40}, "orders_test": {}}[config["table"]]


@node
def order_total(rows: dict[str, int], order: str) -> int:
    return rows[order]


def run(rec: Recorder, variant: str) -> None:
    ENVIRONMENT["name"] = "staging" if variant == "bad" else "production"
    with rec.run("refund", inputs={"order": "o-1"}):
        order_total(open_table(load_config("refunds")), "o-1")

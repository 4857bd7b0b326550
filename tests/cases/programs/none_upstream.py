"""A customer without a region goes through four steps before one of them minds."""

from typing import Any

from recorder import Recorder, node

CUSTOMERS = {"c-1": {"name": "Ann", "region": "eu-west"}, "c-2": {"name": "Bob"}}


@node
def load_customer(customer_id: str) -> dict[str, Any]:
    found = CUSTOMERS[customer_id]
    return {"name": found["name"], "region": found.get("region")}


@node
def choose_depot(customer: dict[str, Any]) -> dict[str, Any]:
    return {"depot": customer["region"], "priority": 2}


@node
def plan_route(depot: dict[str, Any], weight: int) -> dict[str, Any]:
    return {"via": depot["depot"], "weight": weight}


@node
def price(route: dict[str, Any]) -> dict[str, Any]:
    return {"euros": route["weight"] * 3, "via": route["via"]}


@node
def print_label(via: str, euros: int) -> str:
    return via.upper() + f" {euros} EUR"


def run(rec: Recorder, variant: str) -> None:
    with rec.run("ship", inputs={"customer_id": "c-2"}):
        offer = price(plan_route(choose_depot(load_customer("c-2")), weight=12))
        print_label(offer["via"], offer["euros"])

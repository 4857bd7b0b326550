"""Items share one dict across an ``await``: alone each is right, together they get each other's customer."""

import asyncio

from recorder import Recorder, node

REQUEST: dict[str, str] = {}


@node
async def load(customer: str) -> dict[str, str]:
    REQUEST["customer"] = customer
    await asyncio.sleep(0)
    return {"greeting": f"Dear {REQUEST['customer']}"}


@node
async def write_letter(customer: str) -> str:
    return (await load(customer))["greeting"]


def run(rec: Recorder, variant: str) -> None:
    customers = ["Ann", "Bob", "Cid", "Dee"]
    at_once = 4 if variant == "bad" else 1
    asyncio.run(rec.map(write_letter, customers, name="letters", max_concurrency=at_once))

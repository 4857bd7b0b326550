"""A sensor's firmware now reports metres where it used to report kilometres."""

from recorder import Recorder, node

FIRMWARE = {"unit": 1}


@node
def read_distance(sensor: str) -> float:
    return 12.4 * FIRMWARE["unit"]


@node
def travel_hours(distance: float, speed: float) -> float:
    return distance / speed


@node
def book_slot(hours: float) -> str:
    if hours > 24:
        raise ValueError("no slot is free that day")
    return f"slot at {8 + hours:.1f}"


def run(rec: Recorder, variant: str) -> None:
    FIRMWARE["unit"] = 1000 if variant == "bad" else 1
    with rec.run("delivery", inputs={"sensor": "odometer-3"}) as delivery:
        delivery.set_output(slot=book_slot(travel_hours(read_distance("odometer-3"), speed=40.0)))

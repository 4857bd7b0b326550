"""A server moved to another time zone; its clock strings have none, and a day is off."""

from datetime import UTC, datetime, timedelta

from recorder import Recorder, node

SERVER = {"offset": 0}


@node
def last_login(user: str) -> str:
    moment = datetime(2026, 3, 1, 22, 30, tzinfo=UTC) + timedelta(hours=SERVER["offset"])
    return moment.strftime("%Y-%m-%d %H:%M")


@node
def day_of(moment: str) -> str:
    return moment.partition(" ")[0]


@node
def bonus(day: str) -> int:
    return 50 if day.endswith("-01") else 0


def run(rec: Recorder, variant: str) -> None:
    SERVER["offset"] = 2 if variant == "bad" else 0
    with rec.run("bonus", inputs={"user": "ann"}) as paid:
        paid.set_output(euros=bonus(day_of(last_login("ann"))))

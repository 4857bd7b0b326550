"""A program with a secret in every channel that a recorder has, run by ``test_secrets``, which may find none of them.

Each secret ends in the name of its channel, so that a leak names its way.
"""

import asyncio
import dataclasses
import json
import sys
import threading

from recorder import Recorder, ValueTracer, node
from recorder import events as e

CHANNELS: list[str] = []
FORMATTED = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\n    k = "{}"\nValueError: no\n'


def secret(channel: str) -> str:
    """A provider's key, told apart by its channel."""
    CHANNELS.append(channel)
    return f"sk-proj-0123456789abcdef{channel}"


@dataclasses.dataclass
class Settings:
    """Fields that hold a secret, by name and by content."""

    api_key: str
    note: str


@node
def look(**values: object) -> object:
    """Every value comes in, and goes out."""
    return values


@node
def fail(depth: int) -> None:
    """An error with a cause, notes, arguments, and a secret in its line of code."""
    try:
        raise KeyError(secret("cause"), {"password": secret("causeargs")})
    except KeyError as cause:
        error = ValueError(f"depth {depth}: {secret('message')}", Settings(secret("argkey"), secret("argnote")))
        error.add_note(f"Authorization: Bearer {secret('note')}")
        raise error from cause  # password = "hunter2-0123456789abcdefcodeline"


def values() -> dict[str, object]:
    """Values of every kind that can carry text."""
    nested = json.dumps({"config": json.dumps({"client_secret": "hunter2-0123456789abcdefjsoninjson", "n": 1})})
    return {
        "text": f"use {secret('text')} please",
        "env": f"HOME=/root\nAWS_SECRET_ACCESS_KEY=wJalr0123456789abcdefenv\nOPENAI_API_KEY={secret('envkey')}",
        "json_text": json.dumps({"a": [{"Authorization": f"Bearer {secret('jsontext')}"}]}),
        "json_in_json": nested,
        "mapping": {
            secret("dictkey"): 1,
            "password": "hunter2-0123456789abcdefdictvalue",
            "deep": [{"x": secret("deep")}],
        },
        "headers": [("Authorization", "Basic 0123456789abcdefheader"), (b"x-api-key", b"0123456789abcdefbytesheader")],
        "binary": f"key={secret('bytes')}".encode(),
        "buffer": bytearray(secret("bytearray"), "ascii"),
        "view": memoryview(secret("memoryview").encode()),
        "settings": Settings(secret("field"), f"x {secret('fieldtext')}"),
        "error": RuntimeError(secret("errorvalue")),
        "url": "postgres://bob:0123456789abcdefurl@db.example/x",
        "kinds": {secret("inset"), (1, secret("intuple"))},
        "token": "0123456789abcdefargument",
        "http": "GET / HTTP/1.1\r\nCookie: session=0123456789abcdefcookie\r\nHost: x",
        secret("name"): 1,
        "long": "x " * 40_000 + secret("behindthecut"),
        "across": "y" * 65_490 + " " + secret("acrossthecut"),
        "pem": f"-----BEGIN PRIVATE KEY-----\n{'0123456789abcdefpem' * 9}\n-----END PRIVATE KEY-----",
    }


def emit(recorder: Recorder) -> None:
    """Channels that only a framework's events have."""
    place = {"run_id": "r", "graph_name": secret("graph"), "workflow_id": secret("workflow")}
    recorder.on_event(
        e.RunStartEvent(
            span_id="1", parent_span_id=None, retry_of=secret("retryof"), forked_from=secret("forked"), **place
        )
    )
    gate = {**place, "span_id": "2", "parent_span_id": "1", "node_name": secret("node")}
    recorder.on_event(e.NodeStartEvent(**gate, inputs={}))
    recorder.on_event(e.RouteDecisionEvent(**gate, decision=[secret("decision")], node_span_id="2"))
    recorder.on_event(e.InterruptEvent(**gate, value=secret("interrupt")))
    unknown = type(secret("eventname"), (), {"__init__": lambda self, **fields: self.__dict__.update(fields)})
    recorder.on_event(unknown(**{**gate, "span_id": "3"}, payload=secret("payload")))
    recorder.on_event(
        e.NodeErrorEvent(
            **gate,
            error=f"password={secret('eventerror')}",
            error_type="ValueError",
            error_detail=e.ErrorDetail(
                message=f"password={secret('eventerror')}",
                type_name="ValueError",
                traceback=FORMATTED.format(secret("textcode")),
            ),
        )
    )
    recorder.on_event(
        e.RunEndEvent(span_id="1", parent_span_id=None, status="failed", error=secret("runerror"), **place)
    )
    recorder.shutdown()


def main(store: str) -> None:
    """Record all of it."""
    recorder = Recorder(store, values=ValueTracer(exclude=[f"x?{secret('policy')}"]))
    details = {"version": secret("version"), "metadata": {secret("metakey"): "1", "db": secret("meta"), "token": "m"}}
    with recorder.run(secret("run"), workflow_id=secret("workflowid"), **details, inputs=values()) as run:
        look(**values())
        run.set_output(**values())
        worker = threading.Thread(target=recorder.map, args=(str, [1]), name=secret("thread"))
        worker.start()
        worker.join()
    try:
        with recorder.run("failing"):
            fail(3)
    except ValueError:
        pass
    asyncio.run(recorder.map(group, [1, 2, 3], name="group", error_handling="continue"))
    emit(recorder)
    recorder.close()
    print(json.dumps(sorted(set(CHANNELS))))


async def group(item: int) -> None:
    """Several errors at once, in the first item."""
    if item > 1:
        return
    raise ExceptionGroup(secret("group"), [ValueError(secret("member")), KeyError(item)])


if __name__ == "__main__":
    main(sys.argv[1])

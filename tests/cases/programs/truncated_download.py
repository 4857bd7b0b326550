"""A proxy cuts what is longer than its buffer, and says 200 OK."""

import json

from recorder import Recorder, node

PROXY = {"buffer": 10_000}


@node
def download(url: str) -> str:
    return json.dumps({"rows": [{"id": n} for n in range(90)]})[: PROXY["buffer"]]


@node
def parse(body: str) -> list[dict[str, int]]:
    return json.loads(body)["rows"]


def run(rec: Recorder, variant: str) -> None:
    PROXY["buffer"] = 512 if variant == "bad" else 10_000
    with rec.run("import", inputs={"url": "https://example.com/rows.json"}):
        parse(download("https://example.com/rows.json"))

"""Eight texts at a time are translated; each waits its turn at one slow glossary, which the averages do not show.

The model takes most of the time of every item, and all of them wait for it together; the glossary they ask one by one.
"""

import threading
import time

from recorder import Recorder, node

GLOSSARY = threading.Lock()
LOOKUP_S = {"good": 0.0, "bad": 0.03}
PACE = {"lookup": 0.0}


@node
def look_up(text: str) -> str:
    with GLOSSARY:  # one connection, and the client waits for it
        time.sleep(PACE["lookup"])
    return text.title()


@node
def translate(terms: str) -> str:
    time.sleep(0.12)
    return terms[::-1]


def run(rec: Recorder, variant: str) -> None:
    PACE["lookup"] = LOOKUP_S[variant]

    def page(text: str) -> str:
        return translate(look_up(text))

    rec.map(page, [f"page {number}" for number in range(16)], name="translate_book", max_concurrency=8)

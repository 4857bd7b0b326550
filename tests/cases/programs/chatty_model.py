"""A model was replaced by one that explains itself first; what fails is a parser of its answer."""

import json

from recorder import Recorder, node

MODEL = {"name": "small-1"}


@node
def ask_model(prompt: str) -> str:
    answer = '{"label": "spam"}'
    return answer if MODEL["name"] == "small-1" else f"Sure! Here is the JSON you asked for:\n{answer}"


@node
def tidy(answer: str) -> str:
    return answer.strip()


@node
def read_label(text: str) -> str:
    return json.loads(text)["label"]


def run(rec: Recorder, variant: str) -> None:
    MODEL["name"] = "small-2" if variant == "bad" else "small-1"
    with rec.run("spam_filter", inputs={"mail": "m-12"}):
        read_label(tidy(ask_model("Is this spam? Answer in JSON.")))

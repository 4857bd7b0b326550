"""Graphs of our own, of every shape the framework knows. Nodes are plain functions: both runners take them."""

from dataclasses import dataclass
from typing import ClassVar

from hypergraph import END, Graph, NodeContext, RetryPolicy, ifelse, interrupt, node, route


class ParseError(ValueError):
    """Of ours, with a message in another alphabet."""


@node(output_name="clean")
def strip(text: str) -> str:
    return text.strip()


@node(output_name="number")
def parse(clean: str) -> int:
    try:
        return int(clean)
    except ValueError as error:
        problem = ParseError(f"не число: «{clean}» 💥")
        problem.add_note("подсказка: проверьте вход")
        raise problem from error


@node(output_name="answer")
def double(number: int) -> int:
    return number * 2


def parsing() -> Graph:
    return Graph([strip, parse, double], name="parsing")


def deep() -> Graph:
    """``parse`` three graphs down."""
    inner = Graph([parsing().as_node(name="read")], name="inner")
    return Graph([inner.as_node(name="middle")], name="outer")


def twins() -> Graph:
    """One graph used twice under two names."""
    pair = [
        parsing()
        .as_node(name=side)
        .rename_inputs(text=f"{side}_text")
        .rename_outputs(clean=f"{side}_clean", number=f"{side}_number", answer=side)
        for side in ("left", "right")
    ]
    return Graph(pair, name="twins")


@node(output_name="texts")
def split(document: str) -> list[str]:
    return document.split("|")


@node(output_name="total")
def add(answer: list) -> int:
    return sum(one for one in answer if one is not None)


def mapped_inside() -> Graph:
    """A node that maps a graph over what another made; failures inside do not stop it."""
    pages = parsing().as_node(name="pages").rename_inputs(text="texts").map_over("texts", error_handling="continue")
    return Graph([split, pages, add], name="report")


@node(output_name="draft")
def write(prompt: str, feedback: str = "") -> str:
    return prompt + feedback


@node(output_name="feedback")
def review(draft: str) -> str:
    return "!" * len(draft)


@route(targets=["review", END])
def enough(draft: str) -> str:
    return END if len(draft) >= 8 else "review"


def cyclic() -> Graph:
    return Graph([write, review, enough], name="writer", entrypoint="write")


@ifelse(when_true="short", when_false="long")
def is_short(topic: str) -> bool:
    return len(topic) < 5


@node(output_name="size")
def short(topic: str) -> str:
    return "short"


@node(output_name="size")
def long(topic: str) -> str:
    return "long"


def branching() -> Graph:
    return Graph([is_short, short, long], name="branching")


def flaky(*, failures: int, attempts: int) -> Graph:
    """A node whose first calls fail, each with a message of its own."""
    calls = iter(range(1, 1000))

    @node(
        output_name="reply", retry=RetryPolicy(max_attempts=attempts, retry_on=(ConnectionError,), initial_delay=0.001)
    )
    def ask(question: str) -> str:
        if (call := next(calls)) <= failures:
            raise ConnectionError(f"reset by peer, call {call}")
        return question

    return Graph([ask], name="flaky")


def remembering() -> Graph:
    @node(output_name="length", cache=True)
    def measure(text: str) -> int:
        return len(text)

    return Graph([measure], name="remembering")


@dataclass(frozen=True)
class Confirm:
    answer_type: ClassVar[object] = bool
    prompt: str
    options: tuple[str, ...] | None = None
    evidence: tuple = ()


@interrupt(answer_name="approved")
def approval(draft: str) -> Confirm:
    return Confirm("Publish?", evidence=(draft,))


@node(output_name="published")
def publish(draft: str, approved: bool) -> str:
    return f"{draft} ({approved})"


def pausing() -> Graph:
    return Graph([write, approval, publish], name="pausing")


@node(output_name="words")
def stream_words(count: int, ctx: NodeContext) -> int:
    for number in range(count):
        ctx.stream({"word": number})
    return count


def streaming() -> Graph:
    return Graph([stream_words], name="streaming")

"""A sample drawn without a seed: the same question, another answer."""

import random

from recorder import Recorder, node


@node
def load_reviews(product: str) -> list[int]:
    return [n * 37 % 101 for n in range(60)]


@node
def sample(reviews: list[int], size: int) -> list[int]:
    return random.sample(reviews, size)


@node
def rate(reviews: list[int]) -> float:
    return sum(reviews) / len(reviews)


def run(rec: Recorder, variant: str) -> None:
    with rec.run("rating", inputs={"product": "p-4"}) as rating:
        rating.set_output(rating=rate(sample(load_reviews("p-4"), size=12)))

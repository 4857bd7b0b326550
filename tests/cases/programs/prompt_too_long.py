"""A gateway gives up on long prompts. It says 504, as it does for everything."""

from recorder import Recorder, node

DOCUMENTS = [f"Document {n}. " + "Payment terms apply. " * (90 if n % 7 == 3 else 2 + n % 5) for n in range(40)]


@node
def build_prompt(document: str) -> str:
    return f"Classify the following document.\n\n{document}"


@node
def ask_model(prompt: str) -> str:
    if len(prompt) > 1200:
        raise TimeoutError("504 Gateway Timeout")
    return "invoice" if "Payment" in prompt else "letter"


@node
def classify(document: str) -> str:
    return ask_model(build_prompt(document))


def run(rec: Recorder, variant: str) -> None:
    rec.map(classify, DOCUMENTS, name="classify", error_handling="continue")

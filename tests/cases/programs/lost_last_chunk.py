"""A loop over chunks that stops one too early: the signature at the end is never seen."""

from recorder import Recorder, node


@node
def split(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@node
def find_signature(chunks: list[str]) -> str:
    found = [chunk for chunk in chunks if "Signed" in chunk]
    if not found:
        raise LookupError("document is not signed")
    return found[0]


def run(rec: Recorder, variant: str) -> None:
    text = "The parties agree. " * 5 + "Signed: Ann"
    with rec.run("contracts", inputs={"document": "c-8"}):
        find_signature(split(text, 40))

"""A list as a default value remembers the documents before. Nothing fails; the tags are wrong."""

from recorder import Recorder, node


@node
def split(text: str) -> list[str]:
    return [word for word in text.split() if word.startswith("#")]


@node
def collect_tags(words: list[str], into: list[str] = []) -> list[str]:  # noqa: B006  (the fault)
    into.extend(word.strip("#") for word in words)
    return list(into)


def run(rec: Recorder, variant: str) -> None:
    if variant == "bad":
        collect_tags(["#draft"])  # another request, in the same process
    with rec.run("tag", inputs={"text": "a note on #taxes"}) as tagging:
        tagging.set_output(tags=collect_tags(split("a note on #taxes")))

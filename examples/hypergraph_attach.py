"""Attaching to hypergraph: ``rec.attach(graph)`` is all there is to write.

Needs the framework: https://github.com/gilad-rubin/hypergraph, with pydantic beside it.
"""

# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUntypedFunctionDecorator=false, reportUnknownArgumentType=false

import asyncio

from hypergraph import AsyncRunner, Graph, node

from recorder import Recorder


@node(output_name="prompt")
def build_prompt(document: str) -> str:
    """Make a prompt of a document."""
    return f"Summarize: {document}"


@node(output_name="answer")
async def call_llm(prompt: str) -> str:
    """Ask the model; one document is too much for it."""
    await asyncio.sleep(0.01)
    if "third" in prompt:
        raise TimeoutError("504 Gateway Timeout")
    return prompt.upper()


async def main() -> None:
    """Map the graph over three documents, recording it."""
    graph = Graph([build_prompt, call_llm], name="summaries")
    with Recorder(values=True) as rec:
        await AsyncRunner().map(
            rec.attach(graph),
            {"document": ["the first", "the second", "the third"]},
            map_over="document",
            error_handling="continue",
        )
    print("recorded; now: hg-mcp summarize-run latest")


if __name__ == "__main__":
    asyncio.run(main())

"""Records real messages of the LLM SDKs and writes what an agent would see: ``make sdks``.

The ordinary suite has stand-ins for these classes. Here the SDKs themselves are installed, in an environment of
their own.
"""

import datetime as dt
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from recorder.journal.frames import VALUE_STATUSES
from recorder.values import Capture, Redaction

REPORT = Path(__file__).parents[2] / "docs" / "sdk-messages.md"
SDKS = ("openai", "anthropic", "langchain-core", "google-genai")
KEY = "sk-proj-abcdefghijklmnop0123456789"
ARGUMENTS = '{"city": "Paris"}'
HEAD = """# Messages of LLM SDKs, as an agent sees them

Made by `make sdks`, never by hand, from the SDKs' own classes. Fields that are None, empty
lists or empty dicts by default are left out; nothing of the SDK is called.
"""


def openai_chat() -> Any:
    from openai.types.chat import ChatCompletion

    function = {"name": "weather", "arguments": ARGUMENTS}
    calls = [{"id": "call_1", "type": "function", "function": function}]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    return ChatCompletion.model_validate(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-x",
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
        }
    )


def openai_response() -> Any:
    from openai.types.responses import Response

    text = {"type": "output_text", "text": "It rains.", "annotations": []}
    output = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
    call = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": ARGUMENTS}
    return Response.model_validate(
        {
            "id": "resp_1",
            "object": "response",
            "created_at": 1.0,
            "model": "gpt-x",
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "output": [output, call],
        }
    )


def anthropic_message() -> Any:
    from anthropic.types import Message

    tool = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Paris"}}
    return Message.model_validate(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-x",
            "content": [{"type": "text", "text": "It rains."}, tool],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 9, "output_tokens": 12},
        }
    )


def langchain_messages() -> Any:
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

    calls = [{"name": "weather", "args": {"city": "Paris"}, "id": "call_1"}]
    usage = {"input_tokens": 9, "output_tokens": 12, "total_tokens": 21}
    return [
        SystemMessage("Be brief."),
        HumanMessage("How is the weather?"),
        AIMessage("", tool_calls=calls, usage_metadata=usage),
        ToolMessage("It rains.", tool_call_id="call_1"),
    ]


def google_response() -> Any:
    from google.genai import types

    call = types.FunctionCall(name="weather", args={"city": "Paris"})
    parts = [types.Part(text="It rains."), types.Part(function_call=call)]
    content = types.Content(role="model", parts=parts)
    candidate = types.Candidate(content=content, finish_reason=types.FinishReason.STOP)
    return types.GenerateContentResponse(candidates=[candidate])


def openai_client() -> Any:
    from openai import OpenAI

    return OpenAI(api_key=KEY)


CASES = (openai_chat, openai_response, anthropic_message, langchain_messages, google_response, openai_client)
SHOWN = {
    "openai_client": ("[redacted:api_key]",),
    "langchain_messages": ("Be brief.", "How is the weather?", "weather"),
}


def section(case: Any) -> str:
    """One value as it is recorded; what a reader needs of it must be there, and no key."""
    (entry,) = Capture(redaction=Redaction()).entries({"value": case()})
    shown = json.dumps(json.loads(entry.data or b"null"), indent=2)
    lacking = [word for word in SHOWN.get(case.__name__, ("weather", "Paris")) if word not in shown]
    if lacking or KEY in shown:
        raise SystemExit(f"{case.__name__}: {lacking or 'the key'} in what is recorded\n{shown}")
    status = VALUE_STATUSES[entry.status]
    note = f", {entry.note}" if entry.note else ""
    return f"## `{entry.type}` ({status}{note})\n\n```json\n{shown}\n```\n"


def main() -> None:
    """Write the report."""
    versions = ", ".join(f"{name} {version(name)}" for name in SDKS)
    made = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {versions}, Python {platform.python_version()}."
    REPORT.write_text("\n".join([HEAD, made, "", *map(section, CASES)]), encoding="utf-8")
    print(f"{REPORT.name}: {len(CASES)} values of {versions}")


if __name__ == "__main__":
    main()

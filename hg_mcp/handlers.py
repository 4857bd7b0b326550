"""What each MCP request is answered with: tools, resources, prompts and completions, from one source.

An error of a tool goes to the agent, as its result; what is wrong with any other request goes to the client, as -32602.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    PromptArgument,
    PromptMessage,
    PromptReference,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
    ToolAnnotations,
)
from mcp.types import Prompt as WirePrompt
from mcp.types import Tool as WireTool

from hg_mcp import replies
from hg_mcp.errors import CannotAnswer, UnknownWordError
from hg_mcp.prompts import PROMPTS, Prompt, procedure
from hg_mcp.queries.completion import ARGUMENTS, completions
from hg_mcp.queries.source import Source
from hg_mcp.replies.words import status_words
from hg_mcp.resources import TEMPLATES, Template, question_of, run_uri
from hg_mcp.text import one_line, quoted
from hg_mcp.tools import TOOLS
from hg_mcp.tools.answering import answer
from hg_mcp.tools.definition import Tool
from recorder.store.records import Run, RunFilter

__all__ = ["Handlers"]

_JSON: Final = "application/json"
_LISTED_RUNS: Final = 20
_MOST_COMPLETIONS: Final = 100

Context = ServerRequestContext[Any]
Paged = PaginatedRequestParams | None


class Handlers:
    """One method for each kind of request."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def list_tools(self, _context: Context, _params: Paged) -> ListToolsResult:
        """Every tool."""
        return ListToolsResult(tools=[_tool(tool) for tool in TOOLS.values()])

    async def call_tool(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        """A tool's reply, as structure and as the same text; why there is none, as an error for the agent."""
        try:
            encoded = await answer(
                self._source, params.name, params.arguments or {}, tell=context.session.report_progress
            )
        except CannotAnswer as reason:
            return CallToolResult(is_error=True, content=[TextContent(type="text", text=str(reason))])
        text = TextContent(type="text", text=encoded.decode())
        return CallToolResult(content=[text], structured_content=msgspec.json.decode(encoded))

    async def list_resources(self, _context: Context, _params: Paged) -> ListResourcesResult:
        """The latest runs; none where there is no store yet."""
        try:
            reader, _ = await self._source.current()
        except CannotAnswer:
            return ListResourcesResult(resources=[])
        runs = await reader.runs(RunFilter(), limit=_LISTED_RUNS)
        return ListResourcesResult(resources=[_resource(run) for run in runs])

    async def list_resource_templates(self, _context: Context, _params: Paged) -> ListResourceTemplatesResult:
        """The forms of URIs."""
        return ListResourceTemplatesResult(resource_templates=[_template(template) for template in TEMPLATES])

    async def read_resource(self, _context: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        """The reply of the tool that answers for a URI.

        Raises:
            MCPError: There is nothing by that URI (-32602, with the URI).
        """
        try:
            tool, arguments = question_of(params.uri)
            text = (await answer(self._source, tool, arguments)).decode()
        except CannotAnswer as reason:
            raise MCPError(INVALID_PARAMS, str(reason), {"uri": params.uri}) from None
        return ReadResourceResult(contents=[TextResourceContents(uri=params.uri, mime_type=_JSON, text=text)])

    async def list_prompts(self, _context: Context, _params: Paged) -> ListPromptsResult:
        """Every procedure."""
        return ListPromptsResult(prompts=[_prompt(prompt) for prompt in PROMPTS.values()])

    async def get_prompt(self, _context: Context, params: GetPromptRequestParams) -> GetPromptResult:
        """A procedure for the arguments given.

        Raises:
            MCPError: There is no such prompt or argument.
        """
        try:
            prompt, text = procedure(params.name, params.arguments or {})
        except CannotAnswer as reason:
            raise MCPError(INVALID_PARAMS, str(reason)) from None
        message = PromptMessage(role="user", content=TextContent(type="text", text=text))
        return GetPromptResult(description=prompt.description, messages=[message])

    async def complete(self, _context: Context, params: CompleteRequestParams) -> CompleteResult:
        """What an argument of a prompt or a resource may become.

        Raises:
            MCPError: There is no such prompt, template or argument.
        """
        try:
            _check_reference(params)
            reader, _ = await self._source.current()
        except UnknownWordError as unknown:
            raise MCPError(INVALID_PARAMS, str(unknown)) from None
        except CannotAnswer:
            return CompleteResult(completion=Completion(values=[], total=0, has_more=False))
        others: Mapping[str, str] = (params.context.arguments if params.context else None) or {}
        argument = params.argument
        found = await completions(reader, argument.name, argument.value, run=others.get("run", "latest"))
        shown = list(found[:_MOST_COMPLETIONS])
        return CompleteResult(completion=Completion(values=shown, total=len(found), has_more=len(found) > len(shown)))


def _check_reference(params: CompleteRequestParams) -> None:
    if isinstance(params.ref, PromptReference):
        if params.ref.name not in PROMPTS:
            raise UnknownWordError("prompt", params.ref.name, list(PROMPTS))
        known = [name for name, _, _ in PROMPTS[params.ref.name].arguments]
    else:
        forms = {template.uri: template.parameter for template in TEMPLATES}
        if params.ref.uri not in forms:
            raise UnknownWordError("resource template", params.ref.uri, list(forms))
        known = [forms[params.ref.uri]]
    if params.argument.name not in known or params.argument.name not in ARGUMENTS:
        raise UnknownWordError("argument", params.argument.name, known)


def _tool(tool: Tool) -> WireTool:
    hints = ToolAnnotations(
        title=tool.title,
        read_only_hint=tool.hints.read_only,
        destructive_hint=tool.hints.destructive,
        idempotent_hint=tool.hints.idempotent,
        open_world_hint=tool.hints.open_world,
    )
    return WireTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema(),
        output_schema=getattr(replies, tool.reply).model_json_schema(),
        annotations=hints,
    )


def _resource(run: Run) -> Resource:
    """A run in the list; its names are recorded ones, quoted."""
    return Resource(
        uri=run_uri(run.run_id),
        name=one_line(run.run_id, 80),
        title=f"{quoted(run.graph, 60)}: {status_words(run)}",
        description="What happened in this run and why.",
        mime_type=_JSON,
    )


def _template(template: Template) -> ResourceTemplate:
    return ResourceTemplate(
        name=template.tool,
        title=template.title,
        uri_template=template.uri,
        description=template.description,
        mime_type=_JSON,
    )


def _prompt(prompt: Prompt) -> WirePrompt:
    arguments = [PromptArgument(name=name, description=about, required=False) for name, about, _ in prompt.arguments]
    return WirePrompt(name=prompt.name, title=prompt.title, description=prompt.description, arguments=arguments)

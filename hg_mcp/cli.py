"""The shell's way to ask: a command for every tool of ``GROUPS``, made from the same definitions as the MCP server's.

``hg-mcp --help`` loads neither the MCP SDK nor the reply models; a question loads the models, ``serve`` the SDK.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

import click

from hg_mcp import __version__, keeping, sharing
from hg_mcp.errors import BadArgumentError, CannotAnswer
from hg_mcp.text import printable
from hg_mcp.tools import GROUPS, TOOLS
from hg_mcp.tools.definition import Parameter, Tool

__all__ = ["main"]

_CANNOT_ANSWER: Final = 1
_USAGE: Final = 2
_HOST: Final = "127.0.0.1"
_PORT: Final = 8765
_TYPES: Final[Mapping[type, click.ParamType[Any]]] = {
    str: click.STRING,
    int: click.INT,
    float: click.FLOAT,
    bool: click.BOOL,
}
_STORE: Final = click.Option(
    ["--store"], metavar="DIR", help="The store. Default: $HG_MCP_STORE, else the nearest .hg_mcp upwards."
)
_JSON: Final = click.Option(["--json", "as_json"], is_flag=True, help="The reply itself, byte for byte, for scripts.")


_STORE_COMMANDS: Final = {str(command.name): command for command in (*keeping.COMMANDS, *sharing.COMMANDS)}


class _Commands(click.Group):
    """Takes a tool's name in both forms, and lists tools by group."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, with ``_`` or ``-``."""
        return super().get_command(ctx, cmd_name.replace("_", "-"))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """List the commands by group."""
        grouped = {group: [tool.name.replace("_", "-") for tool in tools] for group, tools in GROUPS.items()}
        for group, names in {**grouped, "Store": [*_STORE_COMMANDS], "Server": ["serve", "doctor"]}.items():
            commands = [(name, self.commands[name].get_short_help_str(limit=100)) for name in names]
            with formatter.section(group):
                formatter.write_dl(commands)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hg-mcp")
def main() -> None:
    """Ask about recorded runs, or serve them to a coding agent."""


@main.command()
@click.option("--store", metavar="DIR", help="The store; it may appear later.")
@click.option("--http", is_flag=True, help="Over streamable HTTP instead, to clients on this machine only.")
@click.option("--host", help="With --http: 127.0.0.1 (the default), localhost or ::1.")
@click.option("--port", type=click.IntRange(0, 65535), help="With --http: 8765 (the default), or 0 for a free one.")
def serve(store: str | None, host: str | None, port: int | None, *, http: bool) -> None:
    """Serve the tools (MCP) to an IDE, over stdio or local HTTP."""
    import asyncio  # lazy, like what follows: only questions need it, and the SDK takes half a second

    from hg_mcp import server

    if not http and (host, port) != (None, None):
        raise click.UsageError("--host and --port go with --http.")
    if not http:
        asyncio.run(server.serve(store))
        return
    try:
        asyncio.run(server.serve_http(store, host or _HOST, _PORT if port is None else port, _announce))
    except CannotAnswer as reason:
        _refuse(reason)
    except KeyboardInterrupt:
        return  # how people end a server


def _announce(url: str) -> None:
    click.echo(f"Serving MCP at {url}")


@main.command()
@click.option("--store", metavar="DIR", help="The store to look at.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON, for scripts.")
def doctor(store: str | None, *, as_json: bool) -> None:
    """What is well with the store, its recorders and this machine, what is not, and what to do about it.

    Exits with 1 where there is a problem. Nothing is changed.
    """
    from hg_mcp.doctor import examine  # lazy: SQLite comes with it

    reply, is_well = examine(store)
    _show(reply, as_json=as_json)
    raise SystemExit(0 if is_well else _CANNOT_ANSWER)


def _command(tool: Tool) -> click.Command:
    first, *others = tool.parameters
    word = click.Argument([first.name], required=False)
    positional = [word if first.name == tool.first_word else _option(first)]
    return click.Command(
        tool.name.replace("_", "-"),
        params=[*positional, *map(_option, others), _STORE, _JSON],
        callback=_asker(tool.name),
        help=tool.description,
    )


def _option(parameter: Parameter) -> click.Option:
    choices = [word for word in parameter.about.choices if word]
    default = f" [default: {parameter.default}]" if parameter.default else ""
    return click.Option(
        [f"--{parameter.name.replace('_', '-')}", parameter.name],
        type=click.Choice(choices) if choices else _TYPES[parameter.type],
        help=parameter.about.description + default,
    )


def _asker(name: str) -> Callable[..., None]:
    def ask(*, store: str | None, as_json: bool, **given: Any) -> None:
        import asyncio  # lazy: --help needs no loop

        arguments = {key: value for key, value in given.items() if value is not None}
        try:
            reply = asyncio.run(_answered(name, arguments, store))
        except CannotAnswer as reason:
            _refuse(reason)
        _show(reply, as_json=as_json)

    return ask


def _refuse(reason: CannotAnswer) -> NoReturn:
    click.echo(printable(str(reason)), err=True)
    raise SystemExit(_USAGE if isinstance(reason, BadArgumentError) else _CANNOT_ANSWER) from None


async def _answered(name: str, arguments: Mapping[str, Any], store: str | None) -> bytes:
    from hg_mcp.queries.source import Store  # lazy: SQLite, and the models behind the answers
    from hg_mcp.tools.answering import answer, untold

    source = Store(store)
    try:
        return await answer(source, name, arguments, tell=_telling if sys.stderr.isatty() else untold)
    finally:
        await source.close()


async def _telling(waited: float, most: float, doing: str) -> None:
    click.echo(f"\r\033[K{waited:.0f} of {most:.0f} s: {doing} ", err=True, nl=False)


def _show(reply: bytes, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(reply + b"\n" * sys.stdout.isatty())
        sys.stdout.flush()
        return
    from hg_mcp.rendering import render  # lazy: rich, only for people

    render(reply)


for _each in _STORE_COMMANDS.values():
    main.add_command(_each)
for _tool in TOOLS.values():
    main.add_command(_command(_tool))

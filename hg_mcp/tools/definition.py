"""What a tool is: an async function, its parameters, the reply it gives and the hints it declares.

One definition makes the MCP tool, the shell command and the reference page. Reading it loads neither the SDK nor the
reply models, so that `hg-mcp --help` is instant: the quoted return annotation names the reply and is looked up when
needed.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Annotated, Any, Final, Unpack, get_args, get_origin, get_type_hints

from hg_mcp.errors import BadArgumentError, UnknownWordError
from hg_mcp.replies.budget import MAXIMUM, MINIMUM
from hg_mcp.text import quoted

__all__ = ["BUDGET", "READ_ONLY", "Hints", "Param", "Parameter", "Tool", "tool"]

_FIRST_WORDS: Final = frozenset({"run", "text", "sql"})
Plain = type[str] | type[int] | type[float] | type[bool]
_WORDS: Final[Mapping[Plain, str]] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_ARTICLES: Final[Mapping[Plain, str]] = {str: "a string", int: "an integer", float: "a number", bool: "a boolean"}
_JSON_WORDS: Final = {kind.__name__: word for kind, word in _WORDS.items()} | {"dict": "object", "list": "array"}


@dataclass(frozen=True, slots=True)
class Param:
    """What an annotation says about a parameter beside its type: one sentence, and bounds or words if any."""

    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a tool. All have defaults but those that nobody can guess (``required``)."""

    name: str
    type: Plain
    default: Any
    required: bool
    about: Param

    def schema(self) -> dict[str, Any]:
        """Its JSON schema."""
        found: dict[str, Any] = {"type": _WORDS[self.type], "description": self.about.description}
        bounds = {
            "minimum": self.about.minimum,
            "maximum": self.about.maximum,
            "enum": list(self.about.choices) or None,
        }
        found.update({key: value for key, value in bounds.items() if value is not None})
        return found if self.required else found | {"default": self.default}

    def check(self, given: Any) -> Any:
        """The argument as the tool takes it.

        Raises:
            BadArgumentError: It is of another type, out of bounds (never clamped) or not one of the words.
        """
        value = self._typed(given)
        low, high = self.about.minimum, self.about.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = f"between {low} and {high}" if high is not None else f"at least {low}"
            raise BadArgumentError(self.name, f"{self.name} must be {bounds}; {value} is outside.")
        if self.about.choices and value not in self.about.choices:
            if value.lower() in self.about.choices:  # as replies show levels
                return value.lower()
            raise UnknownWordError(self.name, value, [word for word in self.about.choices if word])
        return value

    def _typed(self, given: Any) -> Any:
        if type(given) is self.type:
            return given
        if self.type is float and type(given) is int:
            return float(given)
        got = f"{_JSON_WORDS.get(type(given).__name__, 'null')} {quoted(str(given))}"
        raise BadArgumentError(self.name, f"{self.name} must be {_ARTICLES[self.type]}, not the {got}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What calling the tool may do to the world, in MCP's words."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


READ_ONLY: Final = Hints(read_only=True, destructive=False, idempotent=True, open_world=False)

BUDGET: Final = Parameter(
    name="budget",
    type=int,
    default=2000,
    required=False,
    about=Param("Most tokens the reply may take (4 bytes each).", minimum=MINIMUM, maximum=MAXIMUM),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A question that can be asked. ``reply`` names the model in ``hg_mcp.replies``; ``ask`` answers with one.

    One that ``waits`` is given a ``Watch`` in place of a reader.
    """

    name: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]
    reply: str
    hints: Hints
    waits: bool = False
    ask: Callable[..., Awaitable[Any]] = field(repr=False)

    @property
    def first_word(self) -> str:
        """The parameter that the shell takes as its first word: what the question is about; "" where there is none."""
        return self.parameters[0].name if self.parameters[0].name in _FIRST_WORDS else ""

    def input_schema(self) -> dict[str, Any]:
        """The JSON schema of its arguments; unknown ones are refused."""
        schema: dict[str, Any] = {"type": "object", "properties": {p.name: p.schema() for p in self.parameters}}
        required = [p.name for p in self.parameters if p.required]
        return schema | {"additionalProperties": False} | ({"required": required} if required else {})

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """All arguments of a call, defaults filled in.

        Raises:
            BadArgumentError: One is unknown, missing, of another type or out of bounds.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in arguments:
            if name not in known:
                raise UnknownWordError("argument", name, list(known), hint=f"(of {self.name})")
        missing = [p.name for p in self.parameters if p.required and p.name not in arguments]
        if missing:
            raise BadArgumentError(missing[0], f"{self.name} needs {', '.join(missing)}.")
        return {name: p.check(arguments[name]) if name in arguments else p.default for name, p in known.items()}


def tool(*, title: str, hints: Hints, waits: bool = False) -> Callable[[Callable[..., Awaitable[Any]]], Tool]:
    """Make a tool of an async function: its name, docstring, annotated parameters and quoted return annotation.

    The first parameter is the ``RunReader`` (with ``waits`` the ``Watch``) of answers and no argument. Parameters that
    several tools share come as ``**some: Unpack[SomeTypedDict]``, empty by default. ``budget`` comes by itself: it is
    one mechanism.
    """

    def define(function: Callable[..., Awaitable[Any]]) -> Tool:
        signature = inspect.signature(function)
        declared = list(signature.parameters.values())[1:]
        return Tool(
            name=function.__name__,
            title=title,
            description=inspect.cleandoc(function.__doc__ or ""),
            parameters=(*chain.from_iterable(map(_parameters, declared)), BUDGET),
            reply=str(signature.return_annotation),
            hints=hints,
            waits=waits,
            ask=function,
        )

    return define


def _parameters(declared: inspect.Parameter) -> Iterator[Parameter]:
    if get_origin(declared.annotation) is not Unpack:
        yield _parameter(declared.name, declared.annotation, declared.default)
        return
    (shared,) = get_args(declared.annotation)
    for name, annotation in get_type_hints(shared, include_extras=True).items():
        yield _parameter(name, annotation, annotation.__origin__())


def _parameter(name: str, annotation: Any, default: Any) -> Parameter:
    if get_origin(annotation) is not Annotated:
        raise TypeError(f"parameter {name} must be Annotated[type, Param(...)]")
    kind, about = get_args(annotation)[:2]
    if kind not in _WORDS or not isinstance(about, Param):
        raise TypeError(f"parameter {name} must be a plain str, int, float or bool with a Param")
    required = default is inspect.Parameter.empty
    return Parameter(name=name, type=kind, default=None if required else default, required=required, about=about)

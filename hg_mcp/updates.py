"""Tells clients that a resource changed: by ``resources/subscribe`` before 2026, by ``subscriptions/listen`` since.

Both eras share one watch, which looks at each resource that somebody subscribed to, and at nothing while nobody did.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from typing import TYPE_CHECKING, Any, Final

from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourcesListChanged, ResourceUpdated
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    EmptyResult,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)

from hg_mcp.errors import CannotAnswer
from hg_mcp.queries.pulse import Pulse, pulse
from hg_mcp.queries.source import Source
from hg_mcp.resources import question_of
from recorder.errors import RecorderError

if TYPE_CHECKING:
    from mcp.server.connection import Connection

__all__ = ["Updates"]

_PAUSE_S: Final = 0.3
_SHARE: Final = 4
"""A pause is at least so many times as long as the look before it."""
_LIST: Final = ""
"""Stands among the URIs for the list of resources, which changes with the latest run."""


class Updates:
    """The subscriptions of one server. A resource that is not there yet may be subscribed to."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._bus = InMemorySubscriptionBus()
        self._handler = ListenHandler(self._bus)
        self._listened: Counter[str] = Counter()
        self._connections: dict[str, set[Connection]] = {}
        self._pulses: dict[str, Pulse | None] = {}
        self._wanted = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self, _server: object) -> AsyncGenerator[dict[str, Any]]:
        """Watch while the server lives."""
        watching = asyncio.create_task(self._watch())
        try:
            yield {}
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def listen(
        self, context: ServerRequestContext[Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve one stream of changes (2026-07-28)."""
        asked = params.notifications
        uris = [*(asked.resource_subscriptions or ()), *([_LIST] if asked.resources_list_changed else [])]
        await self._begin(uris)
        self._listened.update(uris)
        try:
            return await self._handler(context, params)
        finally:
            self._listened.subtract(uris)
            self._forget_unwanted()

    async def subscribe(self, context: ServerRequestContext[Any], params: SubscribeRequestParams) -> EmptyResult:
        """Tell a connection of changes from now on (before 2026).

        Raises:
            MCPError: The URI is of no form that is served here.
        """
        try:
            question_of(params.uri)
        except CannotAnswer as reason:
            raise MCPError(INVALID_PARAMS, str(reason), {"uri": params.uri}) from None
        await self._begin([params.uri])
        connection = _connection(context)
        if not any(connection in others for others in self._connections.values()):
            connection.exit_stack.callback(self._forget, connection)
        self._connections.setdefault(params.uri, set()).add(connection)
        return EmptyResult()

    async def unsubscribe(self, context: ServerRequestContext[Any], params: UnsubscribeRequestParams) -> EmptyResult:
        """Tell it no more of that resource."""
        self._connections.get(params.uri, set()).discard(_connection(context))
        self._forget_unwanted()
        return EmptyResult()

    async def _begin(self, uris: Iterable[str]) -> None:
        """Remember how the resources are now, so that what comes next is a change."""
        for uri in uris:
            if uri not in self._pulses:
                self._pulses[uri] = await self._pulse(uri)
        if self._pulses:
            self._wanted.set()

    async def _watch(self) -> None:
        while True:
            await self._wanted.wait()
            began = time.monotonic()
            for uri in list(self._pulses):
                now = await self._pulse(uri)
                if uri in self._pulses and now != self._pulses[uri]:
                    self._pulses[uri] = now
                    await self._tell(uri)
            await asyncio.sleep(max(_PAUSE_S, _SHARE * (time.monotonic() - began)))

    async def _pulse(self, uri: str) -> Pulse | None:
        """How a resource is now; None where it is not there."""
        try:
            reader, _ = await self._source.current()
            if uri != _LIST:
                return await pulse(reader, **question_of(uri)[1])
            latest = await reader.latest_run()
            return latest and (latest.key, "", None)
        except (CannotAnswer, RecorderError):
            return None

    async def _tell(self, uri: str) -> None:
        await self._bus.publish(ResourceUpdated(uri) if uri != _LIST else ResourcesListChanged())
        for connection in list(self._connections.get(uri, ())):
            await connection.send_resource_updated(uri)

    def _forget(self, connection: "Connection") -> None:
        for others in self._connections.values():
            others.discard(connection)
        self._forget_unwanted()

    def _forget_unwanted(self) -> None:
        self._listened = +self._listened
        self._connections = {uri: others for uri, others in self._connections.items() if others}
        self._pulses = {
            uri: known for uri, known in self._pulses.items() if uri in self._listened or uri in self._connections
        }
        if not self._pulses:
            self._wanted.clear()


def _connection(context: ServerRequestContext[Any]) -> "Connection":
    """The connection of a request: only there does the SDK say when it ends."""
    return context.session._connection  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

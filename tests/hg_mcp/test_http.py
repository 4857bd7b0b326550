"""``hg-mcp serve --http``: a process of its own, real clients of both eras, and whom it does not serve."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from mcp import Client
from mcp.shared.subscriptions import ResourceUpdated
from mcp.types import ResourceUpdatedNotification

from hg_mcp.tools import TOOLS
from recorder import Recorder, node
from tests.hg_mcp.conftest import ERAS
from tests.hg_mcp.test_cli import shell

ROOT = str(Path(__file__).parents[2])


@node
def double(x: int) -> int:
    return 2 * x


@contextmanager
def served(store: Path, *options: str) -> Generator[tuple[str, "subprocess.Popen[str]"]]:
    """The URL on a free port, and the process."""
    words = ["-m", "hg_mcp", "serve", "--http", "--port", "0", "--store", str(store), *options]
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"PYTHONPATH": ROOT}
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().removeprefix("Serving MCP at ").strip(), process
        finally:
            process.kill()


def posted(url: str, **headers: str) -> int:
    """The status that a request with these headers is answered with."""
    place = urlsplit(url)
    connection = HTTPConnection(place.netloc)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE})
    usual = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    connection.request("POST", place.path, body, usual | headers)
    status = connection.getresponse().status
    connection.close()
    return status


INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_of_either_era_is_answered_over_http(map_store: Path, era: str):
    with served(map_store) as (url, _):
        async with Client(url, mode=era) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == list(TOOLS)
            result = await client.call_tool("summarize_run", {})
            assert result.structured_content["faults"][0]["items"] == "3, 7, 12-14, 41"
            assert (await client.call_tool("summarize_run", {"run": "nope"})).is_error


async def test_a_client_that_listens_is_told_of_changes_over_http(tmp_path: Path):
    with served(tmp_path) as (url, _), Recorder(tmp_path) as recorder, recorder.run("job"):
        async with (
            asyncio.timeout(60),
            Client(url, mode="2026-07-28") as client,
            client.listen(resource_subscriptions=["run://latest"]) as changes,
        ):
            double(1)
            assert await anext(changes) == ResourceUpdated("run://latest")


@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
async def test_a_legacy_client_is_told_of_changes_over_http(tmp_path: Path):
    told = asyncio.Event()

    async def hear(message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification) and message.params.uri == "run://latest":
            told.set()

    with served(tmp_path) as (url, _), Recorder(tmp_path) as recorder, recorder.run("job"):
        async with asyncio.timeout(60), Client(url, mode="legacy", message_handler=hear) as client:
            await client.subscribe_resource("run://latest")
            while not told.is_set():  # what changes before its stream is open, it is not told
                double(1)
                with suppress(TimeoutError):
                    await asyncio.wait_for(told.wait(), 0.5)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_only_requests_that_name_this_machine_are_served(map_store: Path, host: str):
    with served(map_store, "--host", host) as (url, _):
        port = urlsplit(url).port
        assert posted(url) == 200
        assert posted(url, Origin=f"http://localhost:{port}") == 200
        assert posted(url, Host=f"evil.example:{port}") == 421
        assert posted(url, Origin="http://evil.example") == 403


@pytest.mark.parametrize(("ending", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)])
async def test_a_signal_ends_it_quietly_though_a_client_listens(tmp_path: Path, ending: signal.Signals, code: int):
    with served(tmp_path) as (url, process), Recorder(tmp_path) as recorder:
        recorder.map(double, [1], name="job")
        async with Client(url, mode="2026-07-28") as client, client.listen(resources_list_changed=True):
            process.send_signal(ending)
            assert process.wait(30) == code
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_a_host_that_others_can_reach_is_refused(map_store: Path, host: str):
    told = shell("serve", "--http", "--host", host, store=map_store)
    assert (told.returncode, told.stdout) == (2, b"")
    assert f"Host '{host}' would let other machines read what was recorded".encode() in told.stderr
    assert b"Valid: 127.0.0.1, localhost, ::1." in told.stderr


def test_a_port_that_is_taken_is_told_in_a_sentence(map_store: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = shell("serve", "--http", "--port", str(port), store=map_store)
    assert told.returncode == 1
    assert (
        told.stderr
        == f"Port {port} of 127.0.0.1 cannot be had: Address already in use. Choose another --port.\n".encode()
    )


def test_a_host_without_http_is_refused(map_store: Path):
    told = shell("serve", "--host", "127.0.0.1", store=map_store)
    assert told.returncode == 2
    assert b"--host and --port go with --http." in told.stderr

"""The shell's way to keep runs and to let go of them: ``pin``, ``unpin``, ``prune``, ``delete``.

These write, so they are no tools: what a coding agent can call only reads. They wait for whoever ingests, and take a
run by the handles that the tools take.
"""

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from hg_mcp.errors import CannotAnswer
from hg_mcp.sizes import counted, size_words
from hg_mcp.text import one_line, printable, quoted

if TYPE_CHECKING:
    from recorder.ingest import Ingester
    from recorder.store.records import Run
    from recorder.store.retention import ExpiringRun, Retention

__all__ = ["COMMANDS", "STORE", "contained", "found_runs", "writing"]

_WAIT_S: Final = 15.0
_SHOWN: Final = 20
_AGO: Final = re.compile(r"(\d{1,6})(h|d|w)")
_DAYS: Final = {"h": 1 / 24, "d": 1.0, "w": 7.0}

STORE: Final = click.option(
    "--store", metavar="DIR", help="The store. Default: $HG_MCP_STORE, else the nearest .hg_mcp upwards."
)
_RUNS: Final = click.argument("runs", nargs=-1, required=True, metavar="RUN...")


@click.command()
@_RUNS
@STORE
def pin(runs: Sequence[str], store: str | None) -> None:
    """Keep runs for good, whatever their age and the size of the store."""
    import time  # lazy, like what follows: --help needs none of it

    with contained():
        _mark(runs, store, time.time_ns() // 1000, "is kept for good")


@click.command()
@_RUNS
@STORE
def unpin(runs: Sequence[str], store: str | None) -> None:
    """Let runs expire again like others."""
    with contained():
        _mark(runs, store, None, "may expire again")


@click.command()
@click.option("--older-than", metavar="AGE", help="Every run that ended so long ago, failed or not: 12h, 7d, 4w.")
@click.option("--values-older-than", metavar="AGE", help="Contents of values of every such run; its steps stay.")
@click.option("--max-bytes", metavar="SIZE", help="As much as makes the database that small: 500MB, 2GiB.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@STORE
def prune(
    older_than: str | None, values_older_than: str | None, max_bytes: str | None, dry_run: bool, store: str | None
) -> None:
    """Let go of runs whose retention is over (config.toml of the store; 30 days, failed ones 90), or of more.

    Running and pinned runs stay. Whoever ingests does this anyway, a little at a time.
    """
    from recorder.location import find_store
    from recorder.store.retention import read_retention

    with contained():
        retention = _asked(read_retention(find_store(store).directory), older_than, values_older_than, max_bytes)
        with writing(store) as ingester:
            going = ingester.writer.expiring(retention, _now())
            _show(going, dry_run=dry_run)
            if not dry_run:
                _prune(ingester, retention, sum(run.steps + 2 for run in going))


@click.command()
@click.argument("run")
@click.option("--values", "only_values", is_flag=True, help="Only the contents of its values; its steps stay.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@STORE
def delete(run: str, only_values: bool, yes: bool, store: str | None) -> None:
    """Remove a run with its values and logs, now; or its values only.

    Its id, names and day stay, so that questions about it can be answered, and so do statistics of past days.
    """
    from hg_mcp.queries.runs import is_silent
    from recorder.store.retention import FOR_GOOD

    with contained():
        (found,) = found_runs([run], store)
        if found.status == "running" and not is_silent(found):
            raise CannotAnswer(f"Run {quoted(found.run_id)} is running. Stop it first, or wait for its end.")
        steps = counted(found.steps, "step")
        what = f"run {quoted(found.run_id)} (graph {quoted(found.graph)}, {found.status}, {steps})"
        if only_values:
            what = f"the contents of all values of {what}"
        if not yes:
            click.confirm(f"Delete {what}? It cannot be undone", abort=True)
        with writing(store) as ingester:
            if only_values:
                ingester.writer.expire_values(found.key, "they were deleted by hand", _now())
            else:
                ingester.writer.expire(found.key, "it was deleted by hand", _now())
            _prune(ingester, FOR_GOOD, found.steps)
        click.echo(f"Deleted {what}.")


COMMANDS: Final = (pin, unpin, prune, delete)


@contextmanager
def contained() -> Generator[None]:
    """Say what stands in the way in one line, and exit as a question without an answer does."""
    from recorder.errors import NoStoreError, RecorderError

    try:
        yield
    except NoStoreError as missing:
        click.echo(f"No recorded runs found in {', '.join(missing.looked_in)}. Give --store.", err=True)
    except (CannotAnswer, RecorderError) as reason:
        click.echo(printable(str(reason)), err=True)
    else:
        return
    raise SystemExit(1)


def found_runs(handles: Sequence[str], store: str | None) -> "list[Run]":
    """The runs that handles mean, in their order, each once.

    Raises:
        CannotAnswer: One means none, or several.
    """
    import asyncio  # lazy: --help needs no loop

    return list({run.key: run for run in asyncio.run(_found(handles, store))}.values())


@contextmanager
def writing(store: str | None) -> "Generator[Ingester]":
    """The store, caught up and held alone."""
    from recorder.ingest import waiting_ingester
    from recorder.location import find_store

    with waiting_ingester(find_store(store), _WAIT_S) as ingester:
        ingester.catch_up()
        yield ingester


async def _found(handles: Sequence[str], store: str | None) -> "list[Run]":
    from hg_mcp.queries.runs import find_run
    from hg_mcp.queries.source import Store

    source = Store(store)
    try:
        reader, _ = await source.current()
        return [await find_run(reader, handle) for handle in handles]
    finally:
        await source.close()


def _mark(handles: Sequence[str], store: str | None, at: int | None, words: str) -> None:
    runs = found_runs(handles, store)
    with writing(store) as ingester:
        for run in runs:
            ingester.writer.pin(run.key, at)
            click.echo(f"Run {quoted(run.run_id)} {words}.")


def _asked(
    retention: "Retention", older_than: str | None, values_older_than: str | None, max_bytes: str | None
) -> "Retention":
    """The store's retention, or that of the options."""
    from recorder.store.retention import read_size

    if older_than is not None:
        days = _days(older_than, "--older-than")
        retention = replace(retention, days=days, failed_days=days)
    if values_older_than is not None:
        retention = replace(retention, value_days=_days(values_older_than, "--values-older-than"))
    if max_bytes is not None:
        try:
            retention = replace(retention, max_bytes=read_size(max_bytes))
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--max-bytes") from None
    return retention


def _days(given: str, option: str) -> float:
    found = _AGO.fullmatch(given.strip())
    if found is None:
        raise click.BadParameter("write a number of hours, days or weeks: 12h, 7d, 4w", param_hint=option)
    return int(found[1]) * _DAYS[found[2]]


def _show(going: "Sequence[ExpiringRun]", *, dry_run: bool) -> None:
    whole = [run for run in going if not run.values_only]
    values = [run for run in going if run.values_only]
    if whole:
        go = "would go" if dry_run else "goes" if len(whole) == 1 else "go"
        click.echo(f"{counted(len(whole), 'run')} with {counted(sum(run.steps for run in whole), 'step')} {go}.")
        _show_runs(whole)
    if values:
        go = "would go" if dry_run else "go"
        click.echo(f"The contents of values of {counted(len(values), 'run')} {go}; their steps stay.")
        _show_runs(values)
    if not going:
        click.echo("Nothing to do.")


def _show_runs(runs: "Sequence[ExpiringRun]") -> None:
    from hg_mcp.queries.words import day_of

    for run in runs[:_SHOWN]:
        words = (one_line(run.run_id, 60), one_line(run.graph, 40), run.status, day_of(run.started_at))
        click.echo("  ".join(["", *words, counted(run.steps, "step")]))
    if len(runs) > _SHOWN:
        click.echo(f"  and {len(runs) - _SHOWN:,} more")


def _prune(ingester: "Ingester", retention: "Retention", total: int) -> None:
    """Prune until nothing is left to do, with a bar for people, and say what came of it."""
    from rich.console import Console
    from rich.progress import Progress

    before, now = ingester.writer.size(), _now()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("removing", total=total)
        while done := ingester.writer.prune(retention, now):
            progress.advance(bar, done)
    after = ingester.writer.size()
    click.echo(f"The store holds {size_words(after)} now, {size_words(max(before - after, 0))} less than before.")


def _now() -> int:
    from hg_mcp.queries.words import now_us

    return now_us()

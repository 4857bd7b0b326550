"""The shell's way to share runs: ``export`` to one file, ``import`` from it; commands, as they write."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import click

from hg_mcp.errors import CannotAnswer
from hg_mcp.keeping import STORE, contained, found_runs
from hg_mcp.sizes import size_words
from hg_mcp.text import quoted

if TYPE_CHECKING:
    from recorder.journal.frames import Frame
    from recorder.location import StoreLocation
    from recorder.redaction import Redaction
    from recorder.store.origin import Origin
    from recorder.store.records import Run

__all__ = ["COMMANDS"]

_WAIT_S: Final = 15.0


@click.command("export")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--output", "-o", required=True, metavar="FILE", help="A new file, such as run.hgmcp.")
@click.option("--no-values", is_flag=True, help="Without the contents of values.")
@click.option("--redact", is_flag=True, help="Look for secrets again, with the built-in rules.")
@click.option("--redact-key", "keys", multiple=True, metavar="NAME", help="And for values of this name; repeatable.")
@click.option("--redact-pattern", "patterns", multiple=True, metavar="REGEX", help="And for this; repeatable.")
@STORE
def export_runs(
    runs: Sequence[str],
    output: str,
    no_values: bool,
    redact: bool,
    keys: Sequence[str],
    patterns: Sequence[str],
    store: str | None,
) -> None:
    """Write runs into one file, to attach to an issue or to take elsewhere.

    It holds all that is recorded of them: look at what you share, and see --redact and --no-values.
    """
    redaction = _redaction(keys, patterns) if redact or keys or patterns else None
    with contained():
        found = found_runs(runs, store)
        for run in found:
            _refuse_running(run)
        size = _write(output, _frames(found, store, no_values=no_values, redaction=redaction))
        named = ", ".join(quoted(run.run_id) for run in found[:5]) + ", …" * (len(found) > 5)
        click.echo(f"Wrote {named} to {output} ({size_words(size)}). Read it with: hg-mcp import {output}")


@click.command("import")
@click.argument("file")
@STORE
def import_file(file: str, store: str | None) -> None:
    """Bring the runs of an exported file into a store, which is created if need be. Twice gives one."""
    from recorder.ingest import import_runs, waiting_ingester
    from recorder.ingest.exports import opened_export, read_export

    with contained(), opened_export(file) as opened:
        next(read_export(file, opened), None)  # what is no export creates no store
        location = _placed(store)
    with contained(), waiting_ingester(location, _WAIT_S) as ingester:
        for run in import_runs(ingester.writer, file):
            what = f"run {quoted(run.run_id)} (graph {quoted(run.graph)}, recorded on {quoted(run.host)})"
            click.echo(f"Imported {what}." if run.is_new else f"The store has {what} already.")


COMMANDS: Final = (export_runs, import_file)


def _placed(store: str | None) -> "StoreLocation":
    from recorder.location import place_store

    try:
        return place_store(store)
    except OSError as error:
        raise CannotAnswer(f"No store can be made in {error.filename}: {error.strerror or error}.") from None


def _redaction(keys: Sequence[str], patterns: Sequence[str]) -> "Redaction":
    import re

    from recorder.redaction import Redaction

    try:
        return Redaction().extended(keys, patterns)
    except (ValueError, re.error) as error:
        raise click.BadParameter(str(error), param_hint="--redact-key or --redact-pattern") from None


def _refuse_running(run: "Run") -> None:
    from hg_mcp.queries.runs import is_silent

    if run.status == "running" and not is_silent(run):
        raise CannotAnswer(f"Run {quoted(run.run_id)} is running. Export it when it has ended.")


def _frames(
    runs: "Sequence[Run]", store: str | None, *, no_values: bool, redaction: "Redaction | None"
) -> "Iterator[Frame | Origin]":
    from recorder.ingest import redacted, without_values
    from recorder.location import find_store
    from recorder.store.sqlite import run_frames

    database = find_store(store).database
    for run in runs:
        frames = run_frames(database, run.key)
        frames = without_values(frames) if no_values else frames
        yield from redacted(frames, redaction) if redaction else frames


def _write(output: str, frames: "Iterator[Frame | Origin]") -> int:
    import os

    from recorder.ingest import write_export

    try:
        write_export(output, frames)
    except FileExistsError:
        raise CannotAnswer(f"{output} is there already; nothing is overwritten.") from None
    except OSError as error:
        raise CannotAnswer(f"{output} cannot be written: {error.strerror or error}.") from None
    return os.path.getsize(output)

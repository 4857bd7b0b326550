"""What a person does at the shell about the runs of a store: pin, prune and delete them."""

import fcntl
import json
import re
import sqlite3
from pathlib import Path

import pytest

from hg_mcp.errors import CannotAnswer, ExpiredRunError, NoRunsError
from recorder.errors import BadSettingError, StoreBusyError
from recorder.ingest import Ingester, waiting_ingester
from recorder.journal.frames import Frame
from recorder.location import StoreLocation
from recorder.store.retention import Retention, read_retention, read_size
from tests.hg_mcp.conftest import ask_store
from tests.hg_mcp.recorded import inputs, node, run_frame, value, write_store
from tests.hg_mcp.test_cli import shell


@pytest.fixture
def store(tmp_path: Path) -> Path:
    frames = [
        run_frame(1, "run-good", steps=1),
        node(1, 1, "fetch"),
        inputs(1, 1, value("doc", "secret words")),
        run_frame(2, "run-bad", status="failed", steps=1, failures=1, workflow_id="nightly"),
        node(2, 1, "fetch", status="failed"),
        run_frame(3, "run-open", status="running", ms=None),
    ]
    return write_store(tmp_path / "s", frames)


def listed(store: Path) -> list[str]:
    with sqlite3.connect(store / "runs.db") as database:
        found = [name for (name,) in database.execute("SELECT run_id FROM runs ORDER BY id")]
    database.close()
    return found


def aged(store: Path, days: int) -> None:
    """As if the store had held its runs for so long."""
    with sqlite3.connect(store / "runs.db") as database:
        database.execute("UPDATE runs SET stored_at = stored_at - ?", (days * 86_400_000_000,))
    database.close()


def test_prune_says_what_would_go_and_does_it_only_without_dry_run(store: Path) -> None:
    aged(store, 40)
    told = shell("prune", "--dry-run", store=store)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[0] == b"1 run with 1 step would go."
    assert b"run-good  classify  completed  2026-09-21  1 step" in told.stdout
    assert listed(store) == ["run-good", "run-bad", "run-open"]
    done = shell("prune", store=store)
    assert done.stdout.splitlines()[0] == b"1 run with 1 step goes."
    assert listed(store) == ["run-bad", "run-open"]
    assert shell("prune", store=store).stdout.startswith(b"Nothing to do.")


def test_prune_takes_an_age_for_all_runs_and_a_size(store: Path) -> None:
    aged(store, 8)
    assert shell("prune", "--older-than", "9d", "--dry-run", store=store).stdout == b"Nothing to do.\n"
    told = shell("prune", "--max-bytes", "1", "--dry-run", store=store).stdout
    assert told.startswith(b"2 runs with 2 steps would go.")
    shell("prune", "--older-than", "1w", store=store)
    assert listed(store) == ["run-open"]


def test_pinned_runs_stay_until_they_are_unpinned(store: Path) -> None:
    assert shell("pin", "run-g", "nightly", store=store).stdout == (
        b"Run 'run-good' is kept for good.\nRun 'run-bad' is kept for good.\n"
    )
    aged(store, 400)
    shell("prune", store=store)
    assert listed(store) == ["run-good", "run-bad", "run-open"]
    shell("unpin", "run-good", store=store)
    shell("prune", store=store)
    assert listed(store) == ["run-bad", "run-open"]


async def test_a_pinned_run_is_shown_as_such(store: Path) -> None:
    shell("pin", "run-good", store=store)
    assert (await ask_store(store, "summarize_run", run="run-good"))["about"]["pinned"] is True
    assert "pinned" not in (await ask_store(store, "summarize_run", run="run-bad"))["about"]


def test_delete_asks_says_what_and_leaves_no_content(store: Path) -> None:
    asked = shell("delete", "run-good", store=store)
    assert asked.returncode == 1
    assert b"Delete run 'run-good' (graph 'classify', completed, 1 step)?" in asked.stdout
    assert "run-good" in listed(store)
    done = shell("delete", "run-good", "--yes", store=store)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == b"Deleted run 'run-good' (graph 'classify', completed, 1 step)."
    with sqlite3.connect(store / "runs.db") as database:
        assert database.execute("SELECT count(*) FROM contents").fetchone() == (0,)
    database.close()


def test_a_run_that_may_still_be_going_on_is_not_deleted_by_mistake(store: Path) -> None:
    with sqlite3.connect(store / "runs.db") as database:
        database.execute("UPDATE recorders SET seen_at = 4000000000000000")
    database.close()
    told = shell("delete", "run-open", "--yes", store=store)
    assert (told.returncode, told.stderr) == (1, b"Run 'run-open' is running. Stop it first, or wait for its end.\n")


async def test_questions_about_what_is_gone_say_when_it_went_and_why(store: Path) -> None:
    shell("delete", "run-good", "--yes", store=store)
    aged(store, 100)
    shell("prune", store=store)
    with pytest.raises(ExpiredRunError, match=r"Run 'run-good' .* expired on 20..-..-..: it was deleted by hand"):
        await ask_store(store, "summarize_run", run="run-good")
    with pytest.raises(ExpiredRunError, match=r"Run 'run-bad' .*failed ones for 90\. `hg-mcp pin RUN`"):
        await ask_store(store, "get_run_steps", run="nightly")
    shell("delete", "run-open", "--yes", store=store)
    with pytest.raises(NoRunsError, match=r"no runs any more\. 3 runs expired, the last on 20..-..-..: it was deleted"):
        await ask_store(store, "summarize_run")


async def test_an_empty_answer_says_that_there_were_runs_and_when_they_went(store: Path) -> None:
    for run in ("run-good", "run-bad", "run-open"):
        shell("delete", run, "--yes", store=store)

    async def says(tool: str, **arguments: str) -> str:
        summary = (await ask_store(store, tool, **arguments))["summary"]
        return re.sub(r"\d{4}-\d\d-\d\d", "DAY", summary)

    gone = "3 runs expired, the last on DAY: it was deleted by hand."
    assert await says("list_runs") == f"No runs here. {gone}"
    assert await says("search_runs", text="timeout") == f"Nothing to search. No runs here. {gone}"
    failed = "1 failed run expired on DAY: it was deleted by hand."
    assert await says("list_failed_runs") == f"No failed runs here. {failed}"
    assert await says("list_error_groups") == f"No failures are left. {failed}"
    with pytest.raises(NoRunsError, match=r"no runs any more"):
        await ask_store(store, "get_logs", run="latest-failed")


async def test_a_filter_that_fits_only_what_is_gone_says_so(store: Path) -> None:
    shell("delete", "run-bad", "--yes", store=store)
    for filters in ({"workflow_id": "nightly"}, {"status": "failed"}):
        summary = (await ask_store(store, "list_runs", **filters))["summary"]
        assert summary.startswith(f"No runs: the filter {next(iter(filters))} leaves none. 1 run expired on ")
    with pytest.raises(NoRunsError, match=r"No failed run is recorded\. 1 failed run expired on "):
        await ask_store(store, "summarize_run", run="latest-failed")
    assert "expired" not in (await ask_store(store, "list_runs", status="paused"))["summary"]


def test_prune_lets_go_of_values_alone_and_says_so(store: Path) -> None:
    aged(store, 8)
    told = shell("prune", "--values-older-than", "1w", "--dry-run", store=store)
    assert told.stdout.splitlines()[0] == b"The contents of values of 2 runs would go; their steps stay."
    done = shell("prune", "--values-older-than", "1w", store=store)
    assert done.stdout.splitlines()[0] == b"The contents of values of 2 runs go; their steps stay."
    assert listed(store) == ["run-good", "run-bad", "run-open"]
    with sqlite3.connect(store / "runs.db") as database:
        assert database.execute("SELECT count(*) FROM contents WHERE data IS NOT NULL").fetchone() == (0,)
    database.close()
    assert shell("prune", "--values-older-than", "1w", store=store).stdout.startswith(b"Nothing to do.")


async def test_every_reply_says_when_a_value_expired_and_why(store: Path) -> None:
    done = shell("delete", "run-good", "--values", "--yes", store=store)
    assert b"Deleted the contents of all values of run 'run-good'" in done.stdout.splitlines()[-1]
    said = r"expired on 20..-..-..: they were deleted by hand"
    values = await ask_store(store, "get_step_values", run="run-good", step="fetch")
    (row,) = values["values"]
    assert (row["name"], row["status"], row["type"], row["size"]) == ("doc", "expired", "str", 14)
    assert re.fullmatch(said, row["note"])
    assert "value" not in row
    assert re.match(r"Expired: note says when .*`hg-mcp pin RUN`.*value_days", values["advice"][0])
    with pytest.raises(CannotAnswer, match=rf"Value 'doc' is expired \('{said}'\)"):
        await ask_store(store, "get_step_values", run="run-good", step="fetch", value="doc.title")
    with pytest.raises(CannotAnswer, match=rf"Value 'doc' is expired \('{said}'\)"):
        await ask_store(store, "trace_value", run="run-good", step="fetch", value="doc")
    searched = await ask_store(store, "search_runs", text="secret", run="run-good")
    assert re.search(rf"is not in the errors, logs and names of run 'run-good'. Its values {said}", searched["summary"])
    assert re.fullmatch(said, searched["unsearched"]["expired"])
    compared = await ask_store(store, "compare_runs", run="run-bad", against="run-good")
    assert re.search(rf"inside values: those of the other {said}", " ".join(compared["not_compared"]))
    story = await ask_store(store, "summarize_run", run="run-good")
    assert re.fullmatch(rf"Contents of its values: {said}\.", story["record_lacks"][0])


async def test_equal_values_are_known_to_be_equal_when_their_contents_are_gone(store: Path, tmp_path: Path) -> None:
    frames = [frame for number in (1, 2, 3) for frame in _asked(number, "hello" if number < 3 else "bye")]
    both = write_store(tmp_path / "both", frames)
    shell("delete", "run-1", "--values", "--yes", store=both)
    shell("delete", "run-3", "--values", "--yes", store=both)
    same = await ask_store(both, "compare_runs", run="run-2", against="run-1")
    assert same["same_result"] is True
    other = await ask_store(both, "compare_runs", run="run-3", against="run-1")
    assert other["first"]["kinds"] == ["input"]
    assert "changes" not in other


def _asked(number: int, prompt: str) -> list[Frame]:
    return [
        run_frame(number, f"run-{number}", steps=1),
        node(number, 1, "ask"),
        inputs(number, 1, value("prompt", prompt)),
    ]


@pytest.mark.parametrize("redact", [(), ("--redact",)], ids=["as it is", "redacted"])
def test_a_shared_run_keeps_when_its_values_expired(store: Path, tmp_path: Path, redact: tuple[str, ...]) -> None:
    shell("delete", "run-good", "--values", "--yes", store=store)
    shell("export", "run-good", "-o", str(tmp_path / "it.hgmcp"), *redact, store=store)
    other = write_store(tmp_path / "other", [run_frame(9, "run-x")])
    assert shell("import", str(tmp_path / "it.hgmcp"), store=other).returncode == 0
    told = shell("get-step-values", "run-good", "--step", "fetch", "--json", store=other)
    (row,) = json.loads(told.stdout)["values"]
    assert row["status"] == "expired"
    assert row["note"].endswith("they were deleted by hand")
    with sqlite3.connect(other / "runs.db") as database:
        assert database.execute("SELECT count(*) FROM contents").fetchone() == (not redact,)
    database.close()


def test_whoever_ingests_lets_go_of_runs_as_the_stores_setting_says(store: Path) -> None:
    location = StoreLocation(str(store))
    aged(store, 10)
    with Ingester(location) as ingester:
        assert not ingester.run_pass().expiring
    assert "run-good" in listed(store)
    (store / "config.toml").write_text("[retention]\ndays = 7\n")
    with Ingester(location) as ingester:
        ingester.run_pass()
    assert listed(store) == ["run-bad", "run-open"]


def test_a_setting_that_nobody_understands_keeps_everything_and_prune_says_what_is_wrong(store: Path) -> None:
    aged(store, 400)
    (store / "config.toml").write_text("[retention]\ndays = 'soon'\n")
    with Ingester(StoreLocation(str(store))) as ingester:
        assert ingester.run_pass().trouble == ""
    assert len(listed(store)) == 3
    told = shell("prune", store=store)
    assert told.returncode == 1
    assert b"config.toml: retention.days must be a number above 0 (inf keeps for good), not 'soon'" in told.stderr


def test_settings_are_read_strictly(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    assert read_retention(str(tmp_path)) == Retention(days=30, failed_days=90, max_bytes=5 * 2**30)
    file.write_text("[retention]\nfailed_days = inf\nmax_bytes = '2 GiB'\n[other]\n")
    assert read_retention(str(tmp_path)) == Retention(failed_days=float("inf"), max_bytes=2 * 2**30)
    for text in (
        "[retention]\nday = 1",
        "[retention]\ndays = 0",
        "[retention]\ndays = nan",
        "retention = 1",
        "[",
        "\x00",
    ):
        file.write_text(text)
        with pytest.raises(BadSettingError, match=r"config\.toml"):
            read_retention(str(tmp_path))
    assert [read_size(text) for text in ("7", "1kb", "1.5 MiB")] == [7, 1024, 1.5 * 2**20]


def test_wrong_words_are_refused_with_the_right_ones(store: Path, tmp_path: Path) -> None:
    for words, said, code in (
        (("prune", "--older-than", "soon"), b"12h, 7d, 4w", 2),
        (("prune", "--max-bytes", "much"), b"2GiB, 500MB", 2),
        (("pin", "run-nope"), b"No run 'run-nope'", 1),
        (("delete", "run-"), b"Several runs begin with", 1),
    ):
        told = shell(*words, store=store)
        assert (told.returncode, said in told.stderr) == (code, True), told.stderr
    missing = shell("prune", store=tmp_path / "none")
    assert missing.returncode == 1
    assert b"No recorded runs found in" in missing.stderr


def test_who_holds_the_store_is_named_when_it_takes_too_long(store: Path) -> None:
    location = StoreLocation(str(store))
    busy = pytest.raises(StoreBusyError, match=r"process \d+ ingests")
    with Ingester(location), busy, waiting_ingester(location, 0.0):
        raise AssertionError
    with open(location.ingest_lock) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

-- Every statement of the SQLite back-end, by name. `-- name:` opens one, the comment below it says what it is for; a
-- `-- name: where_...` is a condition that the reader joins into a `{where}` with AND. Values are always bound.

-- Writing ------------------------------------------------------------------------------------------------------------

-- name: intern_name
-- The id of a name, new or not (the update changes nothing, it makes RETURNING answer).
INSERT INTO names (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET name = name RETURNING id;

-- name: segment
-- How far a segment was read.
SELECT name, read_to AS offset, bytes_lost, bad_frames FROM segments WHERE name = ?;

-- name: segments
-- How far every segment was read.
SELECT name, read_to FROM segments;

-- name: save_segment
INSERT OR REPLACE INTO segments (name, recorder, read_to, bytes_lost, bad_frames) VALUES (?, ?, ?, ?, ?);

-- name: keep_losses
-- A dropped segment's losses stay with its recorder.
UPDATE recorders SET
    bytes_lost = recorders.bytes_lost + segments.bytes_lost,
    bad_frames = recorders.bad_frames + segments.bad_frames
FROM segments
WHERE segments.name = ? AND segments.recorder = recorders.recorder;

-- name: drop_segment
DELETE FROM segments WHERE name = ?;

-- name: save_quarantined
INSERT INTO quarantine (segment, read_to, reason, payload) VALUES (?, ?, ?, ?);

-- name: find_recorder
SELECT id, dead_at FROM recorders WHERE recorder = ?;

-- name: add_recorder
INSERT INTO recorders (recorder) VALUES (?) RETURNING id, dead_at;

-- name: save_process
UPDATE recorders SET
    host = :host, pid = :pid, cwd = :cwd, python = :python, platform = :platform, argv = :argv, version = :version,
    started_at = :started_at, seen_at = max(seen_at, :started_at), git_commit = :git_commit, git_branch = :git_branch,
    values_policy = :values_policy
WHERE id = :id;

-- name: save_seen
-- A sign of life.
UPDATE recorders SET
    seen_at = max(seen_at, :seen_at), dead_at = NULL
WHERE id = :id;

-- name: save_facts
-- What an earlier frame told stays.
UPDATE recorders SET
    git_dirty = coalesce(:git_dirty, git_dirty), packages = json_patch(coalesce(packages, '{}'), :packages),
    values_unmatched = coalesce(:values_unmatched, values_unmatched)
WHERE id = :id;

-- name: save_counts
UPDATE recorders SET
    closed_at = coalesce(:closed_at, closed_at), events_lost = :events_lost,
    late_events = :late_events, segments_dropped = :segments_dropped, values_dropped = :values_dropped,
    logs_unplaced = :logs_unplaced
WHERE id = :id;

-- name: kill_recorder
-- One that closed by itself has no time of death.
UPDATE recorders SET dead_at = :at WHERE id = :id AND dead_at IS NULL AND closed_at IS NULL;

-- name: crash_steps
-- Running steps of a dead recorder's running runs. Before crash_runs.
UPDATE steps SET status = 5
WHERE status = 0 AND run IN (SELECT id FROM runs WHERE recorder = ? AND status = 1);

-- name: crash_runs
UPDATE runs SET status = 8 WHERE recorder = ? AND status = 1;

-- name: revive_steps
-- The reverse of crash_steps: only a verdict leaves a crashed row without an end. Before revive_runs.
UPDATE steps SET status = 0
WHERE status = 5 AND ended_at IS NULL
    AND run IN (SELECT id FROM runs WHERE recorder = ? AND status = 8 AND ended_at IS NULL);

-- name: revive_runs
UPDATE runs SET status = 1 WHERE recorder = ? AND status = 8 AND ended_at IS NULL;

-- name: find_run
SELECT id, graph, started_at FROM runs WHERE recorder = ? AND number = ?;

-- name: save_run
-- The id is new even where the latest run is gone and rows of it may still be there.
INSERT INTO runs (
    id, recorder, number, run_id, graph, status, started_at, ended_at, duration_ms, workflow_id, parent_workflow_id,
    is_map, map_size, items_completed, items_failed, items_paused, items_stopped, items_restored, supersteps, steps,
    failures, version, metadata, retry_of, retry_index, forked_from, is_resume, launched_by, stop_requested_at,
    unknown_events, start_missed, duplicates, graph_digest, stored_at
)
VALUES (
    1 + max(coalesce((SELECT max(id) FROM runs), 0), coalesce((SELECT max(run) FROM expired_runs), 0)),
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
)
ON CONFLICT (recorder, number) DO UPDATE SET
    run_id = excluded.run_id, graph = excluded.graph, status = excluded.status, started_at = excluded.started_at,
    ended_at = excluded.ended_at, duration_ms = excluded.duration_ms, workflow_id = excluded.workflow_id,
    parent_workflow_id = excluded.parent_workflow_id, is_map = excluded.is_map, map_size = excluded.map_size,
    items_completed = excluded.items_completed, items_failed = excluded.items_failed,
    items_paused = excluded.items_paused, items_stopped = excluded.items_stopped,
    items_restored = excluded.items_restored, supersteps = excluded.supersteps, steps = excluded.steps,
    failures = excluded.failures, version = excluded.version, metadata = excluded.metadata,
    retry_of = excluded.retry_of, retry_index = excluded.retry_index, forked_from = excluded.forked_from,
    is_resume = excluded.is_resume, launched_by = excluded.launched_by,
    stop_requested_at = excluded.stop_requested_at, unknown_events = excluded.unknown_events,
    start_missed = excluded.start_missed, duplicates = excluded.duplicates,
    graph_digest = excluded.graph_digest, stored_at = excluded.stored_at
RETURNING id;

-- name: save_graph
-- The digest names the content: what is there is the same.
INSERT OR IGNORE INTO graphs (digest, graph, structure) VALUES (?, ?, ?);

-- name: save_step
-- REPLACE is as fast as a plain INSERT here and a little faster than an upsert (measured).
INSERT OR REPLACE INTO steps (
    run, step, parent, kind, span, node, graph, path, started_at, status, item, execution, superstep, thread,
    created_at, assigned_at, ended_at, duration_ms, marks, failures, attempts, chunks, decision, nested_run_id, map_size
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: save_attempt
INSERT OR REPLACE INTO attempts (
    run, step, number, started_at, ended_at, duration_ms, outcome, max_attempts, timeout_seconds, retry_scheduled
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: save_told
INSERT OR REPLACE INTO told (
    run, step, metadata, input_tokens, output_tokens, tokens, cost, logs_dropped, cache_hits, cache_misses
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: save_log
INSERT OR REPLACE INTO logs (
    run, step, number, at, level, level_name, logger, message, place, file, line, error_type, error_message, fields
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: has_errors
SELECT EXISTS (SELECT 1 FROM errors WHERE run = ?);

-- name: save_error
INSERT OR REPLACE INTO errors (run, step, attempt, type, message, detail, error_group, raised_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: intern_error_group
-- The id of a fingerprint, new or not.
INSERT INTO error_groups (fingerprint, type, message, node) VALUES (?, ?, ?, ?)
ON CONFLICT (fingerprint) DO UPDATE SET fingerprint = fingerprint RETURNING id;

-- name: drop_error_group_runs
DELETE FROM error_group_runs WHERE run = ?;

-- name: error_group_of
SELECT error_group FROM errors WHERE run = ? AND step = ? AND attempt = ?;

-- name: own_error_group
-- The group of a run's own error, where it counts: no step explains it.
SELECT error_group FROM errors AS own
WHERE run = ? AND step = 0 AND attempt = 0 AND error_group IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM errors AS inside INDEXED BY causes
    WHERE inside.run = own.run AND inside.error_group IS NOT NULL AND inside.step > 0
);

-- name: count_error_group
-- So many more errors of a group in a run; when the first and the last was, the index of causes knows.
INSERT INTO error_group_runs (error_group, run, graph, started_at, count, first_at, last_at)
SELECT
    :group, id, graph, started_at, :more,
    coalesce((
        SELECT raised_at FROM errors
        WHERE run = :run AND error_group = :group AND (step > 0 OR :own) ORDER BY raised_at LIMIT 1
    ), 0),
    coalesce((
        SELECT raised_at FROM errors
        WHERE run = :run AND error_group = :group AND (step > 0 OR :own) ORDER BY raised_at DESC LIMIT 1
    ), 0)
FROM runs
WHERE id = :run
ON CONFLICT DO UPDATE SET count = count + excluded.count, first_at = excluded.first_at, last_at = excluded.last_at;

-- name: drop_empty_error_group
DELETE FROM error_group_runs WHERE error_group = :group AND run = :run AND count = 0;

-- name: move_error_group_runs
UPDATE error_group_runs SET graph = ?, started_at = ? WHERE run = ?;

-- name: drop_error
DELETE FROM errors WHERE run = ? AND step = ? AND attempt = ?;

-- name: find_content
SELECT id, encoding FROM contents WHERE digest = ?;

-- name: add_content
INSERT INTO contents (digest, encoding, data) VALUES (?, ?, ?) RETURNING id;

-- name: fill_content
-- Known by its digest only, until now.
UPDATE contents SET encoding = ?, data = ? WHERE id = ?;

-- name: drop_values
DELETE FROM step_values WHERE run = ? AND step = ? AND direction = ?;

-- name: save_value
INSERT OR REPLACE INTO step_values (run, step, direction, position, name, status, type, size, content, note)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: node_day
SELECT count, errors, cached, attempts, timed, total_ms, max_ms, sketch FROM node_days
WHERE run_graph = ? AND day = ? AND node = ? AND graph = ?;

-- name: save_node_day
INSERT OR REPLACE INTO node_days (
    run_graph, day, node, graph, count, errors, cached, attempts, timed, total_ms, max_ms, sketch
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: node_hour
SELECT count, errors, cached, attempts, timed, total_ms, max_ms, sketch FROM node_hours
WHERE run_graph = ? AND hour = ? AND node = ? AND graph = ?;

-- name: save_node_hour
INSERT INTO node_hours (
    run_graph, hour, node, graph, count, errors, cached, attempts, timed, total_ms, max_ms, sketch, earliest
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    count = excluded.count, errors = excluded.errors, cached = excluded.cached, attempts = excluded.attempts,
    timed = excluded.timed, total_ms = excluded.total_ms, max_ms = excluded.max_ms, sketch = excluded.sketch,
    earliest = min(earliest, excluded.earliest);

-- Keeping and letting go ----------------------------------------------------------------------------------------------

-- name: is_expired
-- Whether a recorder's run is gone: what still comes of it is not wanted.
SELECT EXISTS (SELECT 1 FROM expired_runs WHERE recorder = ? AND number = ?);

-- name: pin_run
UPDATE runs SET pinned_at = ? WHERE id = ?;

-- name: overdue_runs
-- Runs whose time is over. One that runs, or is pinned, has no such time.
SELECT runs.id, runs.run_id, names.name AS graph, runs.status, runs.started_at, runs.steps
FROM runs
JOIN names ON names.id = runs.graph
WHERE runs.stored_at < max(:before, :failed_before) AND runs.pinned_at IS NULL AND runs.status NOT IN (0, 1)
    AND runs.stored_at < CASE
        WHEN runs.status IN (3, 4, 8) OR (runs.status = 2 AND runs.failures > 0) THEN :failed_before ELSE :before END
ORDER BY runs.stored_at
LIMIT :limit;

-- name: next_runs
-- Runs in the order in which their time will be over. The latest always stays.
SELECT runs.id, runs.run_id, names.name AS graph, runs.status, runs.started_at, runs.steps
FROM runs
JOIN names ON names.id = runs.graph
WHERE runs.pinned_at IS NULL AND runs.status NOT IN (0, 1) AND runs.id < (SELECT max(id) FROM runs)
ORDER BY
    runs.stored_at + CASE
        WHEN runs.status IN (3, 4, 8) OR (runs.status = 2 AND runs.failures > 0) THEN :failed_us ELSE :us END,
    runs.stored_at
LIMIT :limit;

-- name: next_values
-- Of the runs as in next_runs the first half, as far as their values are still there.
SELECT runs.id, runs.run_id, names.name AS graph, runs.status, runs.started_at, runs.steps
FROM (
    SELECT id
    FROM runs
    WHERE pinned_at IS NULL AND status NOT IN (0, 1) AND id < (SELECT max(id) FROM runs)
    ORDER BY
        stored_at + CASE
            WHEN status IN (3, 4, 8) OR (status = 2 AND failures > 0) THEN :failed_us ELSE :us END,
        stored_at
    LIMIT (SELECT count(*) / 2 FROM runs)
) AS first_half
JOIN runs ON runs.id = first_half.id
JOIN names ON names.id = runs.graph
WHERE runs.values_expired_at IS NULL
LIMIT :limit;

-- name: overdue_values
-- Runs of which the values' own time is over.
SELECT runs.id, runs.run_id, names.name AS graph, runs.status, runs.started_at, runs.steps
FROM runs
JOIN names ON names.id = runs.graph
WHERE runs.values_expired_at IS NULL AND runs.stored_at < :before AND runs.pinned_at IS NULL
    AND runs.status NOT IN (0, 1)
ORDER BY runs.stored_at
LIMIT :limit;

-- name: expire_values
-- Of a run that holds none nothing is said.
UPDATE runs SET
    values_expired_at = :at, values_left_from = 0,
    values_expired_because = CASE WHEN EXISTS (
        SELECT 1 FROM step_values WHERE run = runs.id AND content IS NOT NULL
    ) THEN :reason END
WHERE id = :run;

-- name: values_left
SELECT id, values_left_from FROM runs WHERE values_left_from IS NOT NULL ORDER BY id LIMIT 1;

-- name: last_of_values
-- The step of the last of so many values.
SELECT max(step) FROM (SELECT step FROM step_values WHERE run = ? AND step >= ? ORDER BY step LIMIT ?);

-- name: mark_values_expired
UPDATE step_values SET status = 4
WHERE run = ? AND step BETWEEN ? AND ? AND content IS NOT NULL AND status <> 4
RETURNING content;

-- name: take_unshown_contents
-- To be put back without data: the digest stays with those that held it, so that what was equal is known to be. An UPDATE
-- would leave the pages as empty as they become.
DELETE FROM contents
WHERE id IN (SELECT value FROM json_each(?)) AND encoding <> 0
    AND NOT EXISTS (SELECT 1 FROM step_values WHERE content = contents.id AND status IN (0, 1, 2, 3, 5))
RETURNING id, digest;

-- name: put_back_digest
INSERT INTO contents (id, digest, encoding) VALUES (?, ?, 0);

-- name: go_on_letting_go
UPDATE runs SET values_left_from = ? WHERE id = ?;

-- name: bytes_of_values
-- About as much as a run's values take; what others hold too counts for each.
SELECT coalesce(sum(length(data)), 0) FROM contents
WHERE id IN (SELECT content FROM step_values WHERE run = ? AND content IS NOT NULL AND status <> 4);

-- name: size
-- Bytes in use.
SELECT
    (SELECT page_size FROM pragma_page_size()) * (
        (SELECT page_count FROM pragma_page_count()) - (SELECT freelist_count FROM pragma_freelist_count())
    ) AS bytes;

-- name: sharers
-- How much there is to share them. This reads all runs: not for every pass.
SELECT count(*) AS runs, coalesce(sum(steps + 1), 0) AS rows FROM runs;

-- name: bury_run
-- Its tombstone. Before drop_run.
INSERT OR REPLACE INTO expired_runs (
    run, recorder, number, run_id, workflow_id, graph, status, started_at, expired_at, reason, leftover
)
SELECT
    runs.id, recorders.recorder, runs.number, runs.run_id, runs.workflow_id, runs.graph, runs.status, runs.started_at,
    ?, ?, 1
FROM runs JOIN recorders ON recorders.id = runs.recorder
WHERE runs.id = ?;

-- name: drop_run
DELETE FROM runs WHERE id = ?;

-- name: drop_node_hours
-- Of the graph of an expired run: those before its first run. After drop_run.
DELETE FROM node_hours
WHERE run_graph = (SELECT graph FROM expired_runs WHERE run = :run) AND hour < coalesce(
    (SELECT min(started_at) FROM runs WHERE graph = (SELECT graph FROM expired_runs WHERE run = :run)) / 3600000000,
    1 << 62
);

-- name: leftover
SELECT run, recorder FROM expired_runs WHERE leftover ORDER BY run LIMIT 1;

-- name: last_of_chunk
-- The last of a run's first so many steps.
SELECT max(step) FROM (SELECT step FROM steps WHERE run = ? ORDER BY step LIMIT ?);

-- name: drop_steps
DELETE FROM steps WHERE run = ? AND step <= ?;

-- name: drop_attempts
DELETE FROM attempts WHERE run = ? AND step <= ?;

-- name: drop_logs
DELETE FROM logs WHERE run = ? AND step <= ?;

-- name: drop_told
DELETE FROM told WHERE run = ? AND step <= ?;

-- name: drop_errors
DELETE FROM errors WHERE run = ? AND step <= ? RETURNING error_group;

-- name: drop_step_values
DELETE FROM step_values WHERE run = ? AND step <= ? RETURNING content;

-- name: drop_unheld_groups
DELETE FROM error_groups
WHERE id IN (SELECT value FROM json_each(?)) AND NOT EXISTS (SELECT 1 FROM errors WHERE error_group = error_groups.id);

-- name: drop_unheld_contents
DELETE FROM contents
WHERE id IN (SELECT value FROM json_each(?)) AND NOT EXISTS (SELECT 1 FROM step_values WHERE content = contents.id);

-- name: clear_leftover
UPDATE expired_runs SET leftover = 0 WHERE run = ?;

-- name: drop_old_tombstones
DELETE FROM expired_runs
WHERE NOT leftover AND run <= (SELECT run FROM expired_runs ORDER BY run DESC LIMIT 1 OFFSET ?);

-- name: drop_tombstone
DELETE FROM expired_runs WHERE recorder = ? AND number = ? AND NOT leftover;

-- name: drop_idle_recorder
-- One of whom neither a run nor a file of its journal is left.
DELETE FROM recorders
WHERE recorder = ? AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.recorder = recorders.id)
    AND NOT EXISTS (SELECT 1 FROM segments WHERE segments.recorder = recorders.recorder);

-- name: give_back
-- Free pages at the end of the file; in stores that were created without it this does nothing.
PRAGMA incremental_vacuum(2000);

-- name: expired_runs
-- Tombstones that a handle may mean, the latest first.
SELECT
    expired_runs.run_id, names.name AS graph, expired_runs.workflow_id, expired_runs.status, expired_runs.started_at,
    expired_runs.expired_at, expired_runs.reason
FROM expired_runs
JOIN names ON names.id = expired_runs.graph
WHERE :handle = '' OR run_id = :handle OR workflow_id = :handle OR (run_id >= :handle AND run_id < :handle_end)
ORDER BY run_id = :handle DESC, expired_runs.expired_at DESC, run DESC
LIMIT :limit;

-- name: expired_among
-- How many tombstones a filter of runs keeps; the other columns are of the one that went last (SQLite takes bare columns
-- from the row of the max).
SELECT
    count(*) AS count, max(runs.expired_at) AS expired_at, runs.run_id, names.name AS graph, runs.workflow_id,
    runs.status, runs.started_at, runs.reason
FROM (SELECT *, 0 AS failures FROM expired_runs) AS runs
JOIN names ON names.id = runs.graph
WHERE {where};

-- Writing: what is searched ---------------------------------------------------------------------------------------------

-- name: mark_pending
INSERT OR IGNORE INTO search_pending (run) VALUES (?);

-- name: unmark_pending
DELETE FROM search_pending WHERE run = ?;

-- name: mark_indexed
-- All again.
INSERT OR IGNORE INTO search_pending (run) SELECT DISTINCT run FROM search_texts;

-- name: pending_to_index
-- Those that will hardly change any more, in the order of their starts: an index likes to grow at its end. CROSS JOIN here
-- and below: SQLite would rather walk through all runs, and look for each among the few that are pending.
SELECT runs.id, runs.started_at FROM search_pending
CROSS JOIN runs ON runs.id = search_pending.run
WHERE runs.status NOT IN (0, 1)
ORDER BY runs.started_at
LIMIT :limit;

-- name: has_search_index
SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'search_index');

-- name: create_search_index
-- Not in a migration, since a SQLite without FTS5 could not apply it. The words are those of recorder.store.text.
CREATE VIRTUAL TABLE IF NOT EXISTS search_index USING fts5(
    words, content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 0"
);

-- name: texts_indexed
SELECT id, text FROM search_texts WHERE run = ?;

-- name: drop_words
INSERT INTO search_index (search_index, rowid, words) VALUES ('delete', ?, ?);

-- name: drop_texts
DELETE FROM search_texts WHERE run = ?;

-- name: drop_all_texts
DELETE FROM search_texts;

-- name: drop_left_out
DELETE FROM search_left_out WHERE run = ?;

-- name: last_place
SELECT max(id) FROM search_texts WHERE id >= ? AND id < ?;

-- name: add_text
INSERT INTO search_texts (id, run, kind, step, count, text) VALUES (?, ?, ?, ?, ?, ?);

-- name: add_words
INSERT INTO search_index (rowid, words) VALUES (?, ?);

-- name: add_left_out
INSERT INTO search_left_out (run, texts) VALUES (?, ?);

-- name: run_texts
-- What is searched of a run: its names, then its errors, most frequent first, then its log records, severest first. An
-- error is told at the step in which it arose. 1,000 characters of each.
SELECT kind, step, count, text
FROM (
    SELECT
        2 AS kind, 0 AS step, 1 AS count, 0 AS weight,
        substr(concat_names.text, 1, 4000) AS text
    FROM (
        SELECT
            runs.run_id || char(10) || names.name || char(10) || coalesce(runs.workflow_id, '') || char(10)
            || coalesce(runs.version, '') || char(10) || coalesce(runs.metadata, '') || char(10)
            || coalesce((
                SELECT group_concat(name, char(10)) FROM (
                    SELECT DISTINCT nodes.name FROM steps JOIN names AS nodes ON nodes.id = steps.node
                    WHERE steps.run = :run AND steps.kind = 0
                )
            ), '') AS text
        FROM runs
        JOIN names ON names.id = runs.graph
        WHERE runs.id = :run
    ) AS concat_names
    UNION ALL
    SELECT
        1, coalesce(min(errors.step) FILTER (WHERE errors.error_group IS NOT NULL AND errors.step > 0), min(errors.step)),
        max(1, count(errors.error_group)), count(*),
        substr(names.name || ': ' || errors.message
            || CASE WHEN errors.detail LIKE '%,[],[]]' THEN '' ELSE char(10)
                || json_extract(errors.detail, '$[1]') || json_extract(errors.detail, '$[2]') END, 1, 1000)
    FROM errors
    JOIN names ON names.id = errors.type
    WHERE errors.run = :run
    GROUP BY errors.type, errors.message
    UNION ALL
    SELECT
        0, min(logs.step), count(*), logs.level,
        substr(logs.message || coalesce(char(10) || names.name || ': ' || logs.error_message, ''), 1, 1000)
    FROM logs
    LEFT JOIN names ON names.id = logs.error_type
    WHERE logs.run = :run
    GROUP BY logs.level, logs.message, logs.error_type, logs.error_message
)
ORDER BY kind DESC, weight DESC, step
LIMIT :limit OFFSET :skip;

-- Reading: runs --------------------------------------------------------------------------------------------------------

-- name: runs
-- Runs, newest first. What a run that has not ended holds is counted from its rows.
SELECT
    runs.id AS key, runs.recorder AS worker, runs.run_id, names.name AS graph, runs.status, runs.started_at,
    runs.ended_at, runs.duration_ms, runs.workflow_id, runs.parent_workflow_id, runs.is_map, runs.map_size,
    runs.items_completed, runs.items_failed, runs.items_paused, runs.items_stopped, runs.items_restored,
    runs.supersteps,
    CASE WHEN runs.ended_at IS NOT NULL THEN runs.steps ELSE
        (SELECT count(*) FROM steps WHERE steps.run = runs.id AND steps.kind = 0) END AS steps,
    CASE WHEN runs.ended_at IS NOT NULL THEN runs.failures ELSE
        (SELECT count(*) FROM steps WHERE steps.run = runs.id AND steps.status = 2 AND NOT steps.marks & 2)
        END AS failures,
    error_names.name AS error_type, errors.message AS error_message, runs.version, runs.metadata, runs.retry_of,
    runs.retry_index, runs.forked_from, runs.is_resume, runs.launched_by, runs.stop_requested_at,
    runs.unknown_events, runs.start_missed, runs.pinned_at, runs.values_expired_at,
    runs.values_expired_because
FROM runs
JOIN names ON names.id = runs.graph
LEFT JOIN errors ON errors.run = runs.id AND errors.step = 0 AND errors.attempt = 0
LEFT JOIN names AS error_names ON error_names.id = errors.type
WHERE {where}
ORDER BY runs.started_at DESC, runs.id DESC
LIMIT :limit;

-- name: count_runs
SELECT count(*) AS count FROM runs WHERE {where};

-- name: count_run_days
-- The same of those that started on some days. Of the conditions those on graph, status and failures fit.
SELECT coalesce(sum(count), 0) AS count FROM run_days AS runs WHERE day >= :first_day AND day < :last_day AND {where};

-- name: where_any
TRUE

-- name: where_run_failed
-- The words of the partial index failed_runs, which it needs to be used.
(runs.status IN (3, 4, 8) OR (runs.status = 2 AND runs.failures > 0))

-- name: where_run_good
runs.status = 2 AND runs.failures = 0

-- name: where_run_statuses
runs.status IN (SELECT value FROM json_each(:statuses))

-- name: where_run_graph
runs.graph = (SELECT id FROM names WHERE name = :graph)

-- name: where_run_workflow
runs.workflow_id = :workflow_id

-- name: where_run_since
runs.started_at >= :since

-- name: where_run_until
runs.started_at < :until

-- name: where_run_metadata
-- Every pair asked for is there.
NOT EXISTS (
    SELECT 1 FROM json_each(:metadata) AS wanted
    WHERE NOT EXISTS (
        SELECT 1 FROM json_each(runs.metadata) AS present
        WHERE present.key = wanted.key AND present.value = wanted.value
    )
)

-- name: where_run_fingerprint
runs.id IN (
    SELECT run FROM error_group_runs WHERE error_group = (SELECT id FROM error_groups WHERE fingerprint = :fingerprint)
)

-- name: where_run_worker
runs.recorder IN (SELECT id FROM recorders WHERE (:host = '' OR host = :host) AND (:pid IS NULL OR pid = :pid))

-- name: where_run_parent
-- launched_by is an array of the parent's run id and a span.
(
    runs.launched_by ->> 0 IN (SELECT value FROM json_each(:parents))
    OR runs.parent_workflow_id IN (SELECT value FROM json_each(:parents))
)

-- name: where_run_slower
-- A run that is going (status 1) has taken as long as it went.
coalesce(runs.duration_ms, CASE runs.status WHEN 1 THEN (:now - runs.started_at) / 1e3 END) > :slower_than_ms

-- name: where_run_faster
coalesce(runs.duration_ms, CASE runs.status WHEN 1 THEN (:now - runs.started_at) / 1e3 END) < :faster_than_ms

-- name: where_run_before
(runs.started_at, runs.id) < (:before_started_at, :before_key)

-- name: where_run_id
runs.run_id = :handle

-- name: where_run_id_prefix
runs.run_id >= :handle AND runs.run_id < :handle_end

-- name: where_run_workflow_handle
runs.workflow_id = :handle

-- name: workers
-- The processes of some runs, their losses summed over segments dropped and present.
SELECT
    id, recorder, host, pid, cwd, python, started_at, seen_at, closed_at, dead_at, git_commit, git_branch, git_dirty,
    packages, events_lost, segments_dropped, values_dropped, logs_unplaced,
    bad_frames + coalesce((SELECT sum(bad_frames) FROM segments WHERE segments.recorder = recorders.recorder), 0)
        AS bad_frames,
    bytes_lost + coalesce((SELECT sum(bytes_lost) FROM segments WHERE segments.recorder = recorders.recorder), 0)
        AS bytes_lost,
    values_policy, values_unmatched
FROM recorders
WHERE id IN (SELECT value FROM json_each(:ids));

-- name: graphs
-- One seek per name finds a graph's latest run; the names are few.
SELECT name FROM (
    SELECT name, (SELECT max(started_at) FROM runs WHERE graph = names.id) AS latest FROM names
)
WHERE latest IS NOT NULL
ORDER BY latest DESC
LIMIT :limit;

-- Reading: steps -------------------------------------------------------------------------------------------------------

-- name: steps
-- Steps in start order.
SELECT
    steps.step, steps.parent, steps.kind, nodes.name AS node, graphs.name AS graph, steps.path, steps.span,
    steps.status, steps.item, steps.execution, steps.superstep, threads.name AS thread, steps.created_at,
    steps.assigned_at, steps.started_at, steps.ended_at, steps.duration_ms, steps.marks, steps.failures,
    steps.attempts, steps.chunks, steps.decision, error_names.name AS error_type, errors.message AS error_message,
    steps.nested_run_id, steps.map_size, told.metadata, told.input_tokens, told.output_tokens, told.tokens, told.cost,
    coalesce(told.cache_hits, 0) AS cache_hits, coalesce(told.cache_misses, 0) AS cache_misses
FROM steps
JOIN names AS nodes ON nodes.id = steps.node
JOIN names AS graphs ON graphs.id = steps.graph
JOIN names AS threads ON threads.id = steps.thread
LEFT JOIN told ON told.run = steps.run AND told.step = steps.step
LEFT JOIN errors ON errors.run = steps.run AND errors.step = steps.step AND errors.attempt = 0
LEFT JOIN names AS error_names ON error_names.id = errors.type
WHERE steps.run = :run AND steps.step > :after AND {where}
ORDER BY steps.step
LIMIT :limit;

-- name: count_steps
SELECT count(*) AS count FROM steps WHERE steps.run = :run AND {where};

-- name: where_step_only_failed
-- Apart from where_step_statuses for the sake of the partial index failed_steps.
steps.status = 2

-- name: where_step_statuses
steps.status IN (SELECT value FROM json_each(:statuses))

-- name: where_step_node
steps.node = (SELECT id FROM names WHERE name = :node) AND steps.kind = 0

-- name: where_step_items
-- The first index in a path is that of the outermost map (the cast reads the digits after the bracket), and what ends
-- with its bracket is the path of that item.
instr(steps.path, '[') AND (
    CAST(substr(steps.path, instr(steps.path, '[') + 1) AS INTEGER) IN (SELECT value FROM json_each(:items))
    OR json_array_length(:item_statuses) AND substr(steps.path, 1, instr(steps.path, ']')) IN (
        SELECT items.path FROM steps AS items
        WHERE items.run = :run AND items.kind = 1
            AND items.status IN (SELECT value FROM json_each(:item_statuses))
    )
)

-- name: where_step_under
-- '0' follows '/' and '\' follows '[': the step, its steps, its items.
(
    steps.path = :under
    OR (steps.path >= :under || '/' AND steps.path < :under || '0')
    OR (steps.path >= :under || '[' AND steps.path < :under || '\')
)

-- name: where_step_slower
steps.duration_ms > :slower_than_ms

-- name: where_step_is_node
steps.kind = 0

-- name: where_step_path
steps.path = :path

-- name: where_step_ended_last
-- Those that failed by themselves, where only failed ones are wanted.
steps.step IN (
    SELECT step FROM steps AS ended
    WHERE ended.run = :run AND ended.kind = 0 AND ended.ended_at IS NOT NULL
        AND (NOT :failed OR (ended.status = 2 AND NOT ended.marks & 2))
    ORDER BY ended.ended_at DESC
    LIMIT :limit
)

-- name: run_progress
-- How far a run has come. The last sign of life: of steps, attempts and logs (coalesce, since max of a null is null).
SELECT
    count(*) FILTER (WHERE kind = 0) AS started,
    count(*) FILTER (WHERE kind = 0 AND ended_at IS NOT NULL) AS finished,
    count(*) FILTER (WHERE status = 2 AND NOT marks & 2) AS failures,
    count(*) FILTER (WHERE kind = 1 AND parent = 0 AND status = 1) AS items_completed,
    count(*) FILTER (WHERE kind = 1 AND parent = 0 AND status = 2) AS items_failed,
    nullif(max(
        coalesce(max(max(started_at, coalesce(ended_at, 0))), 0),
        coalesce((SELECT max(max(coalesce(started_at, 0), coalesce(ended_at, 0))) FROM attempts WHERE run = :run), 0),
        coalesce((SELECT max(at) FROM logs WHERE run = :run), 0)
    ), 0) AS last_at
FROM steps
WHERE run = :run;

-- name: nodes
SELECT names.name FROM steps JOIN names ON names.id = steps.node
WHERE steps.run = :run AND steps.kind = 0
GROUP BY steps.node
ORDER BY min(steps.step);

-- name: attempts
SELECT
    attempts.number, attempts.started_at, attempts.ended_at, attempts.duration_ms, attempts.outcome,
    attempts.max_attempts, attempts.timeout_seconds, attempts.retry_scheduled, names.name AS type, errors.message,
    errors.detail
FROM attempts
LEFT JOIN errors ON errors.run = attempts.run AND errors.step = attempts.step AND errors.attempt = attempts.number
LEFT JOIN names ON names.id = errors.type
WHERE attempts.run = :run AND attempts.step = :step
ORDER BY attempts.number;

-- name: failures
-- Errors of steps; of the run itself where there is no step (its row sorts last).
SELECT
    errors.step, steps.kind, coalesce(steps.path, '') AS path, coalesce(nodes.name, '') AS node, steps.item,
    steps.status, steps.marks, coalesce(steps.started_at, runs.started_at) AS started_at, runs.status AS run_status,
    names.name AS type, errors.message, errors.detail, error_groups.fingerprint
FROM errors
JOIN runs ON runs.id = errors.run
JOIN names ON names.id = errors.type
LEFT JOIN error_groups ON error_groups.id = errors.error_group
LEFT JOIN steps ON steps.run = errors.run AND steps.step = errors.step
LEFT JOIN names AS nodes ON nodes.id = steps.node
WHERE errors.run = :run AND errors.attempt = 0
ORDER BY errors.step = 0, errors.step;

-- name: error_groups
-- Groups with what their runs tell; those of runs that started since a moment first. Of the groups that are not wanted no
-- more is looked up than their place. In `latest`, run is the one of the maximum: SQLite takes bare columns from that row.
WITH latest AS (
    SELECT
        error_group, run AS last_run, max(last_at) AS last_at, sum(count) AS count, count(*) AS runs,
        sum(started_at >= :since) AS runs_since
    FROM error_group_runs
    WHERE {where}
    GROUP BY error_group
    ORDER BY runs_since DESC, count DESC, last_at DESC, error_group
    LIMIT :limit OFFSET :after
)
SELECT
    error_groups.fingerprint, types.name AS type, error_groups.message, nodes.name AS node, latest.count,
    latest.runs, latest.runs_since, earliest.first_at, latest.last_at, first_runs.run_id AS first_run,
    last_runs.run_id AS last_run, first_runs.started_at AS first_started_at,
    (
        SELECT json_group_array(name) FROM names
        WHERE id IN (SELECT graph FROM error_group_runs WHERE error_group = latest.error_group AND {where})
    ) AS graphs
FROM latest
JOIN error_group_runs AS earliest ON earliest.error_group = latest.error_group AND earliest.run = (
    SELECT run FROM error_group_runs WHERE error_group = latest.error_group AND {where} ORDER BY first_at, run LIMIT 1
)
JOIN error_groups ON error_groups.id = latest.error_group
JOIN names AS types ON types.id = error_groups.type
JOIN names AS nodes ON nodes.id = error_groups.node
JOIN runs AS first_runs ON first_runs.id = earliest.run
JOIN runs AS last_runs ON last_runs.id = latest.last_run
ORDER BY latest.runs_since DESC, latest.count DESC, latest.last_at DESC, latest.error_group;

-- name: count_error_groups
SELECT count(*) AS count FROM error_groups
WHERE EXISTS (SELECT 1 FROM error_group_runs WHERE error_group = error_groups.id AND {where});

-- name: where_group_fingerprint
error_group = (SELECT id FROM error_groups WHERE fingerprint = :fingerprint)

-- name: where_group_graph
graph = (SELECT id FROM names WHERE name = :graph)

-- name: where_group_run
error_group IN (SELECT error_group FROM error_group_runs WHERE run = :run)

-- name: first_start_of_commit
-- When the first run of a commit (or of those that begin so) started.
SELECT min(runs.started_at) AS started_at FROM runs
WHERE runs.recorder IN (SELECT id FROM recorders WHERE git_commit >= :commit AND git_commit < :commit || 'g');

-- name: samples
-- self_ms: a step that holds others which ran side by side took no time of its own.
SELECT
    steps.path, nodes.name AS node, graphs.name AS graph, steps.status, steps.marks, steps.attempts, steps.duration_ms,
    max(0, steps.duration_ms - coalesce(held.duration_ms, 0)) AS self_ms,
    (steps.started_at - steps.created_at) / 1e3 AS queue_ms
FROM steps
JOIN names AS nodes ON nodes.id = steps.node
JOIN names AS graphs ON graphs.id = steps.graph
LEFT JOIN (
    SELECT parent, sum(duration_ms) AS duration_ms FROM steps WHERE run = :run AND parent > 0 GROUP BY parent
) AS held ON held.parent = steps.step
WHERE steps.run = :run AND steps.kind = 0
ORDER BY steps.step;

-- name: health
-- Everything that recorders lost, in journals present and gone, and frames that no table took.
SELECT
    (SELECT coalesce(sum(count), 0) FROM run_days) AS runs,
    (SELECT coalesce(sum(count), 0) FROM run_days WHERE status = 1) AS running,
    max(seen_at) AS seen_at,
    coalesce(sum(events_lost), 0) AS events_lost,
    coalesce(sum(late_events), 0) AS late_events,
    coalesce(sum(segments_dropped), 0) AS segments_dropped,
    coalesce(sum(values_dropped), 0) AS values_dropped,
    coalesce(sum(bad_frames), 0) + (SELECT coalesce(sum(bad_frames), 0) FROM segments) AS bad_frames,
    coalesce(sum(bytes_lost), 0) + (SELECT coalesce(sum(bytes_lost), 0) FROM segments) AS bytes_lost,
    (SELECT count(*) FROM quarantine) AS frames_quarantined,
    (SELECT values_unmatched FROM recorders ORDER BY seen_at DESC LIMIT 1) AS unmatched
FROM recorders;

-- name: timeline
-- Fewer joins than steps: this reads whole runs.
SELECT
    steps.step, steps.parent, steps.kind, names.name AS node, steps.path, steps.status, steps.item, steps.superstep,
    steps.marks, steps.created_at, steps.assigned_at, steps.started_at, steps.ended_at, steps.duration_ms
FROM steps
JOIN names ON names.id = steps.node
WHERE steps.run = :run
ORDER BY steps.step
LIMIT :limit;

-- name: brief_steps
-- What holding items against each other needs of every step, in start order; as few columns as can be, because whole runs
-- are read so.
SELECT
    steps.step, steps.kind, steps.path, steps.status, steps.item, threads.name AS thread, steps.started_at,
    steps.ended_at, steps.duration_ms, steps.marks, steps.failures, steps.attempts, steps.decision
FROM steps
JOIN names AS threads ON threads.id = steps.thread
WHERE steps.run = :run AND {where}
ORDER BY steps.step
LIMIT :limit;

-- name: compared_steps
-- What holding runs against each other needs of every step, in start order; likewise. Nodes and graphs are ids of names.
SELECT
    steps.step, steps.parent, steps.kind, steps.node, steps.graph, steps.path, steps.status, steps.duration_ms,
    steps.marks, steps.attempts, steps.decision, error_names.name AS error_type, errors.message AS error_message
FROM steps
LEFT JOIN errors ON errors.run = steps.run AND errors.step = steps.step AND errors.attempt = 0
LEFT JOIN names AS error_names ON error_names.id = errors.type
WHERE steps.run = :run
ORDER BY steps.step
LIMIT :limit;

-- name: names
SELECT id, name FROM names WHERE id IN (SELECT value FROM json_each(:ids));

-- name: back_offs
-- An attempt is lost when it did not succeed; the wait is from the end of one attempt to the start of the next.
SELECT
    step, count(*) AS attempts, sum(outcome = :timed_out) AS timed_out,
    total(duration_ms) FILTER (WHERE outcome NOT IN ('', :succeeded)) AS lost_ms,
    total(max(0, started_at - before)) / 1e3 AS waited_ms
FROM (
    SELECT
        step, outcome, duration_ms, started_at,
        lag(ended_at) OVER (PARTITION BY step ORDER BY number) AS before
    FROM attempts
    WHERE run = :run
)
GROUP BY step
HAVING count(*) > 1 OR sum(outcome = :timed_out)
ORDER BY step;

-- name: last_seen
SELECT max(seen_at) AS seen_at FROM recorders;

-- name: node_days
-- Whole days of a window.
SELECT
    nodes.name AS node, graphs.name AS graph, count, errors, cached, attempts, timed, total_ms, max_ms, sketch
FROM node_days
JOIN names AS nodes ON nodes.id = node_days.node
JOIN names AS graphs ON graphs.id = node_days.graph
WHERE run_graph = (SELECT id FROM names WHERE name = :graph) AND day >= :first AND day < :last;

-- name: node_hours
-- Whole hours of a window.
SELECT
    nodes.name AS node, graphs.name AS graph, count, errors, cached, attempts, timed, total_ms, max_ms, sketch
FROM node_hours
JOIN names AS nodes ON nodes.id = node_hours.node
JOIN names AS graphs ON graphs.id = node_hours.graph
WHERE run_graph = (SELECT id FROM names WHERE name = :graph) AND hour >= :first AND hour < :last;

-- name: edge_samples
-- Executions that became final between two moments, from the runs that were open then (runs_by_graph covers the search).
-- No run began before those whose executions were counted in these hours.
SELECT
    nodes.name AS node, graphs.name AS graph, steps.status, steps.marks, steps.attempts, steps.duration_ms
FROM runs
JOIN steps ON steps.run = runs.id
JOIN names AS nodes ON nodes.id = steps.node
JOIN names AS graphs ON graphs.id = steps.graph
WHERE runs.graph = (SELECT id FROM names WHERE name = :graph)
    AND runs.started_at >= (
        SELECT min(earliest) FROM node_hours
        WHERE run_graph = (SELECT id FROM names WHERE name = :graph) AND hour >= :first AND hour < :last
    )
    AND runs.started_at < :until AND (runs.ended_at IS NULL OR runs.ended_at >= :since)
    AND steps.kind = 0 AND steps.ended_at >= :since AND steps.ended_at < :until;

-- name: structure
SELECT graphs.digest, names.name, graphs.structure
FROM runs
JOIN graphs ON graphs.digest = runs.graph_digest
JOIN names ON names.id = graphs.graph
WHERE runs.id = :run;

-- name: latest_structure
-- Of the latest run of a graph that has one.
SELECT graphs.digest, names.name, graphs.structure
FROM runs
JOIN graphs ON graphs.digest = runs.graph_digest
JOIN names ON names.id = graphs.graph
WHERE runs.graph = (SELECT id FROM names WHERE name = :graph) AND runs.graph_digest IS NOT NULL
ORDER BY runs.started_at DESC
LIMIT 1;

-- name: values
SELECT
    step_values.direction, names.name, step_values.status, types.name AS type, step_values.size, contents.digest,
    step_values.note, CASE WHEN :with_data THEN contents.encoding ELSE 0 END AS encoding,
    CASE WHEN :with_data THEN contents.data END AS data, runs.values_expired_at, runs.values_expired_because
FROM step_values
JOIN runs ON runs.id = step_values.run
JOIN names ON names.id = step_values.name
JOIN names AS types ON types.id = step_values.type
LEFT JOIN contents ON contents.id = step_values.content
WHERE step_values.run = :run AND step_values.step = :step
ORDER BY step_values.direction, step_values.position;

-- name: values_across
-- Values of the steps that a filter keeps. They are read in the order of their own key, so that a page ends the reading:
-- by the steps' key SQLite would sort all of the run's first.
SELECT
    steps.step, steps.path, nodes.name AS node, steps.item, steps.status AS step_status,
    step_values.direction, names.name, step_values.status, types.name AS type, step_values.size, contents.digest,
    step_values.note, CASE WHEN :with_data THEN contents.encoding ELSE 0 END AS encoding,
    CASE WHEN :with_data THEN contents.data END AS data, runs.values_expired_at, runs.values_expired_because
FROM step_values
JOIN steps ON steps.run = step_values.run AND steps.step = step_values.step
JOIN runs ON runs.id = steps.run
JOIN names AS nodes ON nodes.id = steps.node
JOIN names ON names.id = step_values.name
JOIN names AS types ON types.id = step_values.type
LEFT JOIN contents ON contents.id = step_values.content
WHERE step_values.run = :run AND step_values.step > :after AND {where}
ORDER BY step_values.step, step_values.direction, step_values.position
LIMIT :limit OFFSET :skip;

-- name: digests
-- A word for each captured value of a step: a number made of the ids of its name and its content.
SELECT
    step,
    coalesce(group_concat(name << 40 | content, ' ') FILTER (WHERE direction = 0), '') AS inputs,
    coalesce(group_concat(name << 40 | content, ' ') FILTER (WHERE direction = 1), '') AS outputs,
    count(*) FILTER (WHERE status = :truncated) AS cut
FROM step_values
WHERE run = :run AND step > 0
GROUP BY step
ORDER BY step
LIMIT :limit;

-- name: brief_values
-- Values of every step of a run without their contents; those of the run itself (step 0) are left out.
SELECT
    step_values.step, step_values.direction, names.name, step_values.status, types.name AS type, step_values.size,
    step_values.content
FROM step_values
JOIN names ON names.id = step_values.name
JOIN names AS types ON types.id = step_values.type
WHERE step_values.run = :run AND step_values.step > 0
ORDER BY step_values.step, step_values.direction, step_values.position
LIMIT :limit;

-- name: contents
-- In the order of the numbers.
SELECT contents.id, contents.encoding, contents.data
FROM json_each(:numbers) AS wanted
CROSS JOIN contents ON contents.id = wanted.value;

-- name: count_values
SELECT count(*) AS count
FROM steps
JOIN step_values ON step_values.run = steps.run AND step_values.step = steps.step
WHERE steps.run = :run AND {where};

-- name: where_value_name
step_values.name = (SELECT id FROM names WHERE name = :name)

-- name: where_value_direction
step_values.direction = :direction

-- Reading: what steps said ---------------------------------------------------------------------------------------------

-- name: logs
-- In the order of time.
SELECT
    logs.step, logs.number, coalesce(steps.path, '') AS path, logs.at, logs.level, level_names.name AS level_name,
    loggers.name AS logger, logs.message, logs.place, files.name AS file, logs.line, error_types.name AS error_type,
    logs.error_message, logs.fields
FROM logs
JOIN names AS level_names ON level_names.id = logs.level_name
JOIN names AS loggers ON loggers.id = logs.logger
JOIN names AS files ON files.id = logs.file
LEFT JOIN names AS error_types ON error_types.id = logs.error_type
LEFT JOIN steps ON steps.run = logs.run AND steps.step = logs.step
WHERE logs.run = :run AND (logs.at, logs.step, logs.number) > (:after_at, :after_step, :after_number) AND {where}
ORDER BY logs.at, logs.step, logs.number
LIMIT :limit;

-- name: count_logs
SELECT count(*) AS count
FROM logs
LEFT JOIN steps ON steps.run = logs.run AND steps.step = logs.step
WHERE logs.run = :run AND {where};

-- name: where_log_level
logs.level >= :level

-- name: where_log_since
logs.at >= :since

-- name: logs_dropped
SELECT dropped.key AS level, sum(dropped.value) AS count
FROM told
JOIN json_each(told.logs_dropped) AS dropped
LEFT JOIN steps ON steps.run = told.run AND steps.step = told.step
WHERE told.run = :run AND {where}
GROUP BY dropped.key
ORDER BY dropped.key;

-- name: usage
-- Tokens and cost by node, and of the run itself where there is no step.
SELECT
    coalesce(nodes.name, '') AS node, coalesce(graphs.name, '') AS graph, sum(told.input_tokens) AS input_tokens,
    sum(told.output_tokens) AS output_tokens,
    sum(CASE WHEN coalesce(told.tokens, told.input_tokens, told.output_tokens) IS NULL THEN NULL ELSE
        coalesce(told.tokens, coalesce(told.input_tokens, 0) + coalesce(told.output_tokens, 0)) END) AS tokens,
    sum(told.cost) AS cost
FROM told
LEFT JOIN steps ON steps.run = told.run AND steps.step = told.step
LEFT JOIN names AS nodes ON nodes.id = steps.node
LEFT JOIN names AS graphs ON graphs.id = steps.graph
WHERE told.run = :run AND coalesce(told.tokens, told.input_tokens, told.output_tokens, told.cost) IS NOT NULL
GROUP BY steps.node, steps.graph
ORDER BY min(told.step);

-- name: total_usage
-- Each kind of usage from the outermost that said it, so that a step and what it called never count twice.
WITH RECURSIVE
said AS (
    SELECT
        step, input_tokens, output_tokens, cost,
        CASE WHEN coalesce(tokens, input_tokens, output_tokens) IS NOT NULL THEN
            coalesce(tokens, coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) END AS tokens
    FROM told
    WHERE run = :run AND coalesce(tokens, input_tokens, output_tokens, cost) IS NOT NULL
),
around (step, outer_step) AS (
    SELECT said.step, steps.parent FROM said JOIN steps ON steps.run = :run AND steps.step = said.step
    UNION ALL
    SELECT around.step, steps.parent FROM around JOIN steps ON steps.run = :run AND steps.step = around.outer_step
),
covered AS (
    SELECT
        around.step, count(said.input_tokens) AS input_tokens, count(said.output_tokens) AS output_tokens,
        count(said.tokens) AS tokens, count(said.cost) AS cost
    FROM around JOIN said ON said.step = around.outer_step
    GROUP BY around.step
)
SELECT
    sum(said.input_tokens) FILTER (WHERE coalesce(covered.input_tokens, 0) = 0) AS input_tokens,
    sum(said.output_tokens) FILTER (WHERE coalesce(covered.output_tokens, 0) = 0) AS output_tokens,
    sum(said.tokens) FILTER (WHERE coalesce(covered.tokens, 0) = 0) AS tokens,
    sum(said.cost) FILTER (WHERE coalesce(covered.cost, 0) = 0) AS cost
FROM said LEFT JOIN covered ON covered.step = said.step;

-- Reading: what is searched --------------------------------------------------------------------------------------------

-- name: search_state
-- Whether there is an index, and anything in it.
SELECT
    EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'search_index') AS indexed,
    EXISTS (SELECT 1 FROM search_texts) AS texts;

-- name: unindexed
-- Whether there is a run to index.
SELECT EXISTS (
    SELECT 1 FROM search_pending CROSS JOIN runs ON runs.id = search_pending.run WHERE runs.status NOT IN (0, 1)
);

-- name: open_vocabulary
-- The words of the index, for the connection that reads.
CREATE VIRTUAL TABLE IF NOT EXISTS temp.search_vocabulary USING fts5vocab(main, search_index, instance);

-- name: words_beginning
-- Words of the index from one on, as long as they are before another: one seek each, however often they occur.
WITH RECURSIVE found (word, number) AS (
    SELECT (SELECT term FROM temp.search_vocabulary WHERE term >= :word LIMIT 1), 1
    UNION ALL
    SELECT (SELECT term FROM temp.search_vocabulary WHERE term >= found.word || char(1) LIMIT 1), number + 1
    FROM found
    WHERE word < :end AND number < :limit
)
SELECT word FROM found WHERE word < :end;

-- name: words_found
-- Places of texts with those words, last first.
SELECT rowid AS id FROM search_index
WHERE search_index MATCH :match AND rowid < :before AND rowid >= :first
ORDER BY rowid DESC
LIMIT :limit;

-- name: texts_before
-- Where there is no index.
SELECT id, text FROM search_texts WHERE id < :before AND id >= :first ORDER BY id DESC LIMIT :limit;

-- name: texts_at
-- The texts at some places, as far as their runs pass a filter and have not changed since.
SELECT
    search_texts.id AS place, search_texts.run, runs.run_id, names.name AS graph, runs.status, runs.started_at,
    search_texts.kind, search_texts.step, coalesce(steps.path, '') AS path, search_texts.count, search_texts.text
FROM json_each(:places) AS places
CROSS JOIN search_texts ON search_texts.id = places.value
JOIN runs ON runs.id = search_texts.run
JOIN names ON names.id = runs.graph
LEFT JOIN steps ON steps.run = search_texts.run AND steps.step = search_texts.step
WHERE search_texts.run NOT IN (SELECT run FROM search_pending) AND {where}
ORDER BY search_texts.id DESC;

-- name: pending_runs
-- Those that pass a filter, newest first.
SELECT runs.id AS run, runs.run_id, names.name AS graph, runs.status, runs.started_at
FROM search_pending
CROSS JOIN runs ON runs.id = search_pending.run
JOIN names ON names.id = runs.graph
WHERE {where}
ORDER BY runs.started_at DESC, runs.id DESC
LIMIT :limit;

-- name: run_named
-- The same of one run.
SELECT runs.id AS run, runs.run_id, names.name AS graph, runs.status, runs.started_at
FROM runs
JOIN names ON names.id = runs.graph
WHERE runs.id = :run;

-- name: count_pending
SELECT count(*) AS count FROM search_pending CROSS JOIN runs ON runs.id = search_pending.run WHERE {where};

-- name: count_left_out
SELECT coalesce(sum(search_left_out.texts), 0) AS count
FROM search_left_out
CROSS JOIN runs ON runs.id = search_left_out.run
WHERE {where};

-- name: paths
SELECT step, path FROM steps WHERE run = :run AND step IN (SELECT value FROM json_each(:steps));

-- Reading: runs as frames, to be shared ----------------------------------------------------------------------------------

-- name: run_as_frame
-- In the order of RunFrame's fields, with what goes into its error and what it told at the end.
SELECT
    runs.number, runs.run_id, graphs.name AS graph, runs.status, runs.started_at, runs.ended_at, runs.duration_ms,
    runs.workflow_id, runs.parent_workflow_id, runs.is_map, runs.map_size, runs.items_completed, runs.items_failed,
    runs.items_paused, runs.items_stopped, runs.items_restored, runs.supersteps, runs.steps, runs.failures, runs.version,
    runs.metadata, runs.retry_of, runs.retry_index, runs.forked_from, runs.is_resume, runs.launched_by,
    runs.stop_requested_at, runs.unknown_events, runs.start_missed, runs.duplicates, runs.graph_digest
FROM runs JOIN names AS graphs ON graphs.id = runs.graph
WHERE runs.id = ?;

-- name: recorder_of_run
SELECT recorders.* FROM recorders JOIN runs ON runs.recorder = recorders.id WHERE runs.id = ?;

-- name: losses_of_recorder
-- Of its segments that are still there.
SELECT coalesce(sum(bytes_lost), 0) AS bytes_lost, coalesce(sum(bad_frames), 0) AS bad_frames
FROM segments WHERE recorder = ?;

-- name: steps_as_frames
SELECT
    steps.step, steps.parent, steps.kind, steps.span, nodes.name AS node, graphs.name AS graph, steps.path,
    steps.started_at, steps.status, steps.item, steps.execution, steps.superstep, threads.name AS thread,
    steps.created_at, steps.assigned_at, steps.ended_at, steps.duration_ms, steps.marks, steps.failures, steps.attempts,
    steps.chunks, steps.decision, steps.nested_run_id, steps.map_size
FROM steps
JOIN names AS nodes ON nodes.id = steps.node
JOIN names AS graphs ON graphs.id = steps.graph
JOIN names AS threads ON threads.id = steps.thread
WHERE steps.run = ?
ORDER BY steps.step;

-- name: attempts_as_frames
SELECT step, number, started_at, ended_at, duration_ms, outcome, max_attempts, timeout_seconds, retry_scheduled
FROM attempts WHERE run = ? ORDER BY step, number;

-- name: error_at
SELECT names.name, errors.message, errors.detail
FROM errors JOIN names ON names.id = errors.type
WHERE errors.run = ? AND errors.step = ? AND errors.attempt = ?;

-- name: told_at
SELECT metadata, input_tokens, output_tokens, tokens, cost, logs_dropped, cache_hits, cache_misses
FROM told WHERE run = ? AND step = ?;

-- name: values_as_frames
SELECT
    step_values.step, step_values.direction, names.name, step_values.status, types.name AS type, step_values.size,
    contents.digest, contents.encoding, contents.data, step_values.note,
    runs.values_expired_at, runs.values_expired_because
FROM step_values
JOIN runs ON runs.id = step_values.run
JOIN names ON names.id = step_values.name
JOIN names AS types ON types.id = step_values.type
LEFT JOIN contents ON contents.id = step_values.content
WHERE step_values.run = ?
ORDER BY step_values.step, step_values.direction, step_values.position;

-- name: logs_as_frames
SELECT
    logs.step, logs.number, logs.at, logs.level, level_names.name AS level_name, loggers.name AS logger, logs.message,
    logs.place, files.name AS file, logs.line, error_types.name AS error_type, logs.error_message, logs.fields
FROM logs
JOIN names AS level_names ON level_names.id = logs.level_name
JOIN names AS loggers ON loggers.id = logs.logger
JOIN names AS files ON files.id = logs.file
LEFT JOIN names AS error_types ON error_types.id = logs.error_type
WHERE logs.run = ?
ORDER BY logs.step, logs.number;

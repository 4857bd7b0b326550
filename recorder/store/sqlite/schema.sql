-- The store, as the migrations in migrations/ leave it (a test proves that). Readable by anybody with `sqlite3 runs.db`:
-- the views at the end translate codes to words and moments to ISO 8601.
--
-- Moments are microseconds of the wall clock (UTC), durations milliseconds. `run` is runs.id; `step` counts the rows of
-- one run from 1, and 0 means the run itself. A later frame of a row replaces all of it.

PRAGMA application_id = 0x48474d43;  -- "HGMC"
PRAGMA user_version = 14;

-- Names that repeat: nodes, graphs, threads, types. Stored once.
CREATE TABLE names (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE run_statuses (code INTEGER PRIMARY KEY, status TEXT NOT NULL) STRICT;
CREATE TABLE step_statuses (code INTEGER PRIMARY KEY, status TEXT NOT NULL) STRICT;
CREATE TABLE value_statuses (code INTEGER PRIMARY KEY, status TEXT NOT NULL) STRICT;

-- Processes that record. The losses here are those of segments already dropped; live ones count in `segments`.
-- `packages` is a JSON object of versions, `values_unmatched` one of patterns that chose nothing, by setting.
CREATE TABLE recorders (
    id               INTEGER PRIMARY KEY,
    recorder         TEXT NOT NULL UNIQUE,
    host             TEXT NOT NULL DEFAULT '',
    pid              INTEGER NOT NULL DEFAULT 0,
    cwd              TEXT NOT NULL DEFAULT '',
    python           TEXT NOT NULL DEFAULT '',
    platform         TEXT NOT NULL DEFAULT '',
    argv             TEXT NOT NULL DEFAULT '',
    version          TEXT NOT NULL DEFAULT '',
    started_at       INTEGER NOT NULL DEFAULT 0,
    seen_at          INTEGER NOT NULL DEFAULT 0,
    closed_at        INTEGER,
    dead_at          INTEGER,
    git_commit       TEXT NOT NULL DEFAULT '',
    git_branch       TEXT NOT NULL DEFAULT '',
    git_dirty        INTEGER,
    events_lost      INTEGER NOT NULL DEFAULT 0,
    late_events      INTEGER NOT NULL DEFAULT 0,
    segments_dropped INTEGER NOT NULL DEFAULT 0,
    values_dropped   INTEGER NOT NULL DEFAULT 0,
    bad_frames       INTEGER NOT NULL DEFAULT 0,
    bytes_lost       INTEGER NOT NULL DEFAULT 0,
    packages         TEXT,  -- a JSON object: import name, version
    values_policy    TEXT,  -- a ValueTracer as JSON; empty: it records no values
    logs_unplaced    INTEGER NOT NULL DEFAULT 0, values_unmatched TEXT
) STRICT;

-- How far each journal file has been read: committed together with the rows it gave.
CREATE TABLE segments (
    name          TEXT PRIMARY KEY,
    recorder      TEXT NOT NULL,
    read_to       INTEGER NOT NULL,
    bytes_lost    INTEGER NOT NULL,
    bad_frames    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Frames that no table took.
CREATE TABLE quarantine (
    id      INTEGER PRIMARY KEY,
    segment TEXT NOT NULL,
    read_to INTEGER NOT NULL,
    reason  TEXT NOT NULL,
    payload BLOB NOT NULL
) STRICT;

-- Structures of graphs, each once: a JSON array of nodes, edges, and whether it is only what was seen to be called, as in
-- recorder/journal/frames.py.
CREATE TABLE graphs (
    digest    TEXT PRIMARY KEY,
    graph     INTEGER NOT NULL REFERENCES names (id),
    structure TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Top-level runs. `number` is the recorder's own. `steps` and `failures` hold once the run has ended. `stored_at` is when
-- its own row was written last, from which its retention counts; `pinned_at` says that it is pinned. `day` is that of its start
-- (UTC), since 1970-01-01. Contents of its values may have gone before it: when and why (of a run that held none nothing), and
-- from which step on some are left.
CREATE TABLE runs (
    id                 INTEGER PRIMARY KEY,
    recorder           INTEGER NOT NULL REFERENCES recorders (id),
    number             INTEGER NOT NULL,
    run_id             TEXT NOT NULL,
    graph              INTEGER NOT NULL REFERENCES names (id),
    status             INTEGER NOT NULL,
    started_at         INTEGER NOT NULL,
    ended_at           INTEGER,
    duration_ms        REAL,
    workflow_id        TEXT,
    parent_workflow_id TEXT,
    is_map             INTEGER NOT NULL,
    map_size           INTEGER,
    items_completed    INTEGER,
    items_failed       INTEGER,
    items_paused       INTEGER,
    items_stopped      INTEGER,
    items_restored     INTEGER,
    supersteps         INTEGER NOT NULL,
    steps              INTEGER NOT NULL,
    failures           INTEGER NOT NULL,
    version            TEXT,
    metadata           TEXT,  -- a JSON object of strings
    retry_of           TEXT,
    retry_index        INTEGER,
    forked_from        TEXT,
    is_resume          INTEGER NOT NULL,
    launched_by        TEXT,  -- a JSON array: run id, step path
    stop_requested_at  INTEGER,
    unknown_events     TEXT,  -- a JSON object: event type, count
    start_missed       INTEGER NOT NULL,
    duplicates         INTEGER NOT NULL, graph_digest TEXT, stored_at INTEGER NOT NULL DEFAULT 0, pinned_at INTEGER,
    day INTEGER GENERATED ALWAYS AS (started_at / 86400000000 - (started_at % 86400000000 < 0)) VIRTUAL,
    values_expired_at INTEGER, values_expired_because TEXT, values_left_from INTEGER,
    UNIQUE (recorder, number)
) STRICT;

CREATE INDEX runs_by_start ON runs (started_at);
CREATE INDEX runs_by_run_id ON runs (run_id);
CREATE INDEX runs_by_workflow ON runs (workflow_id, started_at) WHERE workflow_id IS NOT NULL;
CREATE INDEX runs_by_graph ON runs (graph, started_at, ended_at);
CREATE INDEX runs_by_structure ON runs (graph, started_at) WHERE graph_digest IS NOT NULL;
CREATE INDEX runs_by_storing ON runs (stored_at);
CREATE INDEX runs_with_values ON runs (stored_at) WHERE values_expired_at IS NULL;
CREATE INDEX runs_letting_go ON runs (id) WHERE values_left_from IS NOT NULL;
CREATE INDEX failed_runs ON runs (started_at) WHERE status IN (3, 4, 8) OR (status = 2 AND failures > 0);

-- How many runs there are, by the day of their start; `failures` says whether they have any. The triggers count, so that
-- whoever writes `runs` cannot forget to.
CREATE TABLE run_days (
    graph    INTEGER NOT NULL,
    day      INTEGER NOT NULL,
    status   INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (graph, day, status, failures)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER count_run AFTER INSERT ON runs
BEGIN
    INSERT INTO run_days (graph, day, status, failures, count)
    VALUES (NEW.graph, NEW.day, NEW.status, NEW.failures > 0, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER uncount_run AFTER DELETE ON runs
BEGIN
    UPDATE run_days SET count = count - 1
    WHERE graph = OLD.graph AND day = OLD.day AND status = OLD.status AND failures = (OLD.failures > 0);
    DELETE FROM run_days
    WHERE graph = OLD.graph AND day = OLD.day AND status = OLD.status AND failures = (OLD.failures > 0) AND count = 0;
END;

CREATE TRIGGER recount_run AFTER UPDATE OF graph, started_at, status, failures ON runs
BEGIN
    INSERT INTO run_days (graph, day, status, failures, count)
    VALUES (NEW.graph, NEW.day, NEW.status, NEW.failures > 0, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
    UPDATE run_days SET count = count - 1
    WHERE graph = OLD.graph AND day = OLD.day AND status = OLD.status AND failures = (OLD.failures > 0);
    DELETE FROM run_days
    WHERE graph = OLD.graph AND day = OLD.day AND status = OLD.status AND failures = (OLD.failures > 0) AND count = 0;
END;

-- Tombstones: runs whose retention is over, or that were deleted, the latest 10,000. `run` is what runs.id was, `reason` a
-- phrase for people. While `leftover` is 1, rows of other tables are still there; nothing shows them.
CREATE TABLE expired_runs (
    run         INTEGER PRIMARY KEY,
    recorder    TEXT NOT NULL,
    number      INTEGER NOT NULL,
    run_id      TEXT NOT NULL,
    workflow_id TEXT,
    graph       INTEGER NOT NULL REFERENCES names (id),
    status      INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    expired_at  INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    leftover    INTEGER NOT NULL,
    UNIQUE (recorder, number)
) STRICT;

CREATE INDEX leftovers ON expired_runs (run) WHERE leftover;

-- Executions of nodes (kind 0) and items of maps (kind 1). Ids of 16 hex digits are kept as 8 bytes.
-- marks: 1 cached, 2 propagated (an error passed on from below), 4 start missed.
CREATE TABLE steps (
    run           INTEGER NOT NULL,
    step          INTEGER NOT NULL,
    parent        INTEGER NOT NULL,
    kind          INTEGER NOT NULL,
    span          ANY NOT NULL,
    node          INTEGER NOT NULL,
    graph         INTEGER NOT NULL,
    path          TEXT NOT NULL,
    started_at    INTEGER NOT NULL,
    status        INTEGER NOT NULL,
    item          INTEGER,
    execution     INTEGER NOT NULL,
    superstep     INTEGER,
    thread        INTEGER NOT NULL,
    created_at    INTEGER,
    assigned_at   INTEGER,
    ended_at      INTEGER,
    duration_ms   REAL,
    marks         INTEGER NOT NULL,
    failures      INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    chunks        INTEGER NOT NULL,
    decision      TEXT,
    nested_run_id ANY,
    map_size      INTEGER,
    PRIMARY KEY (run, step)
) STRICT, WITHOUT ROWID;

CREATE INDEX failed_steps ON steps (run, step) WHERE status = 2;

CREATE TABLE attempts (
    run             INTEGER NOT NULL,
    step            INTEGER NOT NULL,
    number          INTEGER NOT NULL,
    started_at      INTEGER,
    ended_at        INTEGER,
    duration_ms     REAL,
    outcome         TEXT NOT NULL,
    max_attempts    INTEGER NOT NULL,
    timeout_seconds REAL,
    retry_scheduled INTEGER NOT NULL,
    PRIMARY KEY (run, step, number)
) STRICT, WITHOUT ROWID;

-- Errors of runs (step 0), of steps (attempt 0) and of attempts. Causes have a group and a moment: failed steps' errors
-- that arose in them, and failed runs' own.
CREATE TABLE errors (
    run     INTEGER NOT NULL,
    step    INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    type    INTEGER NOT NULL,
    message TEXT NOT NULL,
    detail  TEXT NOT NULL,  -- a JSON array: frames [file, line, function, code], causes [type, message, frame, notes], notes
    error_group INTEGER,
    raised_at INTEGER,
    PRIMARY KEY (run, step, attempt)
) STRICT, WITHOUT ROWID;

CREATE INDEX causes ON errors (run, error_group, raised_at) WHERE error_group IS NOT NULL;
CREATE INDEX errors_of_group ON errors (error_group) WHERE error_group IS NOT NULL;

-- Failures that are alike, by their fingerprint: see docs/fingerprints.md. The message is the normalized one.
CREATE TABLE error_groups (
    id          INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    type        INTEGER NOT NULL REFERENCES names (id),
    message     TEXT NOT NULL,
    node        INTEGER NOT NULL REFERENCES names (id)
) STRICT;

-- How often a group happened in a run, from `errors`: a run's own error counts where no step explains it. Graph and
-- started_at are the run's.
CREATE TABLE error_group_runs (
    error_group INTEGER NOT NULL,
    run         INTEGER NOT NULL,
    graph       INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    PRIMARY KEY (error_group, run)
) STRICT, WITHOUT ROWID;

CREATE INDEX error_groups_of_run ON error_group_runs (run);

-- Recorded values, each once; one goes with the last of its holders. Once nobody shows it any more its data goes.
CREATE TABLE contents (
    id         INTEGER PRIMARY KEY,
    digest     BLOB NOT NULL UNIQUE,
    encoding   INTEGER NOT NULL,  -- 0 nothing kept, 1 JSON, 2 JSON under zlib
    data       BLOB
) STRICT;

-- Inputs (direction 0) and outputs (1) of steps, and of runs (step 0).
CREATE TABLE step_values (
    run       INTEGER NOT NULL,
    step      INTEGER NOT NULL,
    direction INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    name      INTEGER NOT NULL,
    status    INTEGER NOT NULL,
    type      INTEGER NOT NULL,
    size      INTEGER,
    content   INTEGER,
    note      TEXT,
    PRIMARY KEY (run, step, direction, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX holders ON step_values (content, status) WHERE content IS NOT NULL;

-- Log records of steps, and of runs (step 0). `place` says how one came to its row: 0 logged in the step, 1 in the run but
-- in no step, 2 after its step had ended, 3 by a thread of which only the run is known.
CREATE TABLE logs (
    run           INTEGER NOT NULL,
    step          INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    level         INTEGER NOT NULL,  -- logging's number
    level_name    INTEGER NOT NULL,
    logger        INTEGER NOT NULL,
    message       TEXT NOT NULL,
    place         INTEGER NOT NULL,
    file          INTEGER NOT NULL,
    line          INTEGER NOT NULL,
    error_type    INTEGER,
    error_message TEXT,
    fields        TEXT,  -- a JSON object
    PRIMARY KEY (run, step, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX logs_by_time ON logs (run, at);

-- What steps, and runs (step 0), said of themselves, and how many of their log records were not kept.
CREATE TABLE told (
    run           INTEGER NOT NULL,
    step          INTEGER NOT NULL,
    metadata      TEXT,  -- a JSON object of strings
    input_tokens  INTEGER,
    output_tokens INTEGER,
    tokens        INTEGER,
    cost          REAL,
    logs_dropped  TEXT,  -- a JSON object: level, count
    -- Cached calls inside it, served and computed.
    cache_hits INTEGER NOT NULL DEFAULT 0, cache_misses INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, step)
) STRICT, WITHOUT ROWID;

-- Executions that became final on a day (UTC), per node, in runs of a graph. Each was counted once.
CREATE TABLE node_days (
    run_graph INTEGER NOT NULL,
    day       INTEGER NOT NULL,  -- since 1970-01-01
    node      INTEGER NOT NULL,
    graph     INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    errors    INTEGER NOT NULL,
    cached    INTEGER NOT NULL,
    attempts  INTEGER NOT NULL,
    timed     INTEGER NOT NULL,
    total_ms  REAL NOT NULL,
    max_ms    REAL NOT NULL,
    sketch    BLOB NOT NULL,  -- of durations, cached ones left out: see sketch.py
    PRIMARY KEY (run_graph, day, node, graph)
) STRICT, WITHOUT ROWID;

-- The same by the hour since 1970-01-01, as long as runs of the graph are there. `earliest` is when the first run began of
-- those whose executions are counted: where to begin when rows are looked for.
CREATE TABLE node_hours (
    run_graph INTEGER NOT NULL,
    hour      INTEGER NOT NULL,
    node      INTEGER NOT NULL,
    graph     INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    errors    INTEGER NOT NULL,
    cached    INTEGER NOT NULL,
    attempts  INTEGER NOT NULL,
    timed     INTEGER NOT NULL,
    total_ms  REAL NOT NULL,
    max_ms    REAL NOT NULL,
    sketch    BLOB NOT NULL,
    earliest  INTEGER NOT NULL,
    PRIMARY KEY (run_graph, hour, node, graph)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER earlier_run AFTER UPDATE OF started_at ON runs WHEN NEW.started_at < OLD.started_at
BEGIN
    UPDATE node_hours SET earliest = min(earliest, NEW.started_at) WHERE run_graph = NEW.graph;
END;

-- What search_runs looks through: of each finished run its names, its distinct errors and its distinct log records.
-- `id` begins with the run's start (milliseconds, shifted by 22 bits), so the newest run comes last whenever it was
-- ingested. kind: 0 log, 1 error, 2 names. Where SQLite has FTS5, ingest indexes their words in `search_index`.
CREATE TABLE search_texts (
    id    INTEGER PRIMARY KEY,
    run   INTEGER NOT NULL,
    kind  INTEGER NOT NULL,
    step  INTEGER NOT NULL,
    count INTEGER NOT NULL,
    text  TEXT NOT NULL
) STRICT;

CREATE INDEX search_texts_of_run ON search_texts (run);

-- Runs that changed since they were indexed, or never were: the watermark of search_texts.
CREATE TABLE search_pending (run INTEGER PRIMARY KEY) STRICT;

-- Runs with more distinct texts than are kept here, and how many more.
CREATE TABLE search_left_out (run INTEGER PRIMARY KEY, texts INTEGER NOT NULL) STRICT;

INSERT INTO run_statuses VALUES
    (0, 'queued'), (1, 'running'), (2, 'completed'), (3, 'failed'), (4, 'partial'), (5, 'paused'), (6, 'stopped'),
    (7, 'cancelled'), (8, 'crashed');
INSERT INTO step_statuses VALUES
    (0, 'running'), (1, 'completed'), (2, 'failed'), (3, 'paused'), (4, 'cancelled'), (5, 'crashed'), (6, 'restored');
INSERT INTO value_statuses VALUES
    (0, 'captured'), (1, 'not_captured'), (2, 'redacted'), (3, 'truncated'), (4, 'expired'), (5, 'unserializable');

CREATE VIEW runs_view AS
SELECT
    runs.id AS run,
    runs.run_id,
    names.name AS graph,
    run_statuses.status,
    strftime('%Y-%m-%dT%H:%M:%fZ', runs.started_at / 1e6, 'unixepoch') AS started_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', runs.ended_at / 1e6, 'unixepoch') AS ended_at,
    runs.duration_ms,
    runs.workflow_id,
    runs.parent_workflow_id,
    runs.map_size,
    runs.items_completed,
    runs.items_failed,
    runs.steps,
    runs.failures,
    error_names.name AS error_type,
    errors.message AS error_message,
    runs.version,
    runs.metadata,
    recorders.git_commit,
    recorders.host,
    recorders.pid
FROM runs
JOIN names ON names.id = runs.graph
JOIN run_statuses ON run_statuses.code = runs.status
JOIN recorders ON recorders.id = runs.recorder
LEFT JOIN errors ON errors.run = runs.id AND errors.step = 0 AND errors.attempt = 0
LEFT JOIN names AS error_names ON error_names.id = errors.type;

CREATE VIEW steps_view AS
SELECT
    runs.run_id,
    steps.run,
    steps.step,
    steps.parent,
    CASE steps.kind WHEN 0 THEN 'node' ELSE 'item' END AS kind,
    names.name AS node,
    graphs.name AS graph,
    steps.path,
    steps.item,
    step_statuses.status,
    strftime('%Y-%m-%dT%H:%M:%fZ', steps.started_at / 1e6, 'unixepoch') AS started_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', steps.ended_at / 1e6, 'unixepoch') AS ended_at,
    steps.duration_ms,
    (steps.started_at - steps.created_at) / 1e3 AS queue_ms,
    steps.marks & 1 AS cached,
    steps.marks >> 1 & 1 AS propagated,
    steps.attempts,
    steps.decision,
    told.metadata,
    told.input_tokens,
    told.output_tokens,
    told.tokens,
    told.cost,
    CASE typeof(steps.span) WHEN 'blob' THEN lower(hex(steps.span)) ELSE steps.span END AS span
FROM steps
JOIN runs ON runs.id = steps.run
JOIN names ON names.id = steps.node
JOIN names AS graphs ON graphs.id = steps.graph
JOIN step_statuses ON step_statuses.code = steps.status
LEFT JOIN told ON told.run = steps.run AND told.step = steps.step;

CREATE VIEW errors_view AS
SELECT
    runs.run_id,
    errors.run,
    errors.step,
    errors.attempt,
    coalesce(steps.path, '') AS path,
    nodes.name AS node,
    names.name AS type,
    errors.message,
    error_groups.fingerprint,
    strftime('%Y-%m-%dT%H:%M:%fZ', errors.raised_at / 1e6, 'unixepoch') AS raised_at,
    errors.detail
FROM errors
JOIN runs ON runs.id = errors.run
JOIN names ON names.id = errors.type
LEFT JOIN error_groups ON error_groups.id = errors.error_group
LEFT JOIN steps ON steps.run = errors.run AND steps.step = errors.step
LEFT JOIN names AS nodes ON nodes.id = steps.node;

-- `data` is readable where it was not worth compressing (encoding 1).
CREATE VIEW values_view AS
SELECT
    runs.run_id,
    step_values.run,
    step_values.step,
    coalesce(steps.path, '') AS path,
    CASE step_values.direction WHEN 0 THEN 'input' ELSE 'output' END AS direction,
    names.name,
    value_statuses.status,
    types.name AS type,
    step_values.size,
    step_values.note,
    lower(hex(contents.digest)) AS digest,
    CASE step_values.status WHEN 4 THEN 0 ELSE contents.encoding END AS encoding,
    CASE WHEN step_values.status = 4 THEN NULL WHEN contents.encoding = 1 THEN CAST(contents.data AS TEXT)
        ELSE contents.data END AS data,
    CASE step_values.status WHEN 4 THEN strftime('%Y-%m-%dT%H:%M:%fZ', runs.values_expired_at / 1e6, 'unixepoch') END
        AS expired_at
FROM step_values
JOIN runs ON runs.id = step_values.run
JOIN names ON names.id = step_values.name
JOIN names AS types ON types.id = step_values.type
JOIN value_statuses ON value_statuses.code = step_values.status
LEFT JOIN contents ON contents.id = step_values.content
LEFT JOIN steps ON steps.run = step_values.run AND steps.step = step_values.step;

CREATE VIEW logs_view AS
SELECT
    runs.run_id,
    logs.run,
    logs.step,
    coalesce(steps.path, '') AS path,
    strftime('%Y-%m-%dT%H:%M:%fZ', logs.at / 1e6, 'unixepoch') AS at,
    level_names.name AS level,
    loggers.name AS logger,
    logs.message,
    error_types.name AS error_type,
    logs.error_message,
    logs.fields
FROM logs
JOIN runs ON runs.id = logs.run
JOIN names AS level_names ON level_names.id = logs.level_name
JOIN names AS loggers ON loggers.id = logs.logger
LEFT JOIN names AS error_types ON error_types.id = logs.error_type
LEFT JOIN steps ON steps.run = logs.run AND steps.step = logs.step;

CREATE VIEW attempts_view AS
SELECT
    runs.run_id,
    attempts.run,
    attempts.step,
    attempts.number,
    steps.path,
    nodes.name AS node,
    attempts.outcome,
    strftime('%Y-%m-%dT%H:%M:%fZ', attempts.started_at / 1e6, 'unixepoch') AS started_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', attempts.ended_at / 1e6, 'unixepoch') AS ended_at,
    attempts.duration_ms,
    attempts.max_attempts,
    attempts.timeout_seconds,
    attempts.retry_scheduled,
    types.name AS error_type,
    errors.message AS error_message
FROM attempts
JOIN runs ON runs.id = attempts.run
JOIN steps ON steps.run = attempts.run AND steps.step = attempts.step
JOIN names AS nodes ON nodes.id = steps.node
LEFT JOIN errors ON errors.run = attempts.run AND errors.step = attempts.step AND errors.attempt = attempts.number
LEFT JOIN names AS types ON types.id = errors.type;

-- A row for each run that a group of failures was in.
CREATE VIEW error_groups_view AS
SELECT
    error_groups.fingerprint,
    types.name AS type,
    error_groups.message,
    nodes.name AS node,
    graphs.name AS graph,
    runs.run_id,
    error_group_runs.run,
    error_group_runs.count,
    strftime('%Y-%m-%dT%H:%M:%fZ', error_group_runs.first_at / 1e6, 'unixepoch') AS first_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', error_group_runs.last_at / 1e6, 'unixepoch') AS last_at
FROM error_group_runs
JOIN error_groups ON error_groups.id = error_group_runs.error_group
JOIN runs ON runs.id = error_group_runs.run
JOIN names AS types ON types.id = error_groups.type
JOIN names AS nodes ON nodes.id = error_groups.node
JOIN names AS graphs ON graphs.id = error_group_runs.graph;

-- Statistics of nodes by day, for whole histories: steps_view has the executions themselves.
CREATE VIEW node_days_view AS
SELECT
    run_graphs.name AS run_graph,
    date(node_days.day * 86400, 'unixepoch') AS day,
    nodes.name AS node,
    graphs.name AS graph,
    node_days.count,
    node_days.errors,
    node_days.cached,
    node_days.attempts,
    node_days.total_ms,
    node_days.total_ms / nullif(node_days.timed, 0) AS avg_ms,
    node_days.max_ms
FROM node_days
JOIN names AS run_graphs ON run_graphs.id = node_days.run_graph
JOIN names AS nodes ON nodes.id = node_days.node
JOIN names AS graphs ON graphs.id = node_days.graph;

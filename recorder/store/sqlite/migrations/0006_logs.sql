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
    PRIMARY KEY (run, step)
) STRICT, WITHOUT ROWID;

ALTER TABLE recorders ADD COLUMN logs_unplaced INTEGER NOT NULL DEFAULT 0;

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

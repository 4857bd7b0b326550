-- How long runs stay. What a store already held counts as stored at the upgrade: nobody loses runs by it.

ALTER TABLE runs ADD COLUMN stored_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN pinned_at INTEGER;
UPDATE runs SET stored_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000000;

CREATE INDEX runs_by_storing ON runs (stored_at);

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

-- Who else holds what a run leaves behind.
CREATE INDEX holders ON step_values (content) WHERE content IS NOT NULL;
CREATE INDEX errors_of_group ON errors (error_group) WHERE error_group IS NOT NULL;
ALTER TABLE contents DROP COLUMN keep_until;

-- Which failures are alike, and in which runs they happened. The two functions are those of recorder/fingerprint.py.

CREATE TABLE error_groups (
    id          INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    type        INTEGER NOT NULL REFERENCES names (id),
    message     TEXT NOT NULL,
    node        INTEGER NOT NULL REFERENCES names (id)
) STRICT;

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

ALTER TABLE errors ADD COLUMN error_group INTEGER;
ALTER TABLE errors ADD COLUMN raised_at INTEGER;

INSERT OR IGNORE INTO names (name) SELECT '' WHERE EXISTS (SELECT 1 FROM errors);

CREATE TEMP TABLE older_causes AS
SELECT
    errors.run, errors.step, errors.type, errors.message,
    fingerprint(types.name, errors.message, errors.detail, coalesce(nodes.name, '')) AS fingerprint,
    normalized(types.name, errors.message) AS normalized,
    coalesce(steps.node, (SELECT id FROM names WHERE name = '')) AS node,
    coalesce(steps.ended_at, steps.started_at, runs.ended_at, runs.started_at) AS raised_at
FROM errors
JOIN runs ON runs.id = errors.run
JOIN names AS types ON types.id = errors.type
LEFT JOIN steps ON steps.run = errors.run AND steps.step = errors.step
LEFT JOIN names AS nodes ON nodes.id = steps.node
WHERE errors.attempt = 0 AND iif(errors.step, steps.status = 2 AND NOT steps.marks & 2, runs.status IN (3, 4));

INSERT OR IGNORE INTO error_groups (fingerprint, type, message, node)
SELECT fingerprint, type, normalized, node FROM older_causes;

UPDATE errors SET error_group = error_groups.id, raised_at = older_causes.raised_at
FROM older_causes
JOIN error_groups ON error_groups.fingerprint = older_causes.fingerprint
WHERE errors.run = older_causes.run AND errors.step = older_causes.step AND errors.attempt = 0;

DROP TABLE older_causes;

CREATE INDEX causes ON errors (run, error_group, raised_at) WHERE error_group IS NOT NULL;

INSERT INTO error_group_runs (error_group, run, graph, started_at, count, first_at, last_at)
SELECT
    errors.error_group, errors.run, runs.graph, runs.started_at, count(*), min(errors.raised_at), max(errors.raised_at)
FROM errors
JOIN runs ON runs.id = errors.run
WHERE errors.error_group IS NOT NULL AND (
    errors.step OR NOT EXISTS (
        SELECT 1 FROM errors AS inside
        WHERE inside.run = errors.run AND inside.step > 0 AND inside.error_group IS NOT NULL
    )
)
GROUP BY errors.error_group, errors.run;

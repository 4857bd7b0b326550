-- The same as node_days by the hour, for the ends of a window: what runs hold is counted once, by the writer's `sketch`.

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

INSERT INTO node_hours (
    run_graph, hour, node, graph, count, errors, cached, attempts, timed, total_ms, max_ms, sketch, earliest
)
SELECT
    runs.graph, steps.ended_at / 3600000000 AS hour, steps.node, steps.graph, count(*), sum(steps.status = 2),
    sum(steps.marks & 1), sum(steps.attempts), count(steps.duration_ms) FILTER (WHERE NOT steps.marks & 1),
    total(steps.duration_ms) FILTER (WHERE NOT steps.marks & 1),
    coalesce(max(steps.duration_ms) FILTER (WHERE NOT steps.marks & 1), 0.0),
    sketch(CASE WHEN steps.marks & 1 THEN NULL ELSE steps.duration_ms END), min(runs.started_at)
FROM runs
JOIN steps ON steps.run = runs.id
WHERE steps.kind = 0 AND steps.ended_at IS NOT NULL
GROUP BY runs.graph, hour, steps.node, steps.graph;

CREATE TRIGGER earlier_run AFTER UPDATE OF started_at ON runs WHEN NEW.started_at < OLD.started_at
BEGIN
    UPDATE node_hours SET earliest = min(earliest, NEW.started_at) WHERE run_graph = NEW.graph;
END;

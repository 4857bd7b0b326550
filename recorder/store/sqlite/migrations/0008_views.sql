-- The views that query_sql documents (recorder/store/views.py).
DROP VIEW runs_view;
DROP VIEW steps_view;
DROP VIEW errors_view;

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

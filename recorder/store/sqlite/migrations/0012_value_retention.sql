-- Contents of values may go before their run does. Their rows stay, with the status `expired`, and so do digests.

ALTER TABLE runs ADD COLUMN values_expired_at INTEGER;
ALTER TABLE runs ADD COLUMN values_expired_because TEXT;
ALTER TABLE runs ADD COLUMN values_left_from INTEGER;

CREATE INDEX runs_with_values ON runs (stored_at) WHERE values_expired_at IS NULL;
CREATE INDEX runs_letting_go ON runs (id) WHERE values_left_from IS NOT NULL;

-- Who holds a content, and who of them still shows it.
DROP INDEX holders;
CREATE INDEX holders ON step_values (content, status) WHERE content IS NOT NULL;

DROP VIEW values_view;

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

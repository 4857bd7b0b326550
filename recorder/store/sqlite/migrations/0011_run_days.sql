-- How many runs there are, without reading them all.

ALTER TABLE runs ADD COLUMN
    day INTEGER GENERATED ALWAYS AS (started_at / 86400000000 - (started_at % 86400000000 < 0)) VIRTUAL;

CREATE TABLE run_days (
    graph    INTEGER NOT NULL,
    day      INTEGER NOT NULL,
    status   INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (graph, day, status, failures)
) STRICT, WITHOUT ROWID;

INSERT INTO run_days (graph, day, status, failures, count)
SELECT graph, day, status, failures > 0 AS failed, count(*) FROM runs GROUP BY graph, day, status, failed;

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

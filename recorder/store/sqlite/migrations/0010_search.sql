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

INSERT INTO search_pending SELECT id FROM runs;

-- Runs with more distinct texts than are kept here, and how many more.
CREATE TABLE search_left_out (run INTEGER PRIMARY KEY, texts INTEGER NOT NULL) STRICT;

-- Structures of graphs, and which one a run executed.

CREATE TABLE graphs (
    digest    TEXT PRIMARY KEY,
    graph     INTEGER NOT NULL REFERENCES names (id),
    structure TEXT NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE runs ADD COLUMN graph_digest TEXT;

CREATE INDEX runs_by_structure ON runs (graph, started_at) WHERE graph_digest IS NOT NULL;

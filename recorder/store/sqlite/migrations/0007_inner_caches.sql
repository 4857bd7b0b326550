-- Cached calls inside a step (hypercache's), served and computed.
ALTER TABLE told ADD COLUMN cache_hits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE told ADD COLUMN cache_misses INTEGER NOT NULL DEFAULT 0;

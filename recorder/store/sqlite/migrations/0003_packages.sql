-- Versions of the packages that a process loaded.

ALTER TABLE recorders ADD COLUMN packages TEXT;

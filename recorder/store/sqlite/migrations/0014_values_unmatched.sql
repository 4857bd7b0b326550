-- Which patterns of a recorder's ValueTracer chose nothing: a JSON object, by setting the pattern and the name nearest to it.

ALTER TABLE recorders ADD COLUMN values_unmatched TEXT;

-- Which values each recorder keeps, so that a reader can say why one is not there.

ALTER TABLE recorders ADD COLUMN values_policy TEXT;

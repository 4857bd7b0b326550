"""Small real programs, each with one planted fault (or, of the healthy ones, with none)."""

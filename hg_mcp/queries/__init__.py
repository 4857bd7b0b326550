"""Questions about recorded runs, answered with plain facts from a ``RunReader``: no SQL below, no wording above."""

"""Where recorded runs rest: ``protocols`` is what a store promises, ``sqlite`` the back-end that keeps it."""

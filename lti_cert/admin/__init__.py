"""The operator's console at /admin, and what monitoring reads: platforms, courses, side effects, keys, deeds."""

"""Where grades come from. A source yields one complete Snapshot of a course, or fails as a whole."""

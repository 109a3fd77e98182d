"""What can be earned in a course: achievements, their criteria, and the numbered versions of those."""

"""Screens inside the LMS: what a learner has reached, what an instructor decides."""

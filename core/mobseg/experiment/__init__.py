"""Comparing models: measuring them on the same cases, running the trainings, writing the report."""

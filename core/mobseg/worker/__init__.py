"""A long-lived process that keeps models warm and takes requests as JSON lines; see docs/worker.md."""

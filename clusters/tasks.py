"""Celery tasks of the engine: load, call, done."""

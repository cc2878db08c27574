"""Requests in, answers out: paths, bodies, lists, watches, tables, errors."""

"""Harbor's API v2.0: one module per resource, routes.py says which path is whose."""

"""Deployments, their operations and audit."""

"""Measurements: scripts that a person runs on a machine that does nothing else."""

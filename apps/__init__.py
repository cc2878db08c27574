"""Applications and their versions."""

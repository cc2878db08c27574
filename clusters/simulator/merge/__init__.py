"""How objects merge: server-side apply, field ownership, patches. Pure functions."""

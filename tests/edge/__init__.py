"""The engine against an edge over real HTTP."""

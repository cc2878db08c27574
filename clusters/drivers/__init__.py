"""How the engine reaches an edge: a small protocol and its drivers."""

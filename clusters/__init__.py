"""Edge clusters, their nodes, and the engine that brings them to the wanted state."""

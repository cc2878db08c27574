"""A real Kubernetes control plane for the edge tests: built from its Go modules, started on loopback."""

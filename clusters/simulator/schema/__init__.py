"""The fields of every kind, generated from what Kubernetes publishes."""

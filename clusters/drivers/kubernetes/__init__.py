"""The Kubernetes driver: kubeconfigs, joining, and the work on the edge."""

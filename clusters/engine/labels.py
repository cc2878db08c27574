"""Labels by which an edge's objects are ours, and by which we know whose of ours."""

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "otestack"
CENTRE = "otestack.io/centre"
BUNDLE = "otestack.io/bundle"
GENERATION = "otestack.io/generation"
# A node label of the API as a Kubernetes label: this prefix, value "true".
NODE_PREFIX = "node.otestack.io/"

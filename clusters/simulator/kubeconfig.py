"""The kubeconfig of a simulated cluster."""

import base64


def render(name: str, server: str, ca: str, token: str) -> str:
    """YAML with everything inside: no files to follow."""
    encoded = base64.b64encode(ca.encode()).decode()
    return f"""\
apiVersion: v1
kind: Config
clusters:
- name: {name}
  cluster:
    server: {server}
    certificate-authority-data: {encoded}
users:
- name: {name}-admin
  user:
    token: {token}
contexts:
- name: {name}
  context:
    cluster: {name}
    user: {name}-admin
current-context: {name}
"""

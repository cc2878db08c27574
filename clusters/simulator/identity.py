"""What makes one simulator that one, kept in its state directory: secrets, port, birth."""

import hashlib
import hmac
import json
import secrets
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from .certs import write_private
from .clock import timestamp


@dataclass(slots=True)
class Identity:
    """Tokens and cluster uids derive from the secret: no list of them is kept."""

    secret: str
    control_token: str
    created: str
    port: int = 0

    def token(self, cluster: str) -> str:
        """The cluster's bearer token."""
        return hmac.new(self.secret.encode(), cluster.encode(), hashlib.sha256).hexdigest()

    def cluster_uid(self, cluster: str) -> str:
        """The uid of the cluster's kube-system."""
        digest = hmac.new(self.secret.encode(), b"uid/" + cluster.encode(), hashlib.sha256).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))


def load(state: Path) -> Identity:
    """The identity in the state directory, made if there is none."""
    path = state / "identity.json"
    if path.exists():
        return Identity(**json.loads(path.read_text()))
    found = Identity(secrets.token_hex(32), secrets.token_hex(32), timestamp())
    save(state, found)
    return found


def save(state: Path, identity: Identity) -> None:
    """Write the identity for its owner's eyes only."""
    write_private(state / "identity.json", json.dumps(asdict(identity)))

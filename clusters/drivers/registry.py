"""Which drivers there are, and how they are made from a cluster's stored credentials."""

from __future__ import annotations

from clusters.drivers.base import Driver
from clusters.drivers.kubernetes.client import Client, Limits, Pool
from clusters.drivers.kubernetes.driver import KubernetesDriver
from clusters.drivers.kubernetes.kinds import KINDS
from clusters.drivers.kubernetes.kubeconfig import Credentials

# Every kind that any driver may put on an edge.
ALL_KINDS = frozenset(KINDS)


class Connections:
    """The connections of a process, shared by all its drivers. Make it inside the event loop."""

    def __init__(
        self,
        *,
        idle_seconds: float,
        request_seconds: float,
        answer_bytes: int,
        page_objects: int,
        list_objects: int,
    ) -> None:
        self._pool = Pool(idle_seconds)
        self._limits = Limits(request_seconds, answer_bytes)
        self._page_objects = page_objects
        self._list_objects = list_objects

    def driver(self, name: str, credentials: str, centre: str, cluster: str = "") -> Driver:
        """Return the driver `name` for stored credentials. centre: uid of this installation; cluster: for sentences."""
        if name != "kubernetes":
            raise ValueError(f"There is no driver {name!r}.")
        client = Client(Credentials.from_json(credentials), self._pool, self._limits, cluster)
        return KubernetesDriver(client, centre, page_objects=self._page_objects, list_objects=self._list_objects)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

"""All clusters of one simulator, what they share and what can be changed while it runs."""

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import certs, controllers, identity, kubeconfig
from .clock import Clock, timestamp
from .cluster import Away, Cluster, Environment
from .diary import Diary
from .faults import Fault
from .kinds import BY_NAME
from .persistence import Keeper
from .seed import Origin, node_conditions
from .store import Change, Key, Object
from .timing import Timing

NODE = BY_NAME["Node"]
# Changes that all clusters together remember for watches, shared evenly.
HISTORY_CHANGES = 200_000
SHORTEST_HISTORY, LONGEST_HISTORY = 50, 2000


class Fleet:
    """Used in the event loop only."""

    def __init__(
        self, state: Path, timing: Timing, persist: bool, size: int, events: bool = True, history: int = 0
    ) -> None:
        state.mkdir(parents=True, exist_ok=True)
        state.chmod(0o700)
        self.state = state
        self.ca = certs.ensure(state)
        self.identity = identity.load(state)
        self.clock = Clock(self._work)
        self.keeper = Keeper(state / "edge.sqlite3") if persist else None
        self.environment = Environment(
            timing=timing,
            clock=self.clock,
            saved=self._saved,
            changed=self._changed,
            dispatch=controllers.dispatch,
            resume=controllers.resume,
            history=history or min(LONGEST_HISTORY, max(SHORTEST_HISTORY, HISTORY_CHANGES // max(1, size))),
            events=events,
        )
        self.clusters: dict[str, Cluster] = {}
        self.diary = Diary(self.clusters, persist)
        self._known = self.keeper.settings() if self.keeper else {}

    def add(self, name: str, nodes: int, gpus: int = 0) -> Cluster:
        """Add a cluster; one that was saved before comes back with the nodes it had."""
        if name in self.clusters:
            return self.clusters[name]
        if self.keeper and name not in self._known:
            self._known[name] = {"nodes": nodes, "gpus": gpus, "created": timestamp()}
            self.keeper.keep_settings(name, self._known[name])
        known = self._known.get(name, {})
        origin = Origin(
            name=name,
            uid=str(known.get("uid", self.identity.cluster_uid(name))),
            nodes=int(known.get("nodes", nodes)),
            gpus=int(known.get("gpus", gpus)),
            created=str(known.get("created", self.identity.created)),
            ca=self.ca,
        )
        cluster = self.clusters[name] = Cluster(origin, self.identity.token(name), self.environment)
        return cluster

    def kubeconfig(self, name: str, port: int) -> str:
        """The cluster's kubeconfig."""
        server = f"https://127.0.0.1:{port}/clusters/{name}"
        return kubeconfig.render(name, server, self.ca, self.identity.token(name))

    def set_away(self, name: str, away: Away) -> None:
        """Have a cluster not answer; whoever hangs when it is back is cut off."""
        cluster = self.clusters[name]
        cluster.away = away
        if cluster.away_changed:
            cluster.away_changed.set()
            cluster.away_changed = None

    def fail(self, name: str, fault: Fault) -> None:
        """Have the next matching requests fail."""
        self.clusters[name].faults.append(fault)

    def set_node_ready(self, name: str, node: str, ready: bool) -> None:
        """Have a node report, or lose it."""
        store = self.clusters[name].store
        found = store.get("Node", "", node)
        if found is None:
            raise KeyError(node)
        found["status"]["conditions"] = node_conditions(ready, timestamp())
        taint = {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule", "timeAdded": timestamp()}
        taints = [one for one in found["spec"].get("taints", ()) if one["key"] != taint["key"]]
        found["spec"]["taints"] = taints if ready else [*taints, taint]
        if not found["spec"]["taints"]:
            del found["spec"]["taints"]
        store.put(NODE, found)

    def rebuild(self, name: str) -> None:
        """Have a cluster come up anew and empty, as another one, under its name, address and token."""
        old = self.clusters[name]
        for kind, namespace, key in list(old.store.keys()):
            old.store.remove(BY_NAME[kind], namespace, key)
        old.store.listeners.clear()  # what is written there by requests that are under way is lost with it
        origin = replace(old.origin, uid=str(uuid.uuid4()))
        if self.keeper:
            self.keeper.forget(name)
            self._known[name]["uid"] = origin.uid
            self.keeper.keep_settings(name, self._known[name])
        self.clusters[name] = Cluster(origin, old.token, self.environment)

    def autoscale(self, name: str, namespace: str, autoscaler: str, replicas: int) -> None:
        """Do what the HPA controller does when the load asks for so many replicas."""
        cluster = self.clusters[name]
        found = cluster.store.get("HorizontalPodAutoscaler", namespace, autoscaler)
        if found is None:
            raise KeyError(autoscaler)
        controllers.autoscalers.scale(cluster, found, replicas)

    def objects(self, name: str, kind: str, namespace: str = "") -> list[Object]:
        """Copies of a cluster's objects."""
        found = BY_NAME[kind]
        head = {"apiVersion": found.api_version, "kind": found.name}
        return [head | obj for obj in self.clusters[name].store.objects(kind, namespace)]

    def _work(self, item: Any) -> None:
        controllers.work(self.clusters[item[0]], item[1:])

    def _saved(self, name: str) -> Iterator[tuple[Key, int, Object | None]]:
        return self.keeper.saved(name) if self.keeper else iter(())

    def _changed(self, name: str, change: Change) -> None:
        if self.keeper:
            self.keeper.note(name, change)
        self.diary.note(name, change)

    def start(self) -> None:
        """Let controllers work."""
        self.clock.start(asyncio.get_running_loop())

    def stop(self) -> None:
        """Stop controllers."""
        self.clock.stop()

    def close(self) -> None:
        """Save what is left, after the event loop has ended."""
        if self.keeper:
            self.keeper.close()


def as_sizes(clusters: Mapping[str, int] | list[str], nodes: int) -> dict[str, int]:
    """Names with their numbers of nodes."""
    return dict(clusters) if isinstance(clusters, Mapping) else dict.fromkeys(clusters, nodes)

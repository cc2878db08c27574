"""The simulator for tests and programs: an event loop in a thread, behind plain calls."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from . import certs, identity
from .control import ControlEndpoint, away_mode
from .faults import Fault
from .fleet import Fleet, as_sizes
from .server import EdgeServer
from .timing import Timing

T = TypeVar("T")

DEFAULT_NAMES = ("beijing", "guangzhou", "shanghai")
START_SECONDS = 60.0


class Simulator:
    """Kubernetes APIs for any number of clusters on one TLS port.

    clusters: names, or names with their numbers of nodes; gpus: on the last
    node of each. port 0 takes the port of the last run if that is free, else
    any. With persist, objects outlive the process in state_dir. watch_history:
    changes that a cluster remembers for watches; 0 shares memory evenly.
    """

    def __init__(
        self,
        state_dir: Path,
        clusters: Mapping[str, int] | Sequence[str] = DEFAULT_NAMES,
        *,
        nodes: int = 4,
        gpus: int = 0,
        port: int = 0,
        host: str = "127.0.0.1",
        latency: float = 0.0,
        pod_ready_seconds: float = 0.3,
        pod_stop_seconds: float = 0.1,
        rollout_step_seconds: float = 0.1,
        time_scale: float = 1.0,
        persist: bool = True,
        events: bool = True,
        watch_history: int = 0,
    ) -> None:
        self.state_dir = Path(state_dir)
        self.port = port
        self._host, self._latency, self._gpus, self._nodes = host, latency, gpus, nodes
        self._sizes = as_sizes(clusters if isinstance(clusters, Mapping) else list(clusters), nodes)
        self._timing = Timing(
            pod_ready=pod_ready_seconds,
            pod_stop=pod_stop_seconds,
            rollout_step=rollout_step_seconds,
            time_scale=time_scale,
        )
        self._persist, self._events, self._history = persist, events, watch_history
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._fleet: Fleet | None = None
        self._server: EdgeServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; returns when clusters answer. Raises OSError if the port is taken."""
        started: threading.Event = threading.Event()
        failure: list[Exception] = []

        def run() -> None:
            try:
                asyncio.run(self._main(started))
            except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
                failure.append(error)
            finally:
                started.set()

        self._thread = threading.Thread(target=run, name="simulated-edge", daemon=True)
        self._thread.start()
        came = started.wait(START_SECONDS)
        if failure:
            raise failure[0]
        if not came:
            raise TimeoutError(f"the simulated edge did not start within {START_SECONDS:.0f} s")

    async def _main(self, started: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        fleet = self._fleet = Fleet(
            self.state_dir, self._timing, self._persist, len(self._sizes), self._events, self._history
        )
        try:
            for name, nodes in self._sizes.items():
                fleet.add(name, nodes, self._gpus)
            control = ControlEndpoint(fleet)
            server = self._server = control.server = EdgeServer(fleet.clusters.get, control)
            server.latency = self._latency
            await self._listen(server, fleet)
            fleet.start()
            started.set()
            await self._stopping.wait()
            fleet.stop()
            await server.stop()
        finally:
            fleet.close()

    async def _listen(self, server: EdgeServer, fleet: Fleet) -> None:
        """Prefer the last run's port, so that kubeconfigs stay valid."""
        tls = certs.context(self.state_dir)
        try:
            self.port = await server.start(self._host, self.port or fleet.identity.port, tls)
        except OSError:
            if self.port or not fleet.identity.port:
                raise
            self.port = await server.start(self._host, 0, tls)
        if fleet.identity.port != self.port:
            fleet.identity.port = self.port
            identity.save(self.state_dir, fleet.identity)

    def stop(self) -> None:
        """Stop answering and save; safe to call twice."""
        if self._loop and self._stopping and self._thread and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(START_SECONDS)
        self._thread = None

    def _call(self, function: Callable[[Fleet], T]) -> T:
        """Run a function in the event loop, where all state lives."""
        assert self._loop and self._fleet, "the simulator is not started"
        fleet = self._fleet

        async def run() -> T:
            return function(fleet)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    @property
    def names(self) -> list[str]:
        """All clusters."""
        return self._call(lambda fleet: list(fleet.clusters))

    @property
    def control_token(self) -> str:
        """What the control endpoint asks for."""
        return self._call(lambda fleet: fleet.identity.control_token)

    @property
    def control_url(self) -> str:
        """The control endpoint."""
        return f"https://127.0.0.1:{self.port}/control"

    @property
    def ca_file(self) -> Path:
        """The CA that signed the server's certificate."""
        return self.state_dir / "ca.crt"

    def server(self, name: str) -> str:
        """The URL of a cluster."""
        return f"https://127.0.0.1:{self.port}/clusters/{name}"

    def token(self, name: str) -> str:
        """A cluster's bearer token."""
        return self._call(lambda fleet: fleet.identity.token(name))

    def kubeconfig(self, name: str) -> str:
        """YAML with URL, CA and token inside."""
        return self._call(lambda fleet: fleet.kubeconfig(name, self.port))

    def write_kubeconfigs(self, directory: Path) -> list[Path]:
        """One file per cluster, for its owner's eyes only."""
        directory.mkdir(parents=True, exist_ok=True)
        paths = [directory / f"{name}.yaml" for name in self.names]
        for path in paths:
            certs.write_private(path, self.kubeconfig(path.stem))
        return paths

    def uid(self, name: str) -> str:
        """The uid of kube-system: what identifies a cluster."""
        return self._call(lambda fleet: fleet.clusters[name].origin.uid)

    def add_cluster(self, name: str, nodes: int | None = None) -> None:
        """Add a cluster while running."""
        self._call(lambda fleet: fleet.add(name, nodes or self._nodes, self._gpus))

    def set_away(self, name: str, away: bool | Literal["hang", "refuse"] = True) -> None:
        """Away clusters take connections and never answer ("hang", True) or cut them ("refuse")."""
        mode = away_mode(away)
        self._call(lambda fleet: fleet.set_away(name, mode))

    def rebuild(self, name: str) -> None:
        """Have a cluster come up anew and empty, as another one, under its name, address and token."""
        self._call(lambda fleet: fleet.rebuild(name))

    def set_latency(self, seconds: float) -> None:
        """Seconds added to every answer."""

        def change(_: Fleet) -> None:
            assert self._server
            self._server.latency = seconds

        self._call(change)

    def fail_next(
        self, name: str, status: int, count: int = 1, *, method: str = "", kind: str = "", object_name: str = ""
    ) -> None:
        """Answer the next matching requests with this HTTP status."""
        fault = Fault(status, count, method, kind, object_name)
        self._call(lambda fleet: fleet.fail(name, fault))

    def set_node_ready(self, name: str, node: str, ready: bool) -> None:
        """Have a node report, or lose it."""
        self._call(lambda fleet: fleet.set_node_ready(name, node, ready))

    def autoscale(self, name: str, namespace: str, autoscaler: str, replicas: int) -> None:
        """Scale the autoscaler's target as its controller would under load."""
        self._call(lambda fleet: fleet.autoscale(name, namespace, autoscaler, replicas))

    def objects(self, name: str, kind: str, namespace: str = "") -> list[dict[str, Any]]:
        """Copies of a cluster's objects, read without a request."""
        return self._call(lambda fleet: fleet.objects(name, kind, namespace))

    def requests(self, name: str) -> Counter[tuple[str, str]]:
        """How often each (HTTP method, kind) was asked for; kind "" is discovery."""
        return self._call(lambda fleet: Counter(fleet.clusters[name].requests))

    def reset_requests(self, name: str) -> None:
        """Start counting requests anew."""
        self._call(lambda fleet: fleet.clusters[name].requests.clear())

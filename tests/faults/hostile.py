"""A fleet whose edges misbehave as told: simulated clusters, each behind a gate of its own."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from clusters.simulator import certs
from clusters.simulator.simulator import Simulator
from tests.clusters.pki import Authority
from tests.faults import gates, lies
from tests.faults.lossy import LossyLine
from tests.faults.names import DOMAIN, Names
from tests.faults.processes import LONG

LOCALHOST = "127.0.0.1"
# What edges ask for with a 429, in seconds: longer than they would be left alone for otherwise.
PATIENCE = 24 if LONG else 6


@dataclass(frozen=True)
class Trouble:
    """What goes wrong at an edge, and what its cluster's row says of it.

    says: a pattern. treat: of its connections. lie, server: what is answered and by whom, if not by the cluster.
    nameless: its name is not resolved.
    """

    says: str
    treat: gates.Treat = gates.passed_on
    lie: lies.Lie | None = None
    server: str = "liar"
    nameless: bool = False


TROUBLES = {
    "silent": Trouble("no answer within", treat=gates.silent),
    "reset": Trouble("connection reset by peer", treat=gates.reset),
    "torn": Trouble("reset by peer|closed the connection|broke off|TLS connection failed", treat=gates.torn),
    "dripping": Trouble("no answer within", treat=gates.dripping),
    "dripping body": Trouble("no answer within", lie=lies.drips),
    "without tls": Trouble("it does not speak TLS", treat=gates.without_tls),
    "changed certificate": Trouble("its certificate is not accepted: unable to get local issuer", server="stranger"),
    "500": Trouble("answered 500: <html><h1>Whoops</h1> </html>", lie=lies.page_of_a_proxy),
    "429": Trouble(
        "answered 429: slow down", lie=lies.always(429, "TooManyRequests", "slow down", Retry_After=str(PATIENCE))
    ),
    "401": Trouble("answered 401: Unauthorized", lie=lies.always(401, "Unauthorized", "Unauthorized")),
    "no json": Trouble("sent something that is no Kubernetes answer", lie=lies.no_json),
    # By which of its limits a list that never ends is stopped depends on the machine.
    "endless pages": Trouble("lists more than .* objects at|is too slow", lie=lies.endless_pages),
    "endless body": Trouble("its answer is longer than .* bytes|no answer within", lie=lies.endless_body),
    "expired page": Trouble("answered 410: The provided continue parameter is too old", lie=lies.expired_pages),
}
# Where names are ours to take. Connections that somebody still begins, by an address that was remembered, are reset.
NAMELESS = {"nameless": Trouble("its name cannot be resolved", treat=gates.reset, nameless=True)}
# Of which nobody hears anything at all.
AWAY = {name: TROUBLES[name] for name in ("silent", "reset")}
# Now and then it works, and now and then it does not.
FLAPPING = {"flapping": Trouble("", treat=gates.flapping)}
# Not nice, but it works: what is wanted is there in time.
BEARABLE = {
    "an hour ahead": Trouble("", lie=lies.clock(1)),
    "an hour behind": Trouble("", lie=lies.clock(-1)),
    "far away": Trouble("", treat=gates.far_away),
}


class HostileEdge:
    """All clusters of one simulator, and a gate before each, which is called by a name if there are any.

    line: at whose far end the gates are; none: on this machine.
    """

    def __init__(
        self,
        folder: Path,
        clusters: Iterable[str],
        chance: random.Random,
        names: Names | None = None,
        line: LossyLine | None = None,
    ) -> None:
        self._names, self._nameless, self._line = names, set[str](), line
        self._troubled = set[str]()
        self._stack = ExitStack()
        self.simulator = Simulator(folder, list(clusters), nodes=1, persist=False, events=False)
        self._stack.enter_context(self.simulator)
        self._loop = gates.Loop()
        self._stack.callback(self._loop.stop)
        self._liar = lies.Liar(self.simulator.port, str(self.simulator.ca_file))
        self._stack.callback(lambda: self._loop.run(self._liar.stop()))
        stranger = lies.presenting(Authority("somebody else").issue("localhost"), folder)
        self._ports = {
            "liar": self._loop.run(self._liar.listen(certs.context(folder))),
            "stranger": self._loop.run(self._liar.listen(stranger)),
        }
        self.gates = {name: self._gate(name, chance) for name in self.simulator.names}
        self._name()

    def _gate(self, name: str, chance: random.Random) -> gates.Gate:
        gate = gates.Gate(name, self.simulator.port, random.Random(chance.random()))
        listener = self._line.listener() if self._line else socket.create_server((LOCALHOST, 0), backlog=128)
        self._loop.run(gate.listen(listener))
        self._stack.callback(lambda: self._loop.run(gate.stop()))
        return gate

    @property
    def troubles(self) -> dict[str, Trouble]:
        """Return all kinds of trouble that break a cluster and can be had here."""
        return TROUBLES | (NAMELESS if self._names else {})

    def close(self) -> None:
        """End everything."""
        self._stack.close()

    def write_kubeconfigs(self, folder: Path) -> None:
        """One file per cluster, by way of its gate."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, gate in self.gates.items():
            document: dict[str, Any] = yaml.safe_load(self.simulator.kubeconfig(name))
            host = f"{name}.{DOMAIN}" if self._names else self._line.address if self._line else LOCALHOST
            cluster = document["clusters"][0]["cluster"]
            cluster |= {"server": f"https://{host}:{gate.port}/clusters/{name}", "tls-server-name": "localhost"}
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(document))

    def trouble(self, name: str, trouble: Trouble) -> None:
        """Have it from now on; connections that are open are reset."""

        async def begin() -> None:
            gate = self.gates[name]
            lying = trouble.lie is not None or trouble.server != "liar"
            gate.treat = trouble.treat
            gate.target = self._ports[trouble.server] if lying else self.simulator.port
            self._liar.lies[name] = trouble.lie or lies.honest
            gate.opened.clear()
            self._liar.asked[name].clear()
            gate.cut()

        self._troubled.add(name)
        (self._nameless.add if trouble.nameless else self._nameless.discard)(name)
        self._name()
        self._loop.run(begin())

    def _name(self) -> None:
        if self._names is not None:
            self._names.set(name for name in self.gates if name not in self._nameless)

    def calm(self) -> None:
        """All behave from now on; who did so all the while keeps its connections."""
        for name in sorted(self._troubled):
            self.trouble(name, Trouble(""))
        self._troubled.clear()

    def asked(self, name: str) -> list[lies.Asked]:
        """Return what came to a cluster that lies, since its trouble began."""
        return list(self._liar.asked[name])

    def opened(self, name: str) -> list[float]:
        """Return when connections to a cluster were begun, since its trouble began."""
        return list(self.gates[name].opened)

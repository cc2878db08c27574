"""The stand-in for tests and programs: a server in threads, behind plain calls."""

import json
import secrets
import ssl
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import content
from .behaviour import Behaviour
from .blobs import digest_of
from .content import Described
from .control import ControlEndpoint
from .database import first_rows
from .faults import Fault
from .harbor import Harbor
from .oci.manifests import IMAGES
from .server import Away, HarborServer

ADMIN = "admin"


class HarborSimulator:
    """A Harbor on one port, with its state in `data`.

    admin_password: the administrator's from now on; "" makes one. knobs: of Behaviour. tls: serve HTTPS with this
    context. Port 0 takes a free one.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        admin_password: str = "",
        latency: float = 0.0,
        tls: ssl.SSLContext | None = None,
        **knobs: Any,
    ) -> None:
        self.data, self.port, self.host = Path(data), port, host
        self.admin_password = admin_password or f"{secrets.token_urlsafe(18)}Aa1"
        self.behaviour = Behaviour()
        self.behaviour.change(knobs)
        self._knobs = self.behaviour.as_dict()
        self._latency, self._tls = latency, tls
        self._server: HarborServer | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        harbor = Harbor(self.data, self.admin_password, self.behaviour)
        try:
            server = HarborServer((self.host, self.port), harbor, self._tls)
        except OSError:
            harbor.close()
            raise
        server.latency = self._latency
        self.port = server.server_address[1]
        self._control = ControlEndpoint(server, harbor.database.secret("control"))
        server.control = self._control
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="simulated-registry", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End, also what is held up; safe to call twice."""
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.ended = True
        server.away = ""
        server.cut_connections()
        server.server_close()
        if self._thread:
            self._thread.join(10)
        server.harbor.close()

    @property
    def server(self) -> HarborServer:
        """The running server."""
        assert self._server is not None, "the simulated registry is not started"
        return self._server

    @property
    def harbor(self) -> Harbor:
        """Its data."""
        return self.server.harbor

    @property
    def address(self) -> str:
        """host:port, as in an image's name."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self._tls else 'http'}://{self.address}"

    @property
    def admin(self) -> tuple[str, str]:
        """Name and password of the administrator."""
        return ADMIN, self.admin_password

    @property
    def control_token(self) -> str:
        """What the control endpoint asks for."""
        return self.harbor.database.secret("control")

    # What is made to happen.

    def change(self, **wanted: Any) -> None:
        """What PUT /control takes."""
        self._control.change(wanted)

    def set(self, **knobs: Any) -> None:
        """Turn knobs of Behaviour."""
        self.behaviour.change(knobs)

    def set_latency(self, seconds: float) -> None:
        """Seconds added to every answer."""
        self.server.latency = seconds

    def set_away(self, mode: Away) -> None:
        """hang: takes requests and never answers; refuse: cuts them; unavailable: a proxy's 503; "": back."""
        self.server.away = mode

    def fail_next(self, count: int = 1, **fault: Any) -> None:
        """Have the next matching requests go wrong; the words are those of Fault."""
        self.server.faults.add(Fault(count, **fault))

    def heal(self) -> None:
        """Nothing goes wrong any more, and every knob is where it was at the start."""
        self.server.faults.clear()
        self.server.latency = 0.0
        self.server.away = ""
        self.behaviour.change(self._knobs)

    def reset(self) -> None:
        """Be as new: healthy, and empty but for the administrator and the public project."""
        self.heal()
        self.reset_calls()
        self.server.authenticator.forget()
        self.harbor.database.empty()
        first_rows(self.harbor.database, self.admin_password)

    def make_immutable(self, project: str, repository: str = "**", tag: str = "**") -> None:
        """Protect the tags that match."""
        self.change(immutable=[{"project": project, "repository": repository, "tag": tag}])

    # What came, and what is put in without asking.

    @property
    def calls(self) -> list[tuple[str, str]]:
        """Method and path of every request since the last reset."""
        return list(self.server.calls)

    def reset_calls(self) -> None:
        """Forget the calls."""
        self.server.calls.clear()

    def push(self, name: str, *tags: str, content_text: str = "", size: int = 1000) -> str:
        """Have an image there without a client: `project/repository`, its tags, and a text that makes it another.

        Returns its digest. Raises LookupError when there is no such project.
        """
        harbor = self.harbor
        project = harbor.project(name.split("/")[0])
        if project is None:
            raise LookupError(f"there is no project {name.split('/')[0]}")
        manifest = json.dumps({"schemaVersion": 2, "text": f"{name} {content_text}"}).encode()
        digest, media = digest_of(manifest), min(IMAGES)
        with harbor.database.transaction():
            harbor.blobs.keep(digest, manifest)
            repo = content.ensure_repository(harbor, name, project)
            described = Described(
                digest, "IMAGE", "application/vnd.docker.container.image.v1+json", media, size,
                extra_attrs={"architecture": "amd64", "os": "linux"},
            )  # fmt: skip
            artifact = content.ensure_artifact(harbor, repo, described)
            for tag in tags:
                content.ensure_tag(harbor, repo, artifact, tag)
        return digest

    def push_many(self, name: str, tags: Iterable[str]) -> None:
        """One image for each tag."""
        with self.harbor.database.transaction():
            for tag in tags:
                self.push(name, tag, content_text=tag)

"""The simulated registry: Harbor's API v2.0 and the OCI distribution API over HTTP, in one process.

simulator.py   the calls for tests and programs
server.py      the listener; wire.py requests and answers; faults.py what is made to go wrong; control.py how
harbor.py      what everything shares: database, blobs, behaviour
database.py    SQLite in the data directory; queries.py the q, sort and paging grammar over it
auth.py        who is calling; permissions.py what they may do; sessions.py cookies and CSRF
api/           /api/v2.0; oci/ is /v2 and /service/token
content.py     repositories, artifacts and tags: what both APIs change

Where Harbor's behaviour surprises, the code says so: a client that works here must work there.
"""

from .simulator import HarborSimulator

__all__ = ["HarborSimulator"]

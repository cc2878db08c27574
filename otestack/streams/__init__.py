"""Answers that go on for long (server-sent events), without a thread for each.

A view checks the request and answers what there is by now (`answer`). Then the thread is free: the connection goes back
to the worker's event loop (`loop`, used by otestack/web.py), which sends on whatever the process's one poller brings
for it (`hub`). The poller asks once for all listeners, and only while somebody listens.

A server that is not ours (the development server, a test's client) keeps no streams: there the answer ends after what
there is, and the client's reconnect brings the rest.
"""

from otestack.streams.answer import stream
from otestack.streams.hub import HUB, Listener, News

__all__ = ["HUB", "Listener", "News", "stream"]

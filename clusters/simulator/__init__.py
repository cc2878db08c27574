"""The simulated edge: a Kubernetes API over HTTPS for any number of clusters in one process.

simulator.py   the calls for tests and programs; fleet.py and cluster.py hold the state
server.py      the listener; api/ turns requests into answers, control.py changes the simulator
writes.py      create, update, patch, apply; removal.py deletes; store.py keeps the bytes
merge/         server-side apply and the patch formats, purely
schema/        which fields exist and how lists merge; validation/ and defaults.py are the rules
controllers/   what makes pods appear, roll over and go; clock.py wakes them
"""

from .simulator import Simulator

__all__ = ["Simulator"]

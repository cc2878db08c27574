"""A lean edge: Kubernetes APIs for ten thousand clusters, so cheap that it is seldom what limits a benchmark.

forms.py      what an object looks like, made once per distinct body by the product's own simulator
cluster.py    one cluster: which form each object has, with its uid and versions
protocol.py   HTTP over TLS, as bare as it gets; server.py is the process
protobuf.py   the one thing that helm sends in no other way
edge.py       what benchmarks use: starts the processes, names the clusters, changes latency, keeps and restores

Real clients work on it: discovery and OpenAPI are the simulator's. It has no admission, no watches, no field conflicts,
and pods exist only as numbers in a workload's status, which is ready READY_SECONDS after a change.
"""

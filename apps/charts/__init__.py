"""Helm charts: from the bytes that somebody uploads to objects that may go to an edge.

limits   how large anything may be
unpack   a gzipped tar to files in memory, the charts inside it too
yamls    YAML to plain values, the way Kubernetes' tools read it, bounded
chart    Chart.yaml, values.yaml, dependencies, schemas
cage     a program of its own: nothing but helm, the chart and processor time for a while
render   the real `helm template`, in that cage
objects  rendered YAML to objects: which kinds, which namespace, no hooks
policy   what a tenant's objects may not do
making   all of it in a row

Whatever is wrong is a ChartError with one sentence.
"""

from apps.charts.making import Made, make
from apps.charts.policy import containers, pods
from apps.charts.problems import ChartError

__all__ = ["ChartError", "Made", "containers", "make", "pods"]

"""`make test-kubernetes`: the edge tests on real control planes, one minor after the other.

With --if-built, a machine without any says so in one line and that is no failure. With --newest, one minor is enough.
Other arguments go to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.kubernetes.plane import CACHE, complete
from tests.suite import DIVIDED

SUITE = ["tests/edge"]
OWN_OPTIONS = {"--if-built", "--newest"}


def targets() -> list[tuple[str, dict[str, str]]]:
    """What to run on: a name, and the environment that chooses it."""
    if given := os.environ.get("KUBEBUILDER_ASSETS"):
        return [(given, {})]
    minors = sorted((folder.name for folder in CACHE.glob("[0-9]*") if complete(folder)), key=_parts)
    wanted = os.environ.get("KUBERNETES_MINOR")
    return [(f"Kubernetes {minor}", {"KUBERNETES_MINOR": minor}) for minor in minors if wanted in {None, minor}]


def _parts(minor: str) -> list[int]:
    return [int(part) for part in minor.split(".")]


def main(arguments: list[str]) -> int:
    """Run them; returns 0 only when all have passed."""
    own, rest = OWN_OPTIONS.intersection(arguments), [one for one in arguments if one not in OWN_OPTIONS]
    found = targets()
    if "--newest" in own:
        found = found[-1:]
    if not found:
        print(f"No Kubernetes to test with in KUBEBUILDER_ASSETS or {CACHE}; `make kubernetes-tools` builds it.")
        return 0 if "--if-built" in own else 1
    chosen = [] if any(Path(argument.partition("::")[0]).exists() for argument in rest) else SUITE
    failed = 0
    for name, env in found:
        print(f"\n=== Edge tests on {name}", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", "--durations=10", "--color=no", *DIVIDED, *chosen, *rest]
        failed |= subprocess.call(command, env=os.environ | env | {"TEST_EDGE": "kubernetes"})
    return int(bool(failed))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

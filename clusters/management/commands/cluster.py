"""`manage.py cluster …`: register, look at and remove edge clusters."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import CommandError, CommandParser

from clusters import reports, services
from clusters.drivers.kubernetes import rbac
from clusters.drivers.kubernetes.kubeconfig import SIZE_LIMIT, Credentials, parse
from clusters.engine.clock import db_now
from clusters.models import Cluster, Placement
from otestack.management.base import NotInTime, OperatorCommand, confirmed
from otestack.management.output import ago, counts, facts, table

# Seconds between two looks while waiting for a removal.
_POLL = 0.5


class Command(OperatorCommand):
    """Thin: arguments in, a service or a report, text out."""

    help = "Register, look at and remove edge clusters."
    examples = (
        "cluster add shanghai --kubeconfig shanghai.yaml --label east",
        "cluster list --json",
        "cluster remove shanghai --yes --wait 60",
    )
    arguments = {"clusterName": "name", "clusterLabel": "label", "hours": "--hours", "namespace": "--namespace"}

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the sub-commands."""
        what = self.sub_commands(parser)
        for name, text in (
            ("add", "register the cluster that a kubeconfig names"),
            ("update", "reach a registered cluster with another kubeconfig"),
        ):
            command = self.sub_command(what, name, text)
            command.add_argument("name")
            command.add_argument("--kubeconfig", required=True, metavar="FILE", help="'-' reads standard input")
            command.add_argument("--context", default="", help="default: the kubeconfig's current-context")
            if name == "add":
                command.add_argument(
                    "--label", action="append", default=[], dest="labels", metavar="LABEL", help="may be repeated"
                )
        self.sub_command(what, "list", "all clusters and their state")
        for name, text in (
            ("show", "one cluster in detail"),
            ("check", "ask a cluster who it is, now"),
            ("sync", "have a cluster looked at now"),
        ):
            self.sub_command(what, name, text).add_argument("name")
        remove = self.sub_command(what, "remove", "take what is ours off a cluster and forget it")
        remove.add_argument("name")
        remove.add_argument("--force", action="store_true", help="forget it at once and leave what is ours there")
        remove.add_argument("--yes", action="store_true", help="do not ask")
        remove.add_argument(
            "--wait", type=float, default=0, metavar="SECONDS", help="until it is gone, at most so long"
        )
        rights = self.sub_command(what, "rbac", "print the smallest role and a service account, for kubectl apply -f -")
        login = self.sub_command(what, "kubeconfig", "print a kubeconfig of that service account, for cluster add")
        login.add_argument("kubeconfig", metavar="FILE", help="the cluster owner's; '-' reads standard input")
        login.add_argument("--context", default="", help="default: the kubeconfig's current-context")
        login.add_argument(
            "--hours",
            type=int,
            default=0,
            help="the life of its token, which the cluster may cut short; default: a lasting one, from its Secret",
        )
        for command in (rights, login):
            command.add_argument("--namespace", default=rbac.NAMESPACE, help="of the service account")
        label = self.sub_command(what, "label", "put a label on a cluster, or take it off")
        label.add_argument("name")
        label.add_argument("action", choices=["add", "remove"])
        label.add_argument("label")

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        """Run the sub-command. Raises CommandError with one sentence."""
        self.run_sub_command(what, options)

    def _add(self, name: str, kubeconfig: str, context: str, labels: list[str], **_: Any) -> None:
        cluster = services.join(name, _read(kubeconfig), context, labels=labels)
        self._warn(cluster)
        self.tell(
            f"Registered {cluster} at {cluster.server}: Kubernetes {cluster.kubernetes_version}, "
            f"{_nodes(cluster.node_count)}.",
            **reports.cluster(cluster.pk),
        )

    def _update(self, name: str, kubeconfig: str, context: str, **_: Any) -> None:
        cluster = _find(name)
        services.update_credentials(cluster, _read(kubeconfig), context)
        self._warn(cluster)
        self.tell(f"{cluster} is reached at {cluster.server} from now on.", **reports.cluster(cluster.pk))

    def _list(self, **_: Any) -> None:
        rows = reports.clusters()
        now = db_now()
        head = ("NAME", "STATE", "NODES", "VERSION", "SEEN", "LABELS")
        columns = (
            (
                row["name"],
                row["state"],
                row["nodes"],
                row["version"],
                ago(row["observedAt"], now),
                ", ".join(row["labels"]),
            )
            for row in rows
        )
        self.show(rows, table(head, columns))

    def _show(self, name: str, **_: Any) -> None:
        row = reports.cluster(_find(name).pk)
        now = db_now()
        stretched = row["observeInterval"] > row["observeIntervalWanted"]
        self.show(
            row,
            facts(
                [
                    ("Name", row["name"]),
                    ("State", row["state"]),
                    ("Away since", row["awaySince"]),
                    ("Last seen whole", _seen(row["observedAt"], now)),
                    ("Last error", row["lastError"]),
                    ("Failed probes", row["failedProbes"] or ""),
                    ("Server", row["server"]),
                    ("Version", row["version"]),
                    ("uid", row["uid"]),
                    (
                        "Nodes",
                        f"{row['nodes']}, {row['readyNodes']} of them ready"
                        if row["state"] == "ready"
                        else row["nodes"],
                    ),
                    ("Labels", ", ".join(row["labels"])),
                    ("Node labels to write", row["nodeLabelsToWrite"] or ""),
                    ("Placements", counts(row["placements"])),
                    ("Unknown objects of ours", row["orphans"] or ""),
                    (
                        "Observed every",
                        f"{row['observeInterval']:g} s (wanted {row['observeIntervalWanted']:g} s: a pass takes longer)"
                        if stretched
                        else "",
                    ),
                    ("Joined", row["joinedAt"]),
                    *(("Warning", text) for text in row["warnings"]),
                    *((item["bundle"], item["lastError"]) for item in row["placementErrors"]),
                ]
            ),
        )

    def _check(self, name: str, **_: Any) -> None:
        cluster = _find(name)
        facts_now = services.check(cluster)
        self.tell(
            f"{cluster} answers: Kubernetes {facts_now.version}, {_nodes(facts_now.node_count)}.",
            name=cluster.name,
            version=facts_now.version,
            nodes=facts_now.node_count,
            uid=facts_now.uid,
        )

    def _sync(self, name: str, **_: Any) -> None:
        cluster = _find(name)
        services.sync(cluster)
        when = "at its next probe, since it is away" if cluster.away_since else "now"
        self.tell(f"{cluster} will be looked at {when}.", name=cluster.name)

    def _label(self, name: str, action: str, label: str, **_: Any) -> None:
        cluster = _find(name)
        change = services.add_label if action == "add" else services.delete_label
        change([cluster.name], label)
        carries = action == "add"
        sentence = f"{cluster} {'carries' if carries else 'does not carry'} the label {label}."
        self.tell(sentence, name=cluster.name, label=label, carries=carries)

    def _rbac(self, namespace: str, **_: Any) -> None:
        manifest = rbac.manifest(namespace)
        items = {"apiVersion": "v1", "kind": "List", "items": list(yaml.safe_load_all(manifest))}
        self.show(items, manifest.rstrip("\n"))

    def _kubeconfig(self, kubeconfig: str, context: str, namespace: str, hours: int, **_: Any) -> None:
        made = rbac.login(parse(_read(kubeconfig), context), namespace, hours)
        if 0 < made.seconds < hours * 3600:
            life = made.seconds // 60
            self.stderr.write(
                self.style.WARNING(f"Warning: the cluster cut the token's life short, to {life} minutes.")
            )
        self.show(yaml.safe_load(made.kubeconfig), made.kubeconfig.rstrip("\n"))

    def _remove(self, name: str, force: bool, yes: bool, wait: float, **_: Any) -> None:
        cluster = _find(name)
        what = "be forgotten, and what is ours there stay" if force else "lose everything that is ours there"
        confirmed(f"Shall {cluster} {what}?", yes=yes)
        services.remove(cluster, force=force)
        if force:
            self.tell(f"{cluster} is forgotten. What is ours there stays.", name=cluster.name, gone=True)
            return
        if wait > 0:
            _wait_gone(cluster, wait)
            self.tell(f"{cluster} is removed.", name=cluster.name, gone=True)
            return
        self.tell(f"{cluster} is being removed: what is ours there goes first.", name=cluster.name, gone=False)

    def _warn(self, cluster: Cluster) -> None:
        for text in Credentials.from_json(cluster.credentials).warnings:
            self.stderr.write(self.style.WARNING(f"Warning: {text}"))


def _find(name: str) -> Cluster:
    cluster = Cluster.objects.filter(name__iexact=name).first()
    if cluster is None:
        raise CommandError(f"There is no cluster '{name}'.")
    return cluster


def _read(path: str) -> str:
    """Return the kubeconfig's text; of a longer one only so much that it is refused for its length."""
    enough = SIZE_LIMIT + 4  # a byte order mark is not counted
    try:
        if path == "-":
            raw = sys.stdin.buffer.read(enough)
        else:
            with Path(path).open("rb") as file:
                raw = file.read(enough)
        return raw.decode("utf-8-sig", errors="replace" if len(raw) > SIZE_LIMIT else "strict")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not UTF-8 text.") from error


def _wait_gone(cluster: Cluster, seconds: float) -> None:
    until = time.monotonic() + seconds
    while Cluster.objects.filter(pk=cluster.pk).exists():
        if time.monotonic() >= until:
            left = Placement.objects.filter(cluster_id=cluster.pk).count()
            raise NotInTime(
                f"{cluster} is still being removed after {seconds:g} s; {left} bundles are left there. "
                f"'cluster show {cluster}' says why; --force forgets it."
            )
        time.sleep(_POLL)


def _seen(time: str | None, now: datetime) -> str:
    return f"{time} ({ago(time, now)})" if time else "never"


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"

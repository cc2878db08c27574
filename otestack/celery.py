"""The Celery application. Its settings are the Django settings that start with CELERY_."""

import gc
import os
import resource
from typing import Any

from celery import Celery, signals
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "otestack.settings")
# Django's checks load all that the web server needs; whoever prepares the database has them made ('manage.py prepare').
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

# 'filesystem://' is ours: kombu's lets a reader take a message that is not written yet.
TRANSPORT_ALIASES["filesystem"] = "otestack.broker:Transport"

app = Celery("otestack")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.worker_init.connect
def _share_memory(**_: Any) -> None:
    """Spare the collector of cycles what is loaded: it writes to all of it, and its pages are shared with the pool."""
    os.register_at_fork(before=gc.freeze)


@signals.worker_process_init.connect
def _prepare_process(**_: Any) -> None:
    """Spare the collector of cycles what stays, and take as many open files as the system allows: one an edge."""
    from clusters.engine.nudge import get_ready
    from otestack.memory import keep_no_large_pieces

    get_ready()
    keep_no_large_pieces()
    gc.freeze()
    # It goes through all that lives: of a push over thousands of connections that was up to a fifth, for few cycles.
    gc.set_threshold(20_000, 20, 20)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@signals.task_prerun.connect
def _keep_connections(**_: Any) -> None:
    """Connections to the database live as long as Django's settings say, as they do between requests."""
    from django.db import close_old_connections

    close_old_connections()


@signals.worker_ready.connect
def _start_heartbeat(sender: Any, **_: Any) -> None:
    """Sent in the worker's main process, again after each reconnection to the broker."""
    from clusters import heartbeat
    from otestack.pool import end_with_its_processes

    end_with_its_processes(getattr(sender.pool, "_pool", None))
    heartbeat.start(sender.hostname, sorted(sender.app.amqp.queues.consume_from))


@signals.worker_shutting_down.connect
def _end_heartbeat(**_: Any) -> None:
    """Sent inside a signal handler: it takes nothing new, but may have work to finish."""
    from clusters import heartbeat

    heartbeat.stop()


@signals.worker_shutdown.connect
def _wait_for_heartbeat(**_: Any) -> None:
    """Sent at the very end."""
    from clusters import heartbeat

    heartbeat.stop()
    heartbeat.wait()

"""Celery: queues, beat and the broker without a server."""

from otestack.settings import env
from otestack.settings.base import CELERY_BROKER_URL, OTE_DATA_DIR
from otestack.settings.engine import OTE_SWEEP_SECONDS

# Driving edges can take a whole window; settling must not wait behind it, so each has its own queue and worker.
DRIVE_QUEUE = "drive"
SETTLE_QUEUE = "settle"

CELERY_TASK_DEFAULT_QUEUE = SETTLE_QUEUE
CELERY_TASK_ROUTES = {"clusters.tasks.drive": {"queue": DRIVE_QUEUE}}
CELERY_TASK_IGNORE_RESULT = True
# Or Celery would close the connection to the database after each task; otestack/celery.py looks after it.
CELERY_DB_REUSE_MAX = 1_000_000_000
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TIMEZONE = "UTC"

_sweep = {"schedule": OTE_SWEEP_SECONDS, "options": {"expires": max(1.0, OTE_SWEEP_SECONDS)}}
CELERY_BEAT_SCHEDULE = {
    "drive": {"task": "clusters.tasks.drive", **_sweep},
    "settle": {"task": "deployments.tasks.settle", **_sweep},
    "pace": {"task": "clusters.tasks.pace", "schedule": 10.0, "options": {"expires": 10.0}},
    "recheck": {"task": "clusters.tasks.recheck", "schedule": 600.0, "options": {"expires": 600.0}},
    "trim": {"task": "deployments.tasks.trim", "schedule": 600.0, "options": {"expires": 600.0}},
    "tidy": {"task": "accounts.tasks.tidy", "schedule": 600.0, "options": {"expires": 600.0}},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(OTE_DATA_DIR / "beat-schedule")

if CELERY_BROKER_URL.startswith("filesystem"):
    _folder = OTE_DATA_DIR / "broker"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_folder / "messages"),
        "data_folder_out": str(_folder / "messages"),
        "control_folder": str(_folder / "control"),
        "store_processed": False,
        "polling_interval": env.number("OTE_BROKER_POLL", 0.05, least=0.01),
    }
else:
    # A message is a hint: publishing gives up at once, the sweep finds the work anyway.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 120,
        "socket_connect_timeout": 1,
        "socket_timeout": 5,
        "health_check_interval": 10,
    }

"""`python -m otestack.worker`: `celery -A otestack worker`, without Celery's other commands and the shell they load."""

from celery.bin.base import CLIContext
from celery.bin.worker import worker

from otestack.celery import app

if __name__ == "__main__":
    worker.main(prog_name="worker", obj=CLIContext(app=app, no_color=None, workdir=None, quiet=True))

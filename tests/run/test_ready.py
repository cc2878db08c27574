"""GET /readyz names what is missing and never waits long for what is silent."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.run.product import Product, once, until
from tests.services import Missing, Postgres, Redis

pytestmark = pytest.mark.processes

MakeProduct = Callable[..., Product]
# Two seconds for all checks, and what a busy machine adds.
BOUND = 5.0


def service(kind: Any) -> Iterator[Any]:
    try:
        made = kind()
    except Missing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    yield made
    made.stop()


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    yield from service(Redis)


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    yield from service(Postgres)


def missing(product: Product) -> dict[str, Any]:
    """Return the 503 that comes, each within its bound."""

    def asked() -> Any:
        began = time.monotonic()
        code, body = product.readyz()
        assert time.monotonic() - began < BOUND
        return body if code == 503 else None

    body: dict[str, Any] = until(asked, "not ready")
    assert body["code"] == 503
    return body


def test_a_frozen_worker_is_missed(make_product: MakeProduct) -> None:
    product = make_product().start().ready()
    frozen = product.part("drive")
    product.freeze([frozen])
    body = missing(product)
    assert body["message"] == "Not ready. No worker serves the queue 'drive'."
    assert body["data"] == {
        "web": True,
        "database": True,
        "broker": True,
        "workers": {"drive": False, "settle": True},
    }
    assert product.readyz("?only=web") == (
        200,
        {"code": 200, "message": "success", "data": {"web": True, "database": True}},
    )
    os.kill(frozen, signal.SIGCONT)
    until(lambda: product.readyz()[0] == 200, "ready again")
    assert product.part("drive") == frozen


@once
def test_a_broker_folder_that_takes_nothing_is_missed(make_product: MakeProduct) -> None:
    product = make_product(CELERY_BROKER_URL="").start().ready()
    folder = product.data_dir / "broker" / "messages"
    folder.rename(folder.with_name("away"))
    folder.write_text("in the way")
    body = missing(product)
    assert body["message"] == "Not ready. The broker is not available."
    assert body["data"]["broker"] is False
    assert product.readyz("?only=web")[0] == 200
    folder.unlink()
    folder.with_name("away").rename(folder)
    until(lambda: product.readyz()[0] == 200, "ready again")


@once
def test_a_silent_or_dead_redis_is_missed(make_product: MakeProduct, own_redis: Redis) -> None:
    product = make_product(CELERY_BROKER_URL=own_redis.url()).start().ready()
    own_redis.pause()
    body = missing(product)
    assert body["message"] == "Not ready. The broker does not answer."
    assert body["data"]["broker"] is False
    own_redis.resume()
    until(lambda: product.readyz()[0] == 200, "ready again")
    own_redis.kill()
    assert missing(product)["message"].startswith("Not ready. The broker ")
    own_redis.start()
    until(lambda: product.readyz()[0] == 200, "ready again")


@once
def test_a_silent_or_dead_postgres_is_missed(make_product: MakeProduct, own_postgres: Postgres) -> None:
    product = make_product(DATABASE_URL=own_postgres.url("postgres")).start().ready()
    workers = {name: product.part(name) for name in ("drive", "settle")}
    own_postgres.pause()
    body = missing(product)
    assert body["message"] == "Not ready. The database does not answer."
    assert body["data"] == {
        "web": True,
        "database": False,
        "broker": True,
        "workers": {"drive": None, "settle": None},
    }
    own_postgres.resume()
    until(lambda: product.readyz()[0] == 200, "ready again")
    own_postgres.kill()
    assert "The database is not available." in missing(product)["message"]
    assert product.request("GET", "/healthz")[0] == 200
    product.said("The heartbeat cannot be written")
    own_postgres.start()
    until(lambda: product.readyz()[0] == 200, "ready again")
    assert {name: product.part(name) for name in workers} == workers
    assert product.log.count("The heartbeat cannot be written") <= 4  # once per worker and outage

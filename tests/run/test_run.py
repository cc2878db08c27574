"""`make run`: everything comes up, comes back, and goes."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Callable

import pytest

from otestack.management.commands.join import listens
from otestack.supervisor.process import children_of
from tests.run.product import ROOT, Product, command_line, once, until
from tests.services import free_port

pytestmark = pytest.mark.processes

MakeProduct = Callable[..., Product]
MAKE = ("make", "run", f"PYTHON={sys.executable}")


def log_in(product: Product, name: str, password: str) -> int:
    return product.request("POST", "/v1/authorization", {"user": name, "password": password})[0]


def test_killed_parts_come_back_and_ctrl_c_ends_everything(make_product: MakeProduct) -> None:
    product = make_product().start().ready()
    for name in ("web", "drive", "settle", "beat"):
        before = product.part(name)
        family = [before, *children_of(before)]
        os.kill(before, signal.SIGKILL)
        product.said(f"{name} ended (killed by SIGKILL); it is started again in")
        product.said(f"{name} is started again.")
        until(lambda name=name, before=before: product.part(name) not in {0, before}, f"{name} is back")
        until(lambda family=family: not any(map(command_line, family)), f"nothing is left of the old {name}")
    until(lambda: product.readyz()[0] == 200, "ready again")
    assert product.signal(signal.SIGINT) == 130
    assert product.everything() == []


def test_a_second_start_keeps_data_and_password(make_product: MakeProduct) -> None:
    product = make_product().start().ready()
    kept = product.data_dir / "admin-password"
    password = kept.read_text().strip()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE((product.data_dir / "secrets.json").stat().st_mode) == 0o600
    assert log_in(product, "admin", password) == 200
    body = {"user": "newcomer", "password": "Passw0rdXy", "phone": "12345678", "realName": "New", "isAdmin": False}
    assert product.request("POST", "/v1/user", body)[0] == 200
    assert product.signal(signal.SIGTERM) == 143
    assert product.everything() == []
    assert password not in product.log
    assert str(kept) in product.log

    product.start().ready()
    assert kept.read_text().strip() == password
    assert log_in(product, "admin", password) == 200
    assert log_in(product, "newcomer", "Passw0rdXy") == 200


@once
def test_the_simulated_edge_joins_and_keeps_its_address(make_product: MakeProduct) -> None:
    product = make_product(OTE_EDGE="simulated", OTE_ADMIN_PASSWORD="Passw0rdXy").start().ready()
    assert not (product.data_dir / "admin-password").exists()

    def clusters() -> int:
        _, body = product.request("POST", "/v1/authorization", {"user": "admin", "password": "Passw0rdXy"})
        answer: int = product.request("GET", "/v1/cluster", token=body["token"])[1]["total"]
        return answer

    kubeconfigs = {path: path.read_text() for path in (product.data_dir / "kubeconfigs").glob("*.yaml")}
    assert len(kubeconfigs) == 3
    assert clusters() == 3
    before = product.part("edge")
    os.kill(before, signal.SIGKILL)
    until(lambda: product.part("edge") not in {0, before}, "the edge is back")
    until(lambda: all(map(listens, kubeconfigs)), "the edge listens where it did")
    assert product.signal(signal.SIGINT) == 130
    assert product.everything() == []

    product.start().ready()
    assert {path: path.read_text() for path in kubeconfigs} == kubeconfigs
    assert clusters() == 3


@once
def test_it_prints_where_things_are(make_product: MakeProduct) -> None:
    product = make_product(OTE_ADMIN_USER="chief").start().ready()
    url = f"http://127.0.0.1:{product.port}"
    for text in (f"Listening on         {url}\n", f"{url}/admin/", "System administrator chief, password in"):
        assert text in product.log


@once
def test_two_live_side_by_side(make_product: MakeProduct) -> None:
    registry = {"OTE_REGISTRY": "simulated"}
    first = make_product("one", REGISTRY_PORT=str(free_port()), **registry).start()
    second = make_product("two with # and % and ?", REGISTRY_PORT=str(free_port()), **registry).start()
    first.ready()
    second.ready()
    assert first.signal(signal.SIGINT) == 130
    assert first.everything() == []
    assert second.readyz()[0] == 200
    assert second.signal(signal.SIGTERM) == 143


@once
def test_one_folder_is_for_one(make_product: MakeProduct) -> None:
    first, second = make_product().start().ready(), make_product()
    second.log_path = second.log_path.with_name("second.log")
    second.start()
    assert second.process is not None
    assert second.process.wait(30) == 1
    assert f"is in use by another otestack (process {first.pid})" in second.log
    assert first.readyz()[0] == 200


@once
def test_nothing_outlives_a_killed_supervisor(make_product: MakeProduct) -> None:
    product = make_product().start().ready()
    product.signal(signal.SIGKILL)
    product.gone()


@once
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_make(make_product: MakeProduct, number: signal.Signals) -> None:
    assert (ROOT / "Makefile").exists()
    product = make_product(command=MAKE).start().ready()
    assert product.signal(number) != 0
    product.gone()


@once
def test_a_broken_database_is_one_sentence(make_product: MakeProduct) -> None:
    product = make_product(DATABASE_URL="postgres://postgres@127.0.0.1:1/nothing").start()
    assert product.process is not None
    assert product.process.wait(60) == 1
    assert "CommandError: The database cannot be used:" in product.log
    assert "Traceback" not in product.log

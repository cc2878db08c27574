"""The system administrator's day in a real browser, against a running product with a simulated edge."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clusters.simulator import Simulator
from tests.run.product import Product, once, product, until

sync_api = pytest.importorskip("playwright.sync_api")

from tests.browser.person import Person, chromium, launch  # noqa: E402

pytestmark = [pytest.mark.processes, once]

PASSWORD = "Edge2026xy"
APP = {
    "appName": "web", "deployType": "deployment", "version": "1.1", "replicas": 1, "port": [{"port": 80}],
    "minCPU": 10, "maxCPU": 50, "minMemory": 32, "maxMemory": 64, "isHPA": False, "targetCPUUtilization": 80,
    "targetMemUtilization": 80, "maxUnavailable": 1, "maxSurge": 1, "minReadySeconds": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: OTE_SCREENSHOTS, kept by whoever gave it, else a temporary folder."""
    folder = Path(os.environ.get("OTE_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    chromium()
    with Simulator(tmp_path_factory.mktemp("edge"), {"wuhan": 2, "xian": 1, "yichang": 1}, persist=False) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, edge: Simulator) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("product") / "data"
    with product(folder, OTE_ADMIN_USER="root", OTE_ADMIN_PASSWORD=PASSWORD, OTE_OBSERVE_INTERVAL="2") as made:
        yield made.start().ready()


@pytest.fixture
def person(running: Product, pictures: Path) -> Iterator[Person]:
    with sync_api.sync_playwright() as playwright:
        browser = launch(playwright)
        yield Person(browser, f"http://127.0.0.1:{running.port}", pictures)
        browser.close()


def tenant(product: Product, name: str) -> Callable[..., Any]:
    """A tenant's client of the API: call("POST", "/v1/app", {...})."""
    _, answer = product.request("POST", "/v1/authorization", {"user": name, "password": PASSWORD})

    def call(method: str, path: str, body: Any = None) -> Any:
        status, got = product.request(method, path, body, answer["token"])
        assert status == 200, got
        return got

    return call


def test_the_administrators_day(person: Person, running: Product, edge: Simulator) -> None:
    user = {"user": "alice", "password": PASSWORD, "phone": "12345678910", "realName": "A", "isAdmin": True}
    assert running.request("POST", "/v1/user", user)[0] == 200
    person.go("/admin/")
    person.look("login")
    person.login("root", PASSWORD)
    person.look("overview")

    person.follow(person.page.get_by_role("link", name="Users 1", exact=False).first)
    person.look("users")
    person.press("Filters", shows="#changelist-filter", closed_by="Escape")
    person.press("root", shows="a[href$='/password_change/']")
    person.choose("alice", "approve")
    person.look("approve-user")
    person.confirm(comment="welcome")
    alice = tenant(running, "alice")
    alice("POST", "/v1/business", {"name": "acme", "introduce": "i", "objective": "o", "scale": "s"})
    person.go("/admin/business/business/?status=0")
    person.choose("acme", "approve")
    person.confirm(comment="good luck")

    person.go("/admin/clusters/cluster/make/")
    person.look("register")
    person.confirm(clusterName="wuhan", clusterLabel="south", kubeconfig=edge.kubeconfig("wuhan"))
    person.look("cluster")

    for image in ("nginx:1.27", "nginx:1.28"):
        alice("POST", "/v1/app", APP | {"image": image})
    alice("POST", "/v1/admin/user", user | {"user": "bob", "isAdmin": False})
    bob = tenant(running, "bob")
    sent = {"deployName": "till", "appName": "web", "version": "1.1.1", "cluster": "south", "nodeLabel": ""}
    bob("POST", "/v1/deploy", sent | {"comment": "please"})
    person.go("/admin/deployments/operation/?audit=waiting")
    person.look("queue")
    person.choose("till", "approve")
    assert "nginx:1.27" in person.text() and "wuhan" in person.text()
    person.look("approve-deployment")
    person.confirm(comment="fine")

    def status(wanted: str) -> None:
        def there() -> bool:
            person.go("/admin/deployments/deployment/")
            return wanted in person.page.inner_text("#result_list")

        until(there, wanted, 40)

    status("success")
    number = alice("GET", "/v1/deploy")["data"][0]["id"]
    alice("POST", f"/v1/deploy/id/{number}", {"version": "1.1.2", "comment": "newer"})
    status("1.1.2")
    status("success")
    person.follow(person.page.get_by_role("link", name="till", exact=True))
    person.look("deployment")
    person.follow(person.page.get_by_role("link", name="Roll back", exact=True))
    person.look("roll-back")
    person.confirm(version="1.1.1", comment="back")
    status("success")
    person.go("/admin/")
    person.look("overview-in-the-evening")

    person.go("/admin/accounts/user/")
    person.choose("bob", "forbid")
    person.confirm(comment="left us")
    assert running.request("POST", "/v1/authorization", {"user": "bob", "password": PASSWORD})[0] == 403
    assert not person.faults, "\n".join(person.faults)


def test_a_bar_moves_by_itself_also_past_a_restart_of_the_server(
    person: Person, running: Product, edge: Simulator
) -> None:
    person.login("root", PASSWORD)
    for name in ("xian", "yichang"):
        person.go("/admin/clusters/cluster/make/")
        person.confirm(clusterName=name, clusterLabel="west", kubeconfig=edge.kubeconfig(name))
        edge.set_away(name, "refuse")
    root = tenant(running, "root")
    root("POST", "/v1/app", APP | {"appName": "live", "image": "nginx:1.27"})
    sent = {"deployName": "live", "appName": "live", "version": "1.1.1", "cluster": "west", "nodeLabel": ""}
    root("POST", "/v1/deploy", sent | {"comment": ""})
    (made,) = (row for row in root("GET", "/v1/deploy")["data"] if row["deployName"] == "live")
    person.go(f"/admin/deployments/deployment/{made['id']}/change/")
    person.page.evaluate("window.stayed = true")  # and goes with a reload

    def stands_at(value: int) -> None:
        bar = "value => window.stayed && document.querySelector('[data-deployment] progress').value === value"
        person.page.wait_for_function(bar, arg=value, timeout=60_000)

    stands_at(0)
    edge.set_away("xian", False)
    stands_at(50)
    assert not person.faults, "\n".join(person.faults)
    # What the browser asks first is answered by a proxy in front, as long as nobody is behind it.
    person.page.route("**/admin/events/**", lambda route: route.fulfill(status=502), times=1)
    os.kill(running.part("web"), signal.SIGKILL)
    running.said("web ended (killed by SIGKILL)")
    until(lambda: running.readyz()[0] == 200, "the web server is up again")
    edge.set_away("yichang", False)
    stands_at(100)
    assert person.page.inner_text("[data-say=clusters]") == "2 / 2"
    assert not [fault for fault in person.faults if "net::ERR_" not in fault and "502" not in fault]

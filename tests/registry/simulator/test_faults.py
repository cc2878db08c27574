"""What is made to go wrong does, and nothing besides; a restart loses nothing."""

from __future__ import annotations

import socket
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from django.core.management import CommandError, call_command

from clusters.simulator import certs
from registry.simulator import HarborSimulator
from tests.registry.simulator.callers import PASSWORD, Caller, made, project_body, refused, user_body
from tests.run.product import ROOT, clean_env
from tests.services import free_port


def test_away(harbor: HarborSimulator, admin: Caller) -> None:
    harbor.set_away("unavailable")
    answer = admin.get("/projects")
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html")
    harbor.set_away("refuse")
    with pytest.raises(requests.ConnectionError):
        admin.get("/projects")
    harbor.set_away("hang")
    with pytest.raises(requests.ReadTimeout):
        admin.session.get(f"{admin.base}/projects", timeout=0.2)
    harbor.set_away("")
    assert admin.get("/projects").status_code == 200


def test_single_faults(harbor: HarborSimulator, admin: Caller) -> None:
    harbor.fail_next(2, method="GET", path="/users", status=500)
    assert admin.get("/projects").status_code == 200
    assert [admin.get("/users").status_code for _ in range(3)] == [500, 500, 200]
    harbor.fail_next(status=502, html=True)
    assert "html" in admin.get("/projects").headers["Content-Type"]
    began = time.monotonic()
    harbor.fail_next(delay=0.2)
    assert admin.get("/projects").status_code == 200
    assert time.monotonic() - began >= 0.2
    harbor.set_latency(0.1)
    began = time.monotonic()
    admin.get("/projects")
    assert time.monotonic() - began >= 0.1


def test_an_answer_that_is_lost_was_done(harbor: HarborSimulator, admin: Caller) -> None:
    harbor.fail_next(method="POST", lost=True)
    with pytest.raises(requests.ConnectionError):
        admin.post("/projects", project_body("acme"))
    assert admin.read("/projects/acme")["name"] == "acme"


def test_calls_are_kept(harbor: HarborSimulator, admin: Caller) -> None:
    harbor.reset_calls()
    admin.get("/projects?page=1")
    admin.post("/users", user_body("alice"))
    assert harbor.calls == [("GET", "/api/v2.0/projects?page=1"), ("POST", "/api/v2.0/users")]


def test_control_over_http(harbor: HarborSimulator, admin: Caller) -> None:
    url, headers = f"{harbor.url}/control", {"Authorization": f"Bearer {harbor.control_token}"}

    def put(**body: object) -> requests.Response:
        return admin.session.put(url, json=body, headers=headers, auth=lambda request: request, timeout=10)

    assert admin.session.get(url, timeout=10).status_code == 401
    assert put(behaviour={"read_only": True}, latency=0.0, fail=[{"status": 500}]).json()["faults"] == 1
    assert admin.get("/projects").status_code == 500
    assert refused(admin.post("/projects", project_body("acme"))) == (403, "DENIED")
    for body in ({"behaviour": {"nothing": 1}}, {"behaviour": {"read_only": 1}}, {"away": "far"}, {"fail": [{"x": 1}]}):
        assert put(**body).status_code == 400
    state = put(behaviour={"read_only": False}, immutable=[{"project": "acme", "tag": "v*"}]).json()
    assert state["immutable"] == [{"project": "acme", "repository": "**", "tag": "v*"}]
    made(admin.post("/projects", project_body("acme")))
    harbor.push("acme/web", "v1")
    assert admin.delete("/projects/acme/repositories/web").status_code == 412


def test_bytes_that_are_no_request(harbor: HarborSimulator) -> None:
    head = b"POST /api/v2.0/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    for rest, status in [
        (b"Content-Length: x\r\n\r\n", b"400"),
        (b"Content-Length: 2000000\r\n\r\n", b"413"),
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"401"),
    ]:
        with socket.create_connection((harbor.host, harbor.port), timeout=10) as connection:
            connection.sendall(head + rest)
            assert connection.recv(100).split()[1] == status, rest


def test_tls(tmp_path: Path) -> None:
    certs.ensure(tmp_path)
    with HarborSimulator(tmp_path / "data", tls=certs.context(tmp_path)) as running:
        answer = requests.get(f"{running.url}/v2/", verify=str(tmp_path / "ca.crt"), timeout=10)
        assert answer.headers["Www-Authenticate"].startswith(f'Bearer realm="{running.url}/service/token"')
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{running.url}/v2/", verify=ssl.get_default_verify_paths().cafile or True, timeout=10)


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    with HarborSimulator(tmp_path, admin_password=PASSWORD, login_delay=0.0) as first:
        admin = Caller(first, *first.admin)
        made(admin.post("/users", user_body("user")))
        made(Caller(first, "user").post("/projects", project_body("acme")))
        digest = first.push("acme/web", "v1")
        before = admin.read("/projects/acme/repositories/web/artifacts")
        token = first.control_token
    with HarborSimulator(tmp_path, admin_password=PASSWORD, login_delay=0.0) as second:
        assert Caller(second, "admin").read("/projects/acme/repositories/web/artifacts") == before
        manifest = Caller(second, "user").session.get(f"{second.url}/v2/acme/web/manifests/v1", timeout=10)
        assert manifest.headers["Docker-Content-Digest"] == digest
        assert second.control_token == token
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{second.url}/api/v2.0/ping", timeout=10)


def test_the_command(tmp_path: Path) -> None:
    data, port = tmp_path / "registry", free_port()
    command = ["manage.py", "simulate_harbor", "--data", str(data), "--port", str(port), "--latency", "1ms"]
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        text=True,
        env=clean_env(OTE_DEBUG="true", OTE_DATA_DIR=str(tmp_path / "settings")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"Simulated registry at http://127.0.0.1:{port}, data in {data}\n"
        kept = data / "admin-password"
        assert {stat.S_IMODE(path.stat().st_mode) for path in (kept, data / "control-token")} == {0o600}
        with requests.Session() as session:
            session.trust_env = False
            session.auth = ("admin", kept.read_text().strip())
            answer = session.get(f"http://127.0.0.1:{port}/api/v2.0/users/current", timeout=10)
            assert answer.json()["user_id"] == 1
        with pytest.raises(CommandError, match=r"It cannot start: .*in use"):
            call_command("simulate_harbor", port=port, data=tmp_path / "other")
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()

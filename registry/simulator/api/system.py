"""What the registry says about itself."""

from ..clock import stamp
from ..wire import Answer, json_answer
from .call import Call

_COMPONENTS = ("core", "database", "jobservice", "portal", "redis", "registry", "registryctl")


def info(call: Call) -> Answer:
    """GET /systeminfo: to those who are logged in it tells more."""
    behaviour, request = call.harbor.behaviour, call.request
    found = {
        "auth_mode": behaviour.auth_mode,
        "primary_auth_mode": False,
        "self_registration": behaviour.self_registration,
        "banner_message": "",
        "oidc_provider_name": "",
    }
    if call.caller.authenticated:
        host = request.headers.get("Host", "")
        found |= {
            "current_time": stamp(),
            "external_url": f"{'https' if request.secure else 'http'}://{host}",
            "harbor_version": behaviour.version,
            "has_ca_root": False,
            "notification_enable": True,
            "project_creation_restriction": behaviour.project_creation_restriction,
            "read_only": behaviour.read_only,
            "registry_storage_provider_name": "filesystem",
            "registry_url": host,
        }
    return json_answer(found)


def health(call: Call) -> Answer:
    """GET /health."""
    components = [{"name": name, "status": "healthy"} for name in _COMPONENTS]
    return json_answer({"status": "healthy", "components": components})


def ping(call: Call) -> Answer:
    """GET /ping."""
    return Answer(200, b"Pong", {"Content-Type": "text/plain; charset=utf-8"})

"""The knobs: what an operator of a real Harbor sets, and how slow it is."""

from dataclasses import asdict, dataclass, fields
from typing import Any

AUTH_MODES = ("db_auth", "ldap_auth", "oidc_auth", "http_auth", "uaa_auth")


@dataclass(slots=True)
class Behaviour:
    """Changed by the control endpoint while running; a restart starts from the defaults again."""

    login_delay: float = 1.5  # a failed login takes this long, and locks the name for as long
    pull_lag: float = 10.0  # a pull is counted so much later
    read_only: bool = False
    auth_mode: str = "db_auth"
    self_registration: bool = False
    project_creation_restriction: str = "everyone"  # or adminonly
    touches_repositories: bool = True  # false before 2.15.2: a push leaves the repository's update_time alone
    version: str = "v2.16.0-simulated"
    robot_prefix: str = "robot$"
    storage_per_project: int = -1

    def change(self, wanted: dict[str, Any]) -> None:
        """Set the named knobs, all or none. Raises ValueError on an unknown one or a wrong type."""
        known = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        made = {}
        for name, value in wanted.items():
            kind = known.get(name)
            if kind is None:
                raise ValueError(f"there is no knob '{name}'")
            if kind is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if type(value) is not kind:
                raise ValueError(f"'{name}' is a {kind.__name__}")
            made[name] = value
        if made.get("auth_mode", self.auth_mode) not in AUTH_MODES:
            raise ValueError(f"auth_mode is one of {', '.join(AUTH_MODES)}")
        if made.get("project_creation_restriction", "everyone") not in ("everyone", "adminonly"):
            raise ValueError("project_creation_restriction is everyone or adminonly")
        for name, value in made.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """All knobs."""
        return asdict(self)

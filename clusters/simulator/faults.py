"""Answers that a test asked to go wrong."""

from dataclasses import dataclass

from .api.status import ApiError

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


@dataclass(slots=True)
class Fault:
    """The next `count` matching requests are answered with `status`."""

    status: int
    count: int = 1
    method: str = ""
    kind: str = ""
    name: str = ""
    message: str = "injected fault"

    def matches(self, method: str, kind: str, name: str) -> bool:
        """Whether this request is to fail."""
        return self.count > 0 and self.method in ("", method) and self.kind in ("", kind) and self.name in ("", name)


def take(faults: list[Fault], method: str, kind: str, name: str) -> None:
    """Raise the first matching fault and use it up."""
    for fault in faults:
        if fault.matches(method, kind, name):
            fault.count -= 1
            if not fault.count:
                faults.remove(fault)
            retry = 1 if fault.status in (429, 503) else None
            raise ApiError(fault.status, _REASONS.get(fault.status, ""), fault.message, {}, retry_after=retry)

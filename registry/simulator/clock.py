"""Times as Harbor writes them; as text they sort as they should."""

from datetime import UTC, datetime

NEVER = "0001-01-01T00:00:00.000Z"


def stamp(moment: datetime | None = None) -> str:
    """Now, or another moment, in milliseconds."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

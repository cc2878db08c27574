"""What placements have to say, in bounded sentences: pure."""

from datetime import datetime

SENTENCE_LENGTH = 300


def sentence(state: str, last_error: str, observed_at: datetime | None, away_since: datetime | None, why: str) -> str:
    """Return what is wrong there in one line, or "". why: the last error of the cluster itself."""
    if away_since is not None:
        text = f"The cluster has not answered since {away_since:%Y-%m-%d %H:%M:%S} UTC"
        return bounded(f"{text}: {why}" if why else f"{text}.")
    if state == "stale" and not last_error:
        if observed_at is None:
            return "The cluster has not been observed yet."
        return f"The cluster was last observed at {observed_at:%Y-%m-%d %H:%M:%S} UTC."
    return last_error


def bounded(text: str) -> str:
    """Return the text, cut to what a sentence may be long."""
    return text if len(text) <= SENTENCE_LENGTH else text[: SENTENCE_LENGTH - 1] + "…"


def clusters_named(number: int, what: str, first: str | None) -> str:
    """Return '1 cluster away: beijing' or '3 clusters away: beijing, …'."""
    noun = "cluster" if number == 1 else "clusters"
    return f"{number} {noun} {what}: {first}{'' if number == 1 else ', …'}"

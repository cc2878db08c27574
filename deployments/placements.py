"""What placements have to say, in bounded sentences: pure."""

from datetime import datetime

from otestack import sentences
from otestack.sentences import say

SENTENCE_LENGTH = 300


def sentence(state: str, last_error: str, observed_at: datetime | None, away_since: datetime | None, why: str) -> str:
    """Return what is wrong there in one line, or "". why: the last error of the cluster itself."""
    if away_since is not None:
        text = say(
            "The cluster has not answered since %(away_since)s UTC", away_since=f"{away_since:%Y-%m-%d %H:%M:%S}"
        )
        return _because(text, why)
    if last_error or state == "ready":
        return last_error
    if state != "stale":
        return bounded(why)  # nothing is wrong with it but what keeps its cluster from being worked on
    if observed_at is None:
        text = say("The cluster has not been observed yet")
    else:
        text = say(
            "The cluster was last observed at %(observed_at)s UTC", observed_at=f"{observed_at:%Y-%m-%d %H:%M:%S}"
        )
    return _because(text, why)


def _because(what: str, why: str) -> str:
    return bounded(say("%(what)s: %(why)s", what=what, why=why) if why else say("%(what)s.", what=what))


def bounded(text: str) -> str:
    """Return the text, cut to what a sentence may be long."""
    return sentences.bounded(text, SENTENCE_LENGTH, "…")


def clusters_named(number: int, what: str, first: str | None) -> str:
    """Return '1 cluster away: beijing' or '3 clusters away: beijing, …'."""
    if number == 1:
        return say("%(number)s cluster %(what)s: %(first)s", number=number, what=what, first=first)
    return say("%(number)s clusters %(what)s: %(first)s, …", number=number, what=what, first=first)

"""Every two calls that change the same object, at once: what comes of it is what one of the two orders would leave.

Each pair is run in both orders on worlds of their own, then at once: held back so that both have read what they read
without a lock, either of them first, and started at the same moment. A refusal's code may differ from the orders'
(who reads before the other is done is refused by another check), whether it was refused may not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations_with_replacement

import pytest
from django.core.cache import cache

from accounts.models import User
from business.models import Business
from clusters.models import Installation
from tests.contract.calls import KINDS, end_business
from tests.contract.pairs import Call, Outcome, Pair, World
from tests.races import needs_postgres

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

# Also held back at the placement lock, where they have taken and seen all that comes before it.
GATED = {"business", "version", "deployment", "new deployment"}


@pytest.fixture
def root(make_user: Callable[..., User]) -> User:
    """A system administrator, and another, so that neither is the last."""
    Installation.objects.get_or_create(pk=1)  # the flush after an earlier test may have taken it away
    fields = {"name": "system", "introduce": "i", "objective": "o", "scale": "s", "status": 1, "namespace": "default"}
    system = Business.objects.get_or_create(is_system=True, defaults=fields)[0]
    make_user(4, system, "another")
    return make_user(4, system, "root")


@pytest.fixture
def pair() -> Iterator[Pair]:
    needs_postgres()
    made = Pair()
    yield made
    made.close()


@pytest.mark.parametrize("kind", KINDS)
def test_two_at_once_end_as_one_after_the_other(kind: str, root: User, pair: Pair) -> None:
    begin, calls = KINDS[kind]
    wrong = []

    def at_the_gate(both: list[Call]) -> list[int]:
        return pair.hold_back(both, [Installation])

    def outcome(names: tuple[str, str], run: Callable[[list[Call]], list[int]]) -> Outcome:
        cache.clear()  # the throttles
        world = World(root)
        begin(world)
        codes = run([calls[name](world) for name in names])
        assert max(codes) < 500, (names, codes)
        fates = sorted((name, code == 200) for name, code in zip(names, codes, strict=True))
        return (repr(fates), *world.state())

    for one, two in combinations_with_replacement(calls, 2):
        if kind == "business" and end_business not in {calls[one], calls[two]}:
            continue  # the same object only through the business; each has a kind of its own
        orders = sorted({(one, two), (two, one)})
        allowed = [outcome(names, in_order) for names in orders]
        found = [outcome(names, pair.hold_back) for names in orders]
        if kind in GATED:
            found += [outcome(names, at_the_gate) for names in orders]
        found.append(outcome((one, two), pair.start_together))
        wrong += [explained(seen, allowed) for seen in found if seen not in allowed]
    assert not wrong, "\n\n".join(wrong)


def in_order(calls: list[Call]) -> list[int]:
    return [call() for call in calls]


def explained(seen: Outcome, allowed: list[Outcome]) -> str:
    """What is not as in either order, part by part."""
    lines = [seen[0]]
    for order in allowed:
        pairs = zip(seen, order, strict=True)
        lines += [f"  at once  {mine}\n  in order {theirs}" for mine, theirs in pairs if mine != theirs]
    return "\n".join(lines)

"""Guessing passwords: what is counted, for whom, at which door; and that no answer tells which names exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.cache import cache

from tests.conftest import PASSWORD

LOGIN, DOOR = "/v1/authorization", "/admin/login/"
WRONG = "Wr0ngPassword"


def knock(api: Any, user: Any, password: str = WRONG, address: str = "198.51.100.1", **headers: str) -> Any:
    """Try to log in to the API."""
    body = {"user": user, "password": password}
    options = {"content_type": "application/json", "headers": headers, "REMOTE_ADDR": address}
    return api().client.post(LOGIN, body, **options)


def knock_at_the_door(api: Any, user: str, password: str = WRONG, address: str = "198.51.100.1") -> Any:
    """Try to log in to the back-office."""
    return api().client.post(DOOR, {"username": user, "password": password}, REMOTE_ADDR=address)


def codes(api: Any, count: int, user: str, **options: Any) -> list[int]:
    return [knock(api, user, **options).status_code for _ in range(count)]


def test_an_attacker_locks_out_the_own_address_only(api: Any, member: Any) -> None:
    assert codes(api, 12, "member") == [401] * 10 + [429] * 2
    assert knock(api, "member", PASSWORD).status_code == 429
    assert knock(api, "member", PASSWORD, address="203.0.113.7").status_code == 200
    assert codes(api, 9, "member", address="203.0.113.7") == [401] * 9
    assert knock(api, "member", PASSWORD, address="203.0.113.7").status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP"])
def test_an_address_that_a_client_writes_itself_gains_nothing(api: Any, member: Any, header: str) -> None:
    found = [knock(api, "member", **{header: f"203.0.113.{number}"}).status_code for number in range(12)]
    assert found == [401] * 10 + [429] * 2


def test_nor_does_it_lock_out_whose_address_it_is(api: Any, member: Any) -> None:
    for _ in range(12):
        knock(api, "member", **{"X-Forwarded-For": "203.0.113.7"})
    assert knock(api, "member", PASSWORD, address="203.0.113.7").status_code == 200


def test_behind_a_proxy_the_written_address_locks_out_nobody(api: Any, member: Any, settings: Any) -> None:
    settings.OTE_TRUSTED_PROXIES = 1
    for _ in range(12):
        knock(api, "member", **{"X-Forwarded-For": "203.0.113.7, 198.51.100.66"})
    assert knock(api, "member", PASSWORD, **{"X-Forwarded-For": "203.0.113.7"}).status_code == 200
    assert knock(api, "member", PASSWORD, **{"X-Forwarded-For": "198.51.100.66"}).status_code == 429


@pytest.mark.parametrize("name", ["MEMBER", "Member", "mEmBeR"])
def test_another_spelling_of_the_name_is_no_other_user(api: Any, member: Any, name: str) -> None:
    assert codes(api, 10, "member") == [401] * 10
    assert knock(api, name).status_code == 429


def test_many_users_of_one_address_are_counted_apart(api: Any, make_user: Any) -> None:
    for number in range(15):
        make_user(1, username=f"person{number}")
    assert {knock(api, f"person{number}").status_code for number in range(15)} == {401}
    assert {knock(api, f"person{number}", PASSWORD).status_code for number in range(15)} == {200}


def test_retry_after_is_when_the_oldest_failure_is_forgotten(api: Any, member: Any, settings: Any) -> None:
    settings.OTE_LOGIN_SECONDS = 77
    codes(api, 10, "member")
    for attempt in (knock(api, "member"), knock(api, "member", PASSWORD), knock_at_the_door(api, "member")):
        assert attempt.status_code == 429
        assert 70 <= int(attempt.headers["Retry-After"]) <= 77
        assert f"try again in {attempt.headers['Retry-After']} s" in attempt.content.decode()


def test_what_is_refused_under_the_throttle_does_not_lengthen_it(api: Any, member: Any, settings: Any) -> None:
    settings.OTE_LOGIN_SECONDS = 100
    codes(api, 10, "member")
    waits = [int(knock(api, "member").headers["Retry-After"]) for _ in range(20)]
    assert waits == sorted(waits, reverse=True)


@pytest.mark.parametrize("first", [knock, knock_at_the_door])
@pytest.mark.parametrize("second", [knock, knock_at_the_door])
def test_both_doors_count_together(api: Any, system: Any, first: Any, second: Any) -> None:
    for _ in range(10):
        assert first(api, "root").status_code in {200, 401}
    assert second(api, "root", PASSWORD).status_code == 429
    cache.clear()
    assert second(api, "root", PASSWORD).status_code in {200, 302}


def test_the_door_says_in_the_page_that_it_is_shut(api: Any, system: Any) -> None:
    for _ in range(10):
        answer = knock_at_the_door(api, "root")
        assert answer.status_code == 200
        assert "Too many attempts" not in answer.content.decode()
    answer = knock_at_the_door(api, "root", PASSWORD)
    assert answer.status_code == 429
    assert "Too many attempts; try again in" in answer.content.decode()
    assert "sessionid" not in answer.cookies
    assert knock_at_the_door(api, "root", PASSWORD, address="203.0.113.7").status_code == 302


def test_a_stolen_token_does_not_help_to_guess_the_password(api: Any, member: Any) -> None:
    thief = api(member)
    body = {"oldPassword": WRONG, "password": "An0therPassword"}
    found = [thief.put("/v1/user", body) for _ in range(12)]
    assert [answer.status_code for answer in found] == [422] * 10 + [429] * 2
    assert thief.put("/v1/user", body | {"oldPassword": PASSWORD}).status_code == 429
    assert int(found[-1].headers["Retry-After"]) > 0


def test_a_stolen_session_does_not_help_either(api: Any, system: Any) -> None:
    thief = api().client
    thief.force_login(system)
    form = {"old": WRONG, "password": "An0therPassword", "again": "An0therPassword"}
    for _ in range(10):
        assert "It is not the current password." in thief.post("/admin/password_change/", form).content.decode()
    page = thief.post("/admin/password_change/", form | {"old": PASSWORD}).content.decode()
    assert "Too many attempts" in page


class Counting(PBKDF2PasswordHasher):
    """Says how often it had to work."""

    iterations = 1
    work: list[int] = []

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        self.work.append(iterations or self.iterations)
        return super().encode(password, salt, iterations)


@pytest.fixture
def work(settings: Any, make_user: Any, api: Any, system: Any) -> Iterator[list[int]]:
    """How many rounds the hasher has worked, for each time; with users of every kind."""
    settings.PASSWORD_HASHERS = [f"{__name__}.Counting"]
    for status in range(4):
        make_user(1, username=f"status{status}", status=status)
    make_user(1, username="deleted", deleted_at="2024-01-01T00:00:00Z")
    make_user(4, username="chief")
    locked = make_user(1, username="unusable")
    locked.set_unusable_password()
    locked.save()
    yield Counting.work
    Counting.work.clear()


WHO = ("nobody", "status0", "status1", "status2", "status3", "deleted", "chief", "unusable", "CHIEF", "é", "x" * 64)


@pytest.mark.parametrize("door", [knock, knock_at_the_door])
def test_a_wrong_password_costs_the_same_work_whoever_it_is(api: Any, work: list[int], door: Any) -> None:
    seen = {}
    for name in WHO:
        work.clear()
        answer = door(api, name)
        seen[name] = (tuple(work), answer.status_code, answer.headers.keys() - {"Set-Cookie"})
    assert len(set(map(repr, seen.values()))) == 1, seen
    assert sum(seen["nobody"][0]) == Counting.iterations


def test_the_answers_are_the_same_too(api: Any, work: list[int]) -> None:
    assert len({knock(api, name).content for name in WHO}) == 1


def test_the_right_password_of_an_ended_user_is_as_wrong_as_any(api: Any, work: list[int]) -> None:
    assert knock(api, "deleted", PASSWORD).content == knock(api, "nobody", PASSWORD).content


def test_under_the_throttle_nobody_is_looked_up(api: Any, work: list[int], django_assert_num_queries: Any) -> None:
    for name in ("status1", "nobody"):
        codes(api, 10, name)
        work.clear()
        with django_assert_num_queries(0):
            assert knock(api, name).status_code == 429
        assert work == []


def test_an_old_hash_is_no_quicker_to_check(api: Any, work: list[int], monkeypatch: Any) -> None:
    monkeypatch.setattr(Counting, "iterations", 5)  # the users above have hashes of one round
    rounds = {}
    for name in ("status1", "nobody"):
        work.clear()
        assert knock(api, name).status_code == 401
        rounds[name] = sum(work)
    assert rounds["status1"] == rounds["nobody"] == 5

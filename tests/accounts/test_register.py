"""POST /v1/user."""

import pytest

from accounts.models import User

URL = "/v1/user"
BODY = {"user": "u1", "password": "xxX@1234", "phone": "12345678910", "realName": "hello", "isAdmin": True}


def test_a_registered_user_waits(api, db):
    response = api().post(URL, BODY)
    assert response.status_code == 200
    assert response.json() == {"code": 200, "message": "success"}
    user = User.objects.get()
    assert (user.username, user.phone, user.real_name, user.is_admin) == ("u1", "12345678910", "hello", True)
    assert (user.status, user.is_superuser, user.business) == (0, False, None)
    token = api().post("/v1/authorization", {"user": "u1", "password": "xxX@1234"}).json()["token"]
    assert api(token=token).get("/v1/authorization").json()["data"]["role"] == 0


def test_the_password_is_not_kept_readable(api, db):
    api().post(URL, BODY)
    assert "xxX@1234" not in User.objects.get().password


def test_fields_of_power_in_the_body_are_ignored(api, db):
    api().post(URL, BODY | {"status": 1, "is_superuser": True, "role": 4, "business": 1, "id": 10**9})
    user = User.objects.get()
    assert (user.status, user.is_superuser, user.business_id, user.pk == 10**9) == (0, False, None, False)


@pytest.mark.parametrize("token", ["nonsense", "Bearer nonsense"])
def test_a_bad_token_does_not_hinder(api, db, token):
    assert api(token=token).post(URL, BODY).status_code == 200


@pytest.mark.parametrize("name", ["member", "MEMBER", "Member"])
def test_a_taken_name_is_422_on_user(api, member, name):
    response = api().post(URL, BODY | {"user": name})
    assert response.status_code == 422
    assert set(response.json()["errors"]) == {"user"}
    assert User.objects.count() == 1


def test_the_name_of_a_deleted_user_is_free(api, member, system):
    api(system).delete(f"/v1/admin/user/{member.pk}")
    assert api().post(URL, BODY | {"user": "member"}).status_code == 200
    assert User.objects.filter(username="member").count() == 2


@pytest.mark.parametrize("name", ["u", "U1", "1u", "a.b_c-d", "9", "x" * 64])
def test_good_names(api, db, name):
    assert api().post(URL, BODY | {"user": name}).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[
            ("user", name)
            for name in ("", " ", "a b", ".a", "-a", "_a", "x" * 65, "ä", "a/b", "a\n", "a@b", 5, True, [])
        ],
        *[
            ("password", word)
            for word in ("", "Aa1", "Aa1aaaa", "A" * 20 + "a1", "aaaaaaa1", "AAAAAAA1", "Aaaaaaaa", 12345678)
        ],
        *[
            ("phone", phone)
            for phone in (
                "",
                "1234",
                "1" * 21,
                "+1234",
                "12-34567",
                "++12345",
                "12345a",
                "12345\n",
                "１２３４５",
                12345678,
            )
        ],
        *[("realName", text) for text in ("", "x" * 256, 5, "a\0b", "\ud800")],
        *[("isAdmin", flag) for flag in ("yes", "true", 1, 0, "")],
    ],
)
def test_wrong_values(api, db, field, value):
    response = api().post(URL, BODY | {field: value})
    assert response.status_code == 422
    body = response.json()
    assert set(body["errors"]) == {field}
    assert body["code"] == 422
    assert body["message"]
    assert not User.objects.exists()


@pytest.mark.parametrize("field", list(BODY))
@pytest.mark.parametrize("how", ["absent", "null"])
def test_every_field_is_required(api, db, field, how):
    body = {key: value for key, value in BODY.items() if key != field} | ({field: None} if how == "null" else {})
    response = api().post(URL, body)
    assert response.status_code == 422
    assert set(response.json()["errors"]) == {field}


def test_all_faults_are_told_at_once(api, db):
    assert set(api().post(URL, {}).json()["errors"]) == set(BODY)


@pytest.mark.parametrize("phone", ["12345", "1" * 20, "+12345", "+" + "1" * 20])
def test_good_phones(api, db, phone):
    assert api().post(URL, BODY | {"phone": phone}).status_code == 200


@pytest.mark.parametrize("password", ["Aa345678", "Aa1" + "x" * 17, "Aa1 \t !?", "Pässwört1", "密码Aa1234567"])
def test_good_passwords(api, db, password):
    assert api().post(URL, BODY | {"password": password}).status_code == 200
    assert api().post("/v1/authorization", {"user": "u1", "password": password}).status_code == 200


@pytest.mark.parametrize("name", ["张伟", "  spaced  ", "O'Neil; --", "🙂", "<b>"])
def test_real_names_are_kept_as_they_are(api, db, name):
    api().post(URL, BODY | {"realName": name})
    assert User.objects.get().real_name == name

"""POST and GET /v1/business; GET and PUT /v1/business/id/[id]."""

import pytest

from business.models import Business
from clusters.models import Bundle, BundleObject
from tests.accounts.test_register import BODY as USER

URL = "/v1/business"
BODY = {"name": "name", "introduce": "introduce", "objective": "objective", "scale": "1400000000"}


@pytest.fixture
def applicant(make_user):
    """Approved user without a business (role 1), registered as administrator."""
    return make_user(1, username="applicant")


@pytest.fixture
def application(api, applicant):
    """A waiting application of the applicant."""
    assert api(applicant).post(URL, BODY).status_code == 200
    return Business.objects.get(name="name")


def of(business):
    return f"{URL}/id/{business.pk}"


def role(api, user):
    return api(user).get("/v1/authorization").json()["data"]["role"]


def names(response):
    return [row["name"] for row in response.json()["data"]]


# POST


def test_an_application_waits(api, applicant):
    assert api(applicant).post(URL, BODY).json() == {"code": 200, "message": "success"}
    business = Business.objects.get(name="name")
    assert (business.status, business.applicant, business.namespace, business.bundle) == (0, applicant, "", None)
    assert (business.introduce, business.objective, business.scale) == ("introduce", "objective", "1400000000")
    assert role(api, applicant) == 1


def test_fields_of_power_are_ignored(api, applicant):
    api(applicant).post(URL, BODY | {"status": 1, "is_system": True, "namespace": "kube-system", "userId": 5})
    business = Business.objects.get(name="name")
    assert (business.status, business.is_system, business.namespace) == (0, False, "")


def test_only_users_registered_as_administrators_apply(api, make_user):
    assert api(make_user(1, is_admin=False)).post(URL, BODY).status_code == 403
    assert not Business.objects.filter(is_system=False).exists()


def test_a_second_application_while_one_waits_is_409(api, applicant, application):
    assert api(applicant).post(URL, BODY | {"name": "another"}).status_code == 409
    assert Business.objects.filter(is_system=False).count() == 1


def test_after_a_refusal_the_applicant_may_apply_again(api, applicant, application, system):
    api(system).put(of(application), {"status": 2, "comment": "no"})
    assert api(applicant).post(URL, BODY).status_code == 200
    assert list(Business.objects.filter(name="name").order_by("id").values_list("status", flat=True)) == [2, 0]
    assert names(api(applicant).get(URL)) == ["name", "name"]


@pytest.mark.parametrize(("status", "code"), [(0, 422), (1, 422), (2, 200), (3, 200)])
def test_a_name_is_taken_by_pending_and_approved_ones(api, applicant, make_business, status, code):
    make_business("name", status=status)
    response = api(applicant).post(URL, BODY)
    assert response.status_code == code
    if code == 422:
        assert set(response.json()["errors"]) == {"name"}


def test_the_name_of_the_built_in_business_is_taken(api, applicant):
    assert api(applicant).post(URL, BODY | {"name": "system"}).status_code == 422


@pytest.mark.parametrize("field", list(BODY))
@pytest.mark.parametrize("value", ["absent", None, "", 5, True, ["x"], "a\0b", "\ud800", "x" * 4001])
def test_wrong_values(api, applicant, field, value):
    body = {key: text for key, text in BODY.items() if key != field} | ({} if value == "absent" else {field: value})
    response = api(applicant).post(URL, body)
    assert response.status_code == 422
    assert set(response.json()["errors"]) == {field}
    assert not Business.objects.filter(is_system=False).exists()


def test_text_is_kept_as_it_is(api, applicant, system):
    body = {"name": " 智慧园区 ", "introduce": "x" * 4000, "objective": "a\nb\t'\"<>", "scale": "🙂"}
    assert api(applicant).post(URL, body).status_code == 200
    business = Business.objects.get(applicant=applicant)
    detail = api(system).get(of(business)).json()["data"]
    assert {key: detail[key] for key in body} == body


# GET list


def test_the_list_has_the_seeds_fields(api, applicant, application):
    body = api(applicant).get(URL).json()
    assert body == {
        "code": 200,
        "message": "success",
        "total": 1,
        "data": [
            {
                "name": "name",
                "userId": applicant.pk,
                "comment": "",
                "id": application.pk,
                "status": 0,
                "createTime": int(application.created_at.timestamp()),
                "updateTime": int(application.updated_at.timestamp()),
            }
        ],
    }


def test_the_built_in_business_is_there_from_the_start(api, system):
    (row,) = api(system).get(URL).json()["data"]
    assert (row["name"], row["userId"], row["status"]) == ("system", 0, 1)
    assert Business.objects.get(pk=row["id"]).namespace == "default"


@pytest.mark.parametrize("role", [2, 3])
def test_members_see_their_own(api, make_user, acme, other, role):
    assert names(api(make_user(role, acme)).get(URL)) == ["acme"]


def test_users_without_a_business_see_their_applications_only(api, make_user, acme, application, applicant):
    assert names(api(make_user(1)).get(URL)) == []
    assert names(api(applicant).get(URL)) == ["name"]


def test_deleted_ones_leave_the_list(api, system, make_business):
    make_business("gone", status=3)
    make_business("refused", status=2)
    body = api(system).get(URL).json()
    assert ([row["name"] for row in body["data"]], body["total"]) == (["system", "refused"], 2)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["system", "Alpha", "beta", "50%_off"]),
        ({"order": "desc"}, ["50%_off", "beta", "Alpha", "system"]),
        ({"orderBy": "id", "order": "asc", "pageSize": 2}, ["system", "Alpha"]),
        ({"pageSize": 3, "page": 2}, ["50%_off"]),
        ({"pageSize": 0, "page": 2}, []),
        ({"page": 9}, []),
        ({"name": "ALPH"}, ["Alpha"]),
        ({"name": "eta"}, ["beta"]),
        ({"name": "%"}, ["50%_off"]),
        ({"name": "_"}, ["50%_off"]),
        ({"name": " "}, []),
        ({"name": "'; drop table"}, []),
        ({"name": ""}, ["system", "Alpha", "beta", "50%_off"]),
    ],
    ids=str,
)
def test_pages_orders_and_filters(api, system, make_business, query, expected):
    for name in ("Alpha", "beta", "50%_off"):
        make_business(name)
    body = api(system).get(URL, **query).json()
    assert [row["name"] for row in body["data"]] == expected
    if "name" in query:
        assert body["total"] == len(expected)
    else:
        assert body["total"] == 4


@pytest.mark.parametrize(
    "query",
    [
        {"orderBy": "name"},
        {"order": "x"},
        {"page": "0"},
        {"pageSize": "-1"},
        {"pageSize": "x"},
        {"name": "a\0b"},
        {"name": "x" * 300},
    ],
    ids=str,
)
def test_wrong_queries_are_422(api, system, query):
    response = api(system).get(URL, **query)
    assert response.status_code == 422
    assert set(response.json()["errors"]) == set(query)


@pytest.mark.parametrize("count", [1, 100])
def test_the_list_is_a_constant_number_of_queries(api, system, applicant, django_assert_num_queries, count):
    Business.objects.bulk_create(Business(name=f"b{number}", status=2, applicant=applicant) for number in range(count))
    client = api(system)
    with django_assert_num_queries(3):  # the caller, the total, the page
        assert client.get(URL, pageSize=0).json()["total"] == count + 1


# GET detail


def test_the_detail_has_the_seeds_fields(api, applicant, application):
    assert api(applicant).get(of(application)).json() == {
        "code": 200,
        "message": "success",
        "data": BODY
        | {
            "userId": applicant.pk,
            "comment": "",
            "id": application.pk,
            "status": 0,
            "createTime": int(application.created_at.timestamp()),
            "updateTime": int(application.updated_at.timestamp()),
        },
    }


def test_others_are_404(api, member, admin, other, application, make_user):
    for user in (member, admin, make_user(1)):
        for business in (other, application):
            assert api(user).get(of(business)).status_code == 404


def test_deleted_ones_stay_readable_for_system_administrators(api, system, make_user, make_business):
    owner = make_user(1)
    gone = make_business("gone", status=3, applicant=owner)
    assert api(system).get(of(gone)).json()["data"]["status"] == 3
    assert api(owner).get(of(gone)).status_code == 404


@pytest.mark.parametrize("number", ["999999", "0", "x", "-1", "1.5", "9" * 40, "²", "%00"])
def test_unknown_ids_are_404(api, system, number):
    assert api(system).get(f"{URL}/id/{number}").status_code == 404
    assert api(system).put(f"{URL}/id/{number}", {"status": 1, "comment": ""}).status_code == 404


# PUT: audit


def test_approval(api, system, applicant, application):
    live = api(applicant)
    assert api(system).put(of(application), {"comment": "pass", "status": 1}).json() == {
        "code": 200,
        "message": "success",
    }
    application.refresh_from_db()
    assert (application.status, application.comment, application.namespace) == (1, "pass", f"ns{application.pk}")
    assert live.get("/v1/authorization").json()["data"]["role"] == 3
    detail = live.get(of(application)).json()["data"]
    assert (detail["status"], detail["comment"]) == (1, "pass")
    assert detail["updateTime"] >= detail["createTime"]


def test_approval_asks_for_the_namespace_in_every_cluster(api, system, application):
    api(system).put(of(application), {"comment": "", "status": 1})
    application.refresh_from_db()
    bundle = application.bundle
    assert (bundle.selector, bundle.namespace, bundle.ended_at) == ("all", application.namespace, None)
    (item,) = BundleObject.objects.filter(bundle=bundle)
    assert (item.kind, item.namespace, item.name) == ("Namespace", "", application.namespace)


def test_the_new_administrator_creates_users_there(api, system, applicant, application):
    api(system).put(of(application), {"comment": "", "status": 1})
    assert api(applicant).post("/v1/admin/user", USER).status_code == 200
    listed = api(applicant).get("/v1/admin/user").json()["data"]
    assert [row["user"] for row in listed] == ["applicant", "u1"]


def test_refusal(api, system, applicant, application):
    assert api(system).put(of(application), {"comment": "no", "status": 2}).status_code == 200
    application.refresh_from_db()
    assert (application.status, application.comment, application.namespace) == (2, "no", "")
    assert role(api, applicant) == 1
    assert not Bundle.objects.exists()
    assert api(applicant).get(URL).json()["data"][0]["comment"] == "no"


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.parametrize("second", [1, 2])
def test_it_is_decided_once(api, system, application, first, second):
    codes = [
        api(system).put(of(application), {"comment": "", "status": status}).status_code for status in (first, second)
    ]
    assert codes == [200, 409]
    application.refresh_from_db()
    assert application.status == first


def test_the_built_in_business_is_not_audited(api, system):
    for status in (1, 2):
        response = api(system).put(of(system.business), {"comment": "x", "status": status})
        assert response.status_code == 409
    system.business.refresh_from_db()
    assert (system.business.status, system.business.comment) == (1, "")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        *[({"comment": "", "status": status}, "status") for status in (0, 3, -1, "1", True, 1.0, None, [1])],
        *[({"comment": comment, "status": 1}, "comment") for comment in (None, 5, "x" * 256, "a\0b")],
        ({"comment": ""}, "status"),
        ({"status": 1}, "comment"),
    ],
    ids=str,
)
def test_wrong_audits_are_422(api, system, application, body, field):
    response = api(system).put(of(application), body)
    assert response.status_code == 422
    assert set(response.json()["errors"]) == {field}
    application.refresh_from_db()
    assert application.status == 0


def test_an_application_of_a_user_that_went_can_only_be_refused(api, system, applicant, application):
    api(system).delete(f"/v1/admin/user/{applicant.pk}")
    assert api(system).put(of(application), {"comment": "", "status": 1}).status_code == 409
    application.refresh_from_db()
    assert application.status == 0
    assert not Bundle.objects.exists()
    assert api(system).put(of(application), {"comment": "", "status": 2}).status_code == 200


@pytest.mark.parametrize("status", [0, 2, 3])
def test_an_applicant_must_still_be_approved(api, system, applicant, application, status):
    api(system).put(f"/v1/admin/user/{applicant.pk}", {"status": status})
    assert api(system).put(of(application), {"comment": "", "status": 1}).status_code == 409


def test_an_applicant_that_got_a_business_meanwhile_keeps_it(api, system, applicant, application, acme):
    from accounts.services import set_business

    set_business(applicant, acme)
    assert api(system).put(of(application), {"comment": "", "status": 1}).status_code == 409
    applicant.refresh_from_db()
    assert applicant.business == acme

"""Businesses in the back-office."""

from accounts.models import User
from business.models import Business, Status
from clusters.models import Bundle, Placement
from deployments.models import Deployment
from registry.models import RegistryAccount

MODEL = "business_business"
LIST = "/admin/business/business/"


def now(business):
    return Business.objects.get(pk=business.pk)


def applied(make_business, make_user, name, **fields):
    return make_business(name, status=0, applicant=make_user(1, **fields))


def test_an_application_is_approved_with_a_comment(office, make_business, make_user, api, noted, beijing):
    business = applied(make_business, make_user, "alpha")
    page = office.choose(MODEL, "approve", business)
    assert f"The namespace ns{business.pk} goes to every cluster." in page
    assert now(business).status == Status.PENDING
    office.confirm(comment="good luck")
    assert office.messages("success") == [
        f"Business alpha: approved; its namespace ns{business.pk} goes to every cluster."
    ]
    applicant = User.objects.select_related("business").get(pk=business.applicant_id)
    assert applicant.role == 3
    shown = api(applicant).get(f"/v1/business/id/{business.pk}").json()["data"]
    assert (shown["status"], shown["comment"]) == (1, "good luck")
    assert Placement.objects.filter(cluster=beijing, bundle__namespace=f"ns{business.pk}").exists()
    assert noted(business)[0].endswith("Comment: good luck")


def test_an_application_is_refused(office, make_business, make_user):
    business = applied(make_business, make_user, "alpha")
    office.choose(MODEL, "refuse", business)
    office.confirm(comment="not now")
    assert (now(business).status, now(business).comment) == (Status.REFUSED, "not now")


def test_a_second_decision_is_an_error_message(office, make_business, make_user, noted):
    business = applied(make_business, make_user, "alpha")
    office.choose(MODEL, "approve", business, query="?status=0")
    first = office.page
    office.confirm(comment="one")
    office.page = first
    office.confirm(comment="two")
    assert office.messages("error") == ["Business alpha: The business alpha was decided before."]
    assert (now(business).comment, len(noted(business))) == ("one", 1)


def test_of_many_each_has_its_own_answer(office, make_business, make_user, acme):
    good = applied(make_business, make_user, "good")
    bad = applied(make_business, make_user, "bad", deleted_at="2024-01-01T00:00:00Z", username="gone")
    office.choose(MODEL, "approve", good, bad, acme)
    office.confirm(comment="")
    assert [text.split(":")[0] for text in office.messages("success")] == ["Business good"]
    assert sorted(office.messages("error")) == [
        "Business acme: The business acme was decided before.",
        "Business bad: The applicant gone is not an approved user any more.",
    ]
    assert (now(good).status, now(bad).status) == (1, 0)


def test_deleting_names_what_goes_and_takes_it(office, acme, admin, member, deploy, versions, beijing, api):
    versions()
    deploy(admin)
    browser = api(member)
    RegistryAccount.objects.create(business=acme, user="acme-images", password="p", harbor_user_id=3)
    page = office.choose(MODEL, "delete", acme)
    for text in (
        f"all that it holds: ns{acme.pk}", "Deployments that end: web1", "afterwards: admin, member",
        "Clusters that have it now: ", "its projects stay: acme-images",
    ):  # fmt: skip
        assert text in page
    assert now(acme).status == Status.APPROVED
    office.confirm()
    assert now(acme).status == Status.DELETED
    assert browser.get("/v1/authorization").status_code == 401
    assert Bundle.objects.filter(deployment__name="web1", ended_at__isnull=True).count() == 0
    assert not Deployment.objects.get(name="web1").running
    assert ">acme</a>" not in office.get(LIST)
    assert ">acme</a>" in office.get(LIST + "?status=3")


def test_the_built_in_business_stays(office):
    built_in = Business.objects.get(is_system=True)
    assert "/do/delete/" not in office.get(f"{LIST}{built_in.pk}/change/")
    office.choose(MODEL, "delete", built_in)
    office.confirm()
    assert office.messages("error") == ["Business system: The built-in business cannot be deleted."]
    assert now(built_in).status == Status.APPROVED


def test_what_waits_comes_first(office, make_business, make_user, acme):
    applied(make_business, make_user, "early")
    make_business("middle")
    applied(make_business, make_user, "late")
    page = office.get(LIST)
    places = [page.index(f">{name}</a></th>") for name in ("late", "early", "middle", "acme")]
    assert places == sorted(places)


def test_a_business_shows_who_and_where_it_is(office, make_business, make_user, beijing):
    business = applied(make_business, make_user, "alpha")
    office.choose(MODEL, "approve", business)
    office.confirm(comment="")
    RegistryAccount.objects.create(business=now(business), user="pusher", password="top-secret", harbor_user_id=3)
    make_user(2, now(business), "minion")
    page = office.get(f"{LIST}{business.pk}/change/")
    for text in (">minion</a>", "general user", "business administrator", "all 2", "1 waiting", "pusher"):
        assert text in page, text
    assert "top-secret" not in page

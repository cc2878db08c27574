"""Applications in the back-office: versions of one, and what a chart holds."""

from apps.models import AppVersion
from tests.apps.charts.packing import CONFIG, chart, require_helm, upload


def test_a_version_shows_the_others(office, versions):
    versions(3)
    versions(appName="another")
    page = office.get(f"/admin/apps/appversion/{AppVersion.objects.get(version='1.0.2', app_name='web').pk}/change/")
    for number in (1, 2, 3):
        assert f">1.0.{number}</a>" in page
    assert "all 3" in page


def test_the_files_of_a_chart_are_shown(office, api, admin):
    require_helm()
    packed = chart({"templates/config.yaml": CONFIG, "README.md": "<b>hello</b>"})
    assert upload(api(admin), packed, appName="web").json()["code"] == 200
    page = office.get(f"/admin/apps/appversion/{AppVersion.objects.get().pk}/change/")
    for text in ("Chart.yaml (", "version: 1.0.0", "SHA-256", "&lt;b&gt;hello&lt;/b&gt;"):
        assert text in page


def test_a_page_shows_so_much_of_a_chart(office, api, admin):
    require_helm()
    files = {f"docs/{number:02}.md": f"text {number:02} " * 2000 for number in range(25)}
    assert upload(api(admin), chart({"templates/config.yaml": CONFIG, **files}), appName="web").json()["code"] == 200
    page = office.get(f"/admin/apps/appversion/{AppVersion.objects.get().pk}/change/")
    assert "text 00" in page and "docs/24.md" in page and "text 24" not in page
    assert "not shown: the files before it fill the page" in page

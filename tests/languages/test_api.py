"""The API's sentences follow Accept-Language; `success` never changes."""

import pytest

ENGLISH = "Log in first: the token is missing, expired, revoked or not valid."
CHINESE = "请先登录：令牌缺失、已过期、已吊销或无效。"


@pytest.mark.parametrize(
    ("header", "sentence", "language"),
    [
        (None, ENGLISH, "en"),
        ("", ENGLISH, "en"),
        ("en", ENGLISH, "en"),
        ("en-GB,zh-CN;q=0.9", ENGLISH, "en"),
        ("zh-CN", CHINESE, "zh-hans"),
        ("zh-Hans", CHINESE, "zh-hans"),
        ("ZH-hans-CN", CHINESE, "zh-hans"),
        ("zh", CHINESE, "zh-hans"),
        ("zh-CN,zh;q=0.9,en;q=0.8", CHINESE, "zh-hans"),
        ("fr, zh;q=0.5", CHINESE, "zh-hans"),
        ("en;q=0.1, zh-CN;q=0.9", CHINESE, "zh-hans"),
        ("zh-CN;q=0, en", ENGLISH, "en"),
        ("fr", ENGLISH, "en"),
        ("*", ENGLISH, "en"),
        ("*, zh", ENGLISH, "en"),
        ("zh-CN;q=x", ENGLISH, "en"),
        ("../../etc/passwd", ENGLISH, "en"),
        ("\x00\xff;;;=,,", ENGLISH, "en"),
        ("zh-" + "x" * 600, ENGLISH, "en"),
        ("a," * 5000, ENGLISH, "en"),
    ],
)
@pytest.mark.django_db
def test_a_refusal_follows_the_header_and_says_so(api, header, sentence, language):
    answer = api(language=header).get("/v1/authorization")
    assert answer.json() == {"code": 401, "message": sentence}
    assert answer.headers["Content-Language"] == language
    assert "Accept-Language" in answer.headers["Vary"]


def test_success_is_never_translated(api, member):
    answer = api(member, language="zh-CN").get("/v1/authorization")
    assert answer.json()["message"] == "success"
    assert answer.headers["Content-Language"] == "zh-hans"
    assert "Accept-Language" in answer.headers["Vary"]


def test_what_one_asked_in_chinese_the_next_reads_in_english(api, member):
    answers = [api(language=language).get("/v1/app").json()["message"] for language in ("zh-CN", None, "zh")]
    assert answers == [CHINESE, ENGLISH, CHINESE]


def test_the_choice_in_the_back_office_is_not_the_apis(api):
    client = api()
    client.client.cookies["otestack_language"] = "zh-hans"
    assert client.get("/v1/app").json()["message"] == ENGLISH


def test_each_wrong_parameter_has_its_sentence_in_chinese(api, system):
    body = {"user": "-", "password": "short", "phone": "x", "isAdmin": 1, "realName": ""}
    answer = api(language="zh-CN").post("/v1/user", body).json()
    assert answer["errors"] == {
        "user": ["必须是 1 到 64 个字母、数字、“.”、“_”或“-”，并以字母或数字开头。"],
        "password": ["长度必须为 8 到 20 个字符，并包含至少一个大写字母、一个小写字母和一个数字。"],
        "phone": ["必须是 5 到 20 位数字，前面可以带“+”。"],
        "isAdmin": ["必须是 true 或 false。"],
        "realName": ["该字段不能为空。"],
    }
    field, sentences = next(iter(answer["errors"].items()))
    assert answer["message"] == f"{field}: {sentences[0]}"


def test_what_the_framework_says_is_chinese_too(api, member):
    answer = api(member, language="zh-CN").get("/v1/app", page="0", pageSize="x", order="up", appNameMode="wide")
    said = [sentence for sentences in answer.json()["errors"].values() for sentence in sentences]
    assert said and not [sentence for sentence in said if sentence.isascii()], said


def test_a_rule_of_the_domain_names_its_values(api, member, system):
    answer = api(member, language="zh-CN").post("/v1/deploy", {
        "deployName": "web1", "appName": "nothing", "version": "1.0", "cluster": "", "nodeLabel": "", "comment": "",
    })  # fmt: skip
    assert answer.json()["errors"] == {"appName": ["应用“nothing”不存在。"]}
    answer = api(system, language="zh-CN").delete(f"/v1/admin/user/{system.pk}")
    assert (answer.status_code, answer.json()["message"]) == (409, "不能删除自己。")


@pytest.mark.parametrize(
    ("method", "path", "sentence"),
    [
        ("get", "/v1/nothing", "该路径下没有内容。"),
        ("delete", "/v1/authorization/", "请先登录：令牌缺失、已过期、已吊销或无效。"),
    ],
)
@pytest.mark.django_db
def test_what_no_endpoint_answers_is_chinese_too(client, method, path, sentence):
    answer = getattr(client, method)(path, headers={"Accept-Language": "zh-CN"})
    assert answer.json()["message"] == sentence
    assert answer.headers["Content-Language"] == "zh-hans"


def test_a_wrong_method_and_a_wrong_media_type(client, member, api):
    token = api(member).token
    headers = {"Accept-Language": "zh-CN", "Authorization": token}
    assert (
        client.patch("/v1/app", headers=headers).json()["message"]
        == "此处不支持 PATCH，只支持 GET, POST, DELETE 和 HEAD。"
    )
    answer = client.post("/v1/app", "x", content_type="text/plain", headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (415, "请求体必须以 application/json 格式发送。")
    answer = client.post("/v1/app", "{", content_type="application/json", headers=headers)
    assert answer.json()["message"].startswith("body: 请求体不是有效的 JSON：")


def test_a_name_that_looks_like_a_placeholder_stays_as_it_is(api, member):
    body = {"deployName": "web1", "version": "1.0", "cluster": "", "nodeLabel": "", "comment": ""}
    for name in ("%(app_name)s", "100%", "{name}", "%s"):
        said = [
            api(member, language=language).post("/v1/deploy", body | {"appName": name}).json()["errors"]["appName"][0]
            for language in ("en", "zh")
        ]
        assert said == [f"There is no application '{name}'.", f"应用“{name}”不存在。"]

"""The Chinese catalog is complete, compiled, and says the same with the same values."""

import ast
import re

import pytest

from tests.languages.catalog import OURS, THEMES, compiled, marked, sources, written

PLACEHOLDERS = re.compile(r"%\([^)]*\)[a-z]|\{[a-z_0-9]*\}|%%|%[a-z]")
ADVICE = "run 'make words', then write what is missing into locale/zh_Hans/LC_MESSAGES/django.po"


def test_everything_that_is_marked_has_its_chinese():
    chinese = compiled(OURS)
    assert {message: where for message, where in marked().items() if not chinese.get(message)} == {}, ADVICE


def test_nothing_is_translated_that_is_nowhere_said():
    assert set(written(OURS)) - set(marked()) == set(), ADVICE


@pytest.mark.parametrize("path", [OURS, THEMES], ids=["ours", "theme"])
def test_the_compiled_catalog_is_the_written_one(path):
    assert compiled(path) == {message: text for message, text in written(path).items() if text}, ADVICE


@pytest.mark.parametrize("path", [OURS, THEMES], ids=["ours", "theme"])
def test_a_translation_has_the_values_of_its_message(path):
    for message, text in written(path).items():
        assert sorted(PLACEHOLDERS.findall(text)) == sorted(PLACEHOLDERS.findall(message)), message
        assert message[:1].isspace() == text[:1].isspace() or message.strip() != message, message


def test_a_refusal_is_never_bare_text():
    """What a service or a view refuses with is marked, so that it can be told in any language."""
    errors = {"Conflict", "Forbidden", "Invalid", "NotFound", "TooMany", "Unauthorized", "Unavailable", "ChartError"}
    bare = []
    for path in sources("*.py"):
        if path.parts[-2:-1] == ("health",) or path.name == "doctor.py" or "management" in path.parts:
            continue  # told to operators and machines, in English
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in errors:
                values = [*node.args, *(keyword.value for keyword in node.keywords)]
                bare += [
                    f"{path}:{node.lineno}"
                    for value in values
                    if isinstance(value, ast.JoinedStr)
                    or (isinstance(value, ast.Constant) and isinstance(value.value, str))
                ]
    assert bare == []

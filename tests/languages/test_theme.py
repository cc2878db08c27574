"""The theme's own words: it brings no Chinese, so ours has to know each that it may show."""

import ast
from pathlib import Path

import unfold
from django.utils import translation

from tests.languages.catalog import MARKS, in_template

ROOT = Path(unfold.__file__).parent
# Parts of the theme that are for packages which are not installed here.
ELSEWHERE = ("contrib/", "templates/unfold_crispy/")


def test_every_word_of_the_theme_has_its_chinese():
    words: dict[str, str] = {}
    for path in ROOT.rglob("*.html"):
        words |= dict.fromkeys(in_template(path.read_text("utf-8")), path.relative_to(ROOT).as_posix())
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in MARKS and node.args:
                word = getattr(node.args[0], "value", None)
                words |= {word: path.relative_to(ROOT).as_posix()} if isinstance(word, str) else {}
    ours = {word: where for word, where in words.items() if not where.startswith(ELSEWHERE)}
    assert len(ours) > 50
    with translation.override("zh-hans"):
        told = {word: {translation.gettext(word), translation.ngettext(word, word, 1)} for word in ours}
    assert {word: ours[word] for word, shown in told.items() if shown == {word}} == {}

"""What is marked for translation, read out of the sources, and what the catalogs hold: without gettext's tools."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django.conf import settings
from django.template.base import Lexer, TokenType

ROOT = Path(settings.BASE_DIR)
OURS, THEMES = (Path(folder, "zh_Hans", "LC_MESSAGES", "django") for folder in settings.LOCALE_PATHS)
MARKS = {"say", "_", "gettext", "gettext_lazy", "gettext_noop", "ngettext"}
# Where the mark itself is made; where a function of this name writes to the terminal; what speaks as something else.
PLACES = ("accounts", "apps", "business", "clusters", "deployments", "otestack", "registry", "templates")
ELSEWHERE = ("otestack/sentences.py", "otestack/supervisor", "clusters/simulator", "registry/simulator")


def compiled(path: Path) -> dict[str, str]:
    """What the program reads: message to translation."""
    with path.with_suffix(".mo").open("rb") as file:
        catalog = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    found = {key[0] if isinstance(key, tuple) else key: text for key, text in catalog.items()}
    found.pop("", None)
    return found


def written(path: Path) -> dict[str, str]:
    """What the translator wrote: message to translation; "" where it is missing or only guessed (fuzzy)."""
    found = {}
    for entry in path.with_suffix(".po").read_text("utf-8").split("\n\n"):
        lines = [line for line in entry.splitlines() if line and not line.startswith("#~")]
        texts: dict[str, str] = {}
        for line in lines:
            if line.startswith("#"):
                continue
            key, text = line.split(" ", 1) if not line.startswith('"') else (list(texts)[-1], line)
            texts[key] = texts.get(key, "") + ast.literal_eval(text)
        if texts.get("msgid"):
            fuzzy = any(line.startswith("#,") and "fuzzy" in line for line in lines)
            found[texts["msgid"]] = "" if fuzzy else texts.get("msgstr", texts.get("msgstr[0]", ""))
    return found


def sources(pattern: str) -> Iterator[Path]:
    """Our files, without tests, simulators and whatever is not ours."""
    for place in PLACES:
        for path in sorted((ROOT / place).rglob(pattern)):
            if not path.relative_to(ROOT).as_posix().startswith(ELSEWHERE):
                yield path


@cache
def marked() -> dict[str, str]:
    """Message to where it stands: first arguments of marking functions, and {% translate %} of templates."""
    found: dict[str, str] = {}
    for path in sources("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in MARKS and node.args:
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                message = getattr(node.args[0], "value", None)
                assert isinstance(message, str) or node.func.id != "say", f"{where}: only a literal can be found"  # type: ignore[attr-defined]
                if isinstance(message, str):
                    found.setdefault(message, where)
    for path in sources("*.html"):
        found |= {message: str(path.relative_to(ROOT)) for message in in_template(path.read_text("utf-8"))}
    return found


_TRANSLATE = re.compile(r"""(?:translate|trans)\s+(?:"([^"]*)"|'([^']*)')""")
_FILTERED = re.compile(r"""_\((?:"([^"]*)"|'([^']*)')\)""")


def in_template(text: str) -> set[str]:
    """The messages of a template."""
    found: set[str] = set()
    block: list[str] | None = None
    trimmed = plural = False
    for token in Lexer(text).tokenize():
        if block is not None:
            if token.token_type == TokenType.BLOCK:
                message = "".join(block)
                if not plural:  # the catalog finds the plural by the singular
                    found.add(" ".join(message.split()) if trimmed else message)
                plural = token.contents.split()[0] == "plural"
                block = [] if plural else None
            elif token.token_type == TokenType.VAR:
                block.append(f"%({token.contents.strip()})s")
            else:
                block.append(token.contents.replace("%", "%%"))
        elif token.token_type in {TokenType.BLOCK, TokenType.VAR}:
            if token.contents.split()[0] in {"blocktranslate", "blocktrans"}:
                block, trimmed = [], "trimmed" in token.contents
                continue
            for match in _TRANSLATE.findall(token.contents) if token.token_type == TokenType.BLOCK else ():
                found.add(match[0] or match[1])
            for match in _FILTERED.findall(token.contents):
                found.add(match[0] or match[1])
    return found

"""Filters of lists."""

from typing import Any

import django_filters


class WordFilter(django_filters.ChoiceFilter):  # type: ignore[misc]
    """One of a few words; its refusal says which there are. Django's own repeats what was sent instead."""

    def __init__(self, *words: str, **options: Any) -> None:
        sentence = f"It must be {', '.join(words[:-1])} or {words[-1]}."
        choices = [(word, word) for word in words]
        super().__init__(choices=choices, error_messages={"invalid_choice": sentence}, **options)

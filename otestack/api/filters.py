"""Filters of lists."""

from typing import Any

import django_filters
from django.utils.functional import lazy

from otestack.sentences import say, told


class WordFilter(django_filters.ChoiceFilter):  # type: ignore[misc]
    """One of a few words; its refusal says which there are. Django's own repeats what was sent instead.

    default: what the list does without the parameter, for the document; the filter itself sees no value then.
    """

    def __init__(self, *words: str, default: str, **options: Any) -> None:
        self.words, self.default = words, default
        refusal = say("It must be %(first)s or %(last)s.", first=", ".join(words[:-1]), last=words[-1])
        choices = [(word, word) for word in words]
        super().__init__(choices=choices, error_messages={"invalid_choice": lazy(told, str)(refusal)}, **options)

"""Django's makemessages, which also knows otestack.sentences.say."""

from django.core.management.commands import makemessages


class Command(makemessages.Command):
    """Collects the marked strings of the sources into locale/."""

    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=say"]

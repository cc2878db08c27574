"""What operators' commands share: who is at work, one sentence for what fails, JSON, help, and exit codes.

Exit codes: 0 done; 1 refused or failed, one sentence on standard error says why; 2 the command line is wrong;
3 it was not over in the time given; 130 Ctrl-C; 141 nobody reads on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, OperationalError, ProgrammingError

from otestack.caller import COMMAND, Caller, new_id, operator, working
from otestack.errors import DomainError, Invalid
from otestack.logs import escaped
from otestack.management.output import Progress

# The SQLSTATE of PostgreSQL.
_UNDEFINED_TABLE = "42P01"
NOTHING_CHANGED = "Nothing was changed."
NOT_IN_TIME, INTERRUPTED, CUT_OFF = 3, 130, 141
_EXIT_CODES = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not over in the time given, 130 Ctrl-C."


class NotInTime(CommandError):
    """It goes on, but not in the time that was given."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, returncode=NOT_IN_TIME)


class OperatorCommand(BaseCommand):
    """Base of all commands that operators type. Sub-commands are methods named after them: `_reset_password`.

    examples: shown by --help. arguments: what the API's field names are called here, for errors.
    """

    examples: ClassVar[Iterable[str]] = ()
    arguments: ClassVar[dict[str, str]] = {}

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with examples and exit codes at the end of its help."""
        lines = ["Examples:", *(f"  manage.py {line}" for line in self.examples), "", _EXIT_CODES]
        kwargs |= {"epilog": "\n".join(lines), "formatter_class": argparse.RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def execute(self, *args: Any, **options: Any) -> Any:
        """Run as a command of this machine's user. Raises CommandError with one sentence."""
        self.as_json = bool(options.get("as_json"))
        with working(Caller(COMMAND, operator(), request_id=new_id())):
            try:
                return super().execute(*args, **options)
            except CommandError as error:
                raise _failure(str(error), error.returncode) from error
            except Invalid as error:
                field, sentences = next(iter(error.errors.items()))
                name = self.arguments.get(field, field)
                raise _failure(f"{name}: {sentences[0]}" if name else sentences[0]) from error
            except DomainError as error:
                raise _failure(str(error)) from error
            except (OperationalError, ProgrammingError) as error:
                raise _failure(_of_database(error)) from error
            except BrokenPipeError:  # whoever reads, such as head, has seen enough
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise SystemExit(CUT_OFF) from None
            except KeyboardInterrupt:
                raise CommandError("Interrupted.", returncode=INTERRUPTED) from None

    def run_sub_command(self, what: str, options: dict[str, Any]) -> None:
        """Call the method of a sub-command."""
        getattr(self, f"_{what.replace('-', '_')}")(**options)

    def sub_commands(self, parser: CommandParser) -> Any:
        """Return where sub-commands are added, by `sub_command`."""
        return parser.add_subparsers(dest="what", required=True, metavar="COMMAND")

    def sub_command(self, group: Any, name: str, help: str) -> Any:
        """Add a sub-command, which knows --json, and return its parser."""
        made = group.add_parser(name, help=help, description=f"{help[:1].upper()}{help[1:]}.")
        add_json(made)
        return made

    def tell(self, sentence: str, **record: Any) -> None:
        """Say what was done; with --json the record, the sentence with it."""
        self.show({**record, "message": sentence}, escaped(sentence))

    def show(self, value: Any, text: str) -> None:
        """Print the value with --json, else the text."""
        self.stdout.write(as_json(value) if self.as_json else text)

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Progress]:
        """Show how far it is: a bar on a terminal, lines in a pipe, nothing with --json. On standard error."""
        with Progress(title, total, self.stderr, silent=self.as_json) as shown:
            yield shown


def add_json(parser: Any) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON, for scripts")


def as_json(value: Any) -> str:
    """Return indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)


def confirmed(question: str, wanted: str = "", *, yes: bool) -> None:
    """Ask at a terminal before something goes. wanted: what has to be typed; empty: y. Raises CommandError."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError("This needs --yes where nobody can be asked.")
    # On standard error, where it does not mix with --json; input() would write it to standard output.
    sys.stderr.write(escaped(f"{question} [type {wanted}] " if wanted else f"{question} [y/N] "))
    sys.stderr.flush()
    try:
        typed = input().strip()
    except EOFError:
        sys.stderr.write("\n")
        raise CommandError(NOTHING_CHANGED) from None
    if typed != wanted if wanted else typed.lower() not in {"y", "yes"}:
        raise CommandError(NOTHING_CHANGED)


def _failure(sentence: str, code: int = 1) -> CommandError:
    """Return what a command fails with; what tenants wrote in it cannot steer the terminal."""
    return CommandError(escaped(sentence), returncode=code)


def _of_database(error: DatabaseError) -> str:
    """Return a sentence for what the database said. Raises the error where it is a fault of ours."""
    said = " ".join(str(error).split())
    if "no such table" in said or getattr(error.__cause__, "pgcode", "") == _UNDEFINED_TABLE:
        return "The database has no tables yet, or old ones: run manage.py migrate."
    if isinstance(error, ProgrammingError):
        raise error
    return f"The database does not answer: {said}"

"""What is wrong with a chart, as a sentence."""

from otestack.errors import DomainError
from otestack.sentences import bounded

_LONGEST = 300


class ChartError(DomainError):
    """A chart, or what it renders to, is refused; str() is the sentence that users read, bounded whatever it quotes."""

    code = 422

    def __init__(self, sentence: str) -> None:
        kept, line = bounded(sentence, _LONGEST, "…"), one_line(sentence)
        super().__init__(kept if kept == line else line)


def one_line(text: str, most: int = _LONGEST) -> str:
    """Return text of others as one printable line of a bounded length."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def ends(text: str, head: int = 90, tail: int = 150) -> str:
    """Return how a long message begins and ends, in one line: what went wrong tends to stand at its end."""
    line = one_line(text, len(text) + 1)
    return line if len(line) <= head + tail else f"{line[:head]} … {line[-tail:]}"


def quoted(text: object, most: int = 80) -> str:
    """Return a name that others chose, for a sentence."""
    return f"'{one_line(str(text), most)}'"

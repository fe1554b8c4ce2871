"""From what a chat model writes to the candidates it means; what is not clear is unparsed, and counts as wrong."""

import re
import unicodedata
from collections.abc import Sequence

from robustmel.types import Prediction, Query

_NONE = re.compile(r"(?:0|none(?: of (?:the|these)(?: above| candidates)?)?|no candidate|unknown|nil)", re.IGNORECASE)
_STATED = re.compile(
    r"(?:answer|index|candidate|option|number|choice)\W{0,8}(?:is|would be|:|=)?\W{0,8}([0-9]+)\b", re.IGNORECASE
)
_NUMBER = re.compile(r"(?<![\w.,-])([0-9]+)(?![\w%]|[.,][0-9])")
_EDGES = " \t\r\n.!?,;:*_`\"'()[]{}#>"


def chosen(reply: str, labels: Sequence[str]) -> tuple[int, ...] | None:
    """Places of the candidates that a reply names, from 0; empty where it says that none is right, None where it is not clear.

    In this order: the last line is a number alone; the last number that is called the answer ("the answer is 3", `{"index": 3}`); one
    label, or several that read the same; the one number in the reply. A number beyond the list is not clear.

    Args:
        reply: All that the model wrote.
        labels: The candidates as they were listed; number 1 is the first.
    """
    lines = [line for line in (re.sub(r"^\s*-\s+", "", line).strip(_EDGES) for line in reply.splitlines()) if line]
    if not lines:
        return None
    last = lines[-1]
    if last.isascii() and last.isdigit() and last != "0":
        return _place(last, labels)
    if _NONE.fullmatch(last):
        return ()
    if stated := _STATED.findall(reply):
        return _place(stated[-1], labels)
    by_label = [place for place, label in enumerate(labels) if _plain(label) in (_plain(last), _plain(reply))]
    if by_label:
        return tuple(by_label) if len({_plain(labels[place]) for place in by_label}) == 1 else None
    numbers = set(_NUMBER.findall(reply))
    return _place(numbers.pop(), labels) if len(numbers) == 1 else None


def answer_of_reply(query: Query, reply: str, listed: Sequence[str], labels: Sequence[str]) -> Prediction:
    """The answer that a reply to a query means; see `chosen`.

    Args:
        query: What was asked.
        reply: All that the model wrote.
        listed: The candidates as they were listed.
        labels: What they were called there.
    """
    places = chosen(reply, labels)
    ranked = tuple(dict.fromkeys(listed[place] for place in places or ()))
    status = "unparsed" if places is None else "ok" if ranked else "nil"
    return Prediction(query.id, ranked, (1.0,) * len(ranked), text=reply, status=status)


def _place(number: str, labels: Sequence[str]) -> tuple[int, ...] | None:
    index = int(number) if len(number) < 10 else 0
    return (index - 1,) if 1 <= index <= len(labels) else None


def _plain(text: str) -> str:
    """A label as it is compared: without case, edges and a number before it."""
    return re.sub(r"^\d+[.):]\s+", "", unicodedata.normalize("NFKC", text).strip(_EDGES)).casefold()

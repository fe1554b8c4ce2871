"""Data strings made fit for a terminal or a message."""

from __future__ import annotations


def shown(text: str, limit: int = 100) -> str:
    """The text with control characters escaped (a data set must not steer a terminal), cut to `limit` characters."""
    cut = text if len(text) <= limit else text[: limit - 3] + "..."
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in cut)

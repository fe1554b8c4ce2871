"""Where a surface stands in its sentence."""

from __future__ import annotations

Span = tuple[int, int]


def locate(surface: str, text: str) -> Span | None:
    """Character offsets [start, end) of the surface where it occurs verbatim exactly once; else None."""
    if not surface or surface not in text or occurs_again(surface, text):
        return None
    start = text.index(surface)
    return start, start + len(surface)


def occurs_again(surface: str, text: str) -> bool:
    """Whether the surface occurs verbatim more than once, overlaps counted ("ana" in "banana"); an empty one does not."""
    return bool(surface) and text.find(surface) != text.rfind(surface)


def fits(span: Span, surface: str, text: str) -> bool:
    """Whether a span lies within the text and holds exactly the surface."""
    start, end = span
    return 0 <= start < end <= len(text) and text[start:end] == surface

"""Where a surface stands in its sentence."""

from __future__ import annotations

Span = tuple[int, int]


def locate(surface: str, text: str) -> Span | None:
    """Character offsets [start, end) of the surface where it occurs verbatim exactly once, overlaps counted; else None."""
    start = text.find(surface) if surface else -1
    if start < 0 or text.find(surface, start + 1) >= 0:
        return None
    return start, start + len(surface)


def occurrences(surface: str, text: str) -> int:
    """How often the surface occurs verbatim, without overlaps; 0 for an empty one."""
    return text.count(surface) if surface else 0


def fits(span: Span, surface: str, text: str) -> bool:
    """Whether a span lies within the text and holds exactly the surface."""
    start, end = span
    return 0 <= start < end <= len(text) and text[start:end] == surface

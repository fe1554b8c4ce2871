"""Mentions placed in their sentence, with what had to be done for it counted."""

from __future__ import annotations

from robustmel.datasets.spans import Span, locate, recover
from robustmel.records.load_report import LoadReport


def placed(surface: str, text: str, place: str, report: LoadReport) -> Span | None:
    """Where the surface stands: verbatim where it occurs once, else by a repair rule; None where neither finds it.

    Counts `empty_surfaces`, `no_text`, `recovered_punctuation`, `recovered_gap`, `recovered_order`, and `without_span` for what stays unplaced
    (a surface that occurs several times is: nothing says which occurrence is meant).
    """
    if not surface.strip():
        report.remark("empty_surfaces", place)
    if not text.strip():
        report.remark("no_text", place)
        return None
    found = locate(surface, text)
    if found is None and surface.strip() and surface not in text:
        repaired = recover(surface, text)
        if repaired is not None:
            report.remark(f"recovered_{repaired[1]}", f"{place}: {surface[:40]!r} as {text[slice(*repaired[0])][:60]!r}")
            return repaired[0]
    if found is None:
        report.remark("without_span", place)
    return found

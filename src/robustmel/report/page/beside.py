"""What the page shows beside accuracy: transfer matrices, success against norm, comparisons, kinds of mention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from robustmel.report.canvas import darkened
from robustmel.report.norms import Curve, norm_plots
from robustmel.report.norms import sheets as norm_sheets
from robustmel.report.page.sections import Section
from robustmel.report.summary import Summary
from robustmel.report.tables.layout import NO_FIGURE, TASK_NAMES, linker_label, percent, short_title
from robustmel.report.transfer import Matrix, Shown, sentence
from robustmel.report.transfer.sheet import IMAGE_VIEW, left, not_fused, source_label, success

NORM_NAMES = {"l2": "Euclidean (L2)", "linf": "Largest change (L∞)"}


@dataclass(frozen=True)
class Beside:
    """What there is to show.

    Args:
        matrices: Of attacks with several sources.
        curves: Of attacks that seek short changes.
        sections: Sentences and tables.
    """

    matrices: tuple[Matrix, ...] = ()
    curves: tuple[Curve, ...] = ()
    sections: tuple[Section, ...] = ()


def variables(beside: Beside, summaries: Sequence[Summary], embedded: Callable[[str], str]) -> dict[str, Any]:
    """What the template is given: "matrices", "norms" (pictures for a light and a dark ground), "norm_sheets" and "sections"."""
    return {
        "matrices": [_matrix(one) for one in beside.matrices],
        "norms": [
            (NORM_NAMES[norm], [embedded(svg), embedded(darkened(svg))]) for norm, svg in norm_plots(summaries, beside.curves)
        ],
        "norm_sheets": norm_sheets(beside.curves),
        "sections": beside.sections,
    }


def _matrix(matrix: Matrix) -> dict[str, Any]:
    defences = len({defence for _, defence in matrix.victims} - {"none"})
    return {
        "title": f"{short_title(matrix.attack)} ({matrix.budget}), {TASK_NAMES[matrix.task]}, {matrix.dataset}",
        "victims": [linker_label(*victim, defences) for victim in matrix.victims],
        "rows": [
            (source_label(matrix, source), [_cell(matrix.cells.get((source, victim))) for victim in matrix.victims])
            for source in matrix.sources
        ],
        "notes": [*([IMAGE_VIEW] if not_fused(matrix) else []), *filter(None, [sentence(matrix)])],
    }


def _cell(one: Shown | None) -> dict[str, str] | None:
    if one is None:
        return None
    value = one.attack_success
    return {
        "shade": ("" if value is None else f"h{round(10 * value)}") + (" own" if one.white_box else ""),
        "success": percent(value) if value is not None else NO_FIGURE,
        "interval": "" if one.success_low is None else f"{percent(one.success_low)} to {percent(one.success_high)}",
        "left": percent(one.accuracy),
        "title": f"attack success {success(one)} %, still linked {left(one)} %, clean {percent(one.clean_accuracy)} %",
    }

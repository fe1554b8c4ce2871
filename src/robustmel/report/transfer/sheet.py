"""Transfer matrices as tables: two lines a source, a column a victim."""

from __future__ import annotations

from collections.abc import Sequence

from robustmel.report.tables.layout import ABSENT, NO_FIGURE, TASK_NAMES, linker_label, percent
from robustmel.report.tables.sheet import Sheet
from robustmel.report.transfer.matrix import Matrix, Shown
from robustmel.report.transfer.words import sentence

SUCCESS, LEFT = "broken %", "linked %"
LEGEND = (
    "In square brackets: images made on the linker itself (white box). Broken: attack success, of the mentions right on clean images"
    " the share that became wrong. Linked: of all mentions the share still linked. In round brackets 95 % intervals."
)
IMAGE_VIEW = (
    "The images were made against the score of the image alone, so even a linker's own are no white box for the score of image and"
    " text."
)
OTHERS = "others: for each victim the ensemble of all other linkers of the grid. a + b: the ensemble of a and b."


def sheets(found: Sequence[Matrix]) -> list[Sheet]:
    """One table a matrix, with what it shows beneath it; how to read them under the first."""
    return [_sheet(one, first=not number) for number, one in enumerate(found)]


def _sheet(matrix: Matrix, first: bool) -> Sheet:
    defences = len({defence for _, defence in matrix.victims} - {"none"})
    lines = []
    for source in matrix.sources:
        row = [matrix.cells.get((source, victim)) for victim in matrix.victims]
        lines.append((source_label(matrix, source), SUCCESS, *(success(one) for one in row)))
        lines.append(("", LEFT, *(left(one) for one in row)))
    headings = ("made on", "", *(linker_label(*victim, defences) for victim in matrix.victims))
    notes = (
        [LEGEND, *([OTHERS] if any(source == "others" or " + " in source for source in matrix.sources) else [])]
        if first
        else []
    )
    notes += [IMAGE_VIEW] if not_fused(matrix) else []
    notes += [sentence(matrix)] if matrix.distance else []
    title = f"Transfer of {matrix.attack} ({matrix.budget}), {TASK_NAMES[matrix.task]}: {matrix.dataset}"
    return Sheet(title, headings, 2, tuple(lines), tuple(notes))


def not_fused(matrix: Matrix) -> bool:
    """Whether the fused score is judged by images that were made against the image's alone."""
    return matrix.task == "IT2T" and "fused" not in matrix.views


def source_label(matrix: Matrix, source: str) -> str:
    """A control stands for itself, not for a source."""
    control = any(one.control for (name, _), one in matrix.cells.items() if name == source)
    return f"nobody ({source})" if control else source


def success(one: Shown | None) -> str:
    """Attack success with its interval, in square brackets on the diagonal."""
    return ABSENT if one is None else _marked(one, _figure(one.attack_success, one.success_low, one.success_high))


def left(one: Shown | None) -> str:
    """Accuracy with its interval, likewise."""
    return ABSENT if one is None else _marked(one, _figure(one.accuracy, one.ci_low, one.ci_high))


def _figure(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return NO_FIGURE
    return percent(value) if low is None or high is None else f"{percent(value)} ({100 * low:.0f}–{100 * high:.0f})"


def _marked(one: Shown, figure: str) -> str:
    return f"[{figure}]" if one.white_box else figure

"""A transfer matrix as a heat map of the page."""

from typing import Any

from robustmel.report.record import victim_title
from robustmel.report.side_tables import broken, linked, source_label, transfer_notes
from robustmel.report.tables.layout import NO_FIGURE, TASK_NAMES, percent, short_title
from robustmel.report.transfer import Matrix, TransferCell


def heatmap(matrix: Matrix) -> dict[str, Any]:
    """What the template is given of one matrix: title, victims, rows of (source, cells) and notes."""
    return {
        "title": f"{short_title(matrix.attack)} ({matrix.budget}), {TASK_NAMES[matrix.task]}, {matrix.dataset}",
        "victims": [victim_title(victim) for victim in matrix.victims],
        "rows": [
            (source_label(matrix, source), [_cell(matrix.cells.get((source, victim))) for victim in matrix.victims])
            for source in matrix.sources
        ],
        "notes": transfer_notes(matrix),
    }


def _cell(cell: TransferCell | None) -> dict[str, str] | None:
    if cell is None:
        return None
    value = cell.attack_success
    return {
        "shade": ("" if value is None else f"h{round(10 * value)}") + (" own" if cell.white_box else ""),
        "success": percent(value) if value is not None else NO_FIGURE,
        "interval": "" if cell.success_low is None else f"{percent(cell.success_low)} to {percent(cell.success_high)}",
        "left": percent(cell.accuracy),
        "title": f"attack success {broken(cell)} %, still linked {linked(cell)} %, clean {percent(cell.clean_accuracy)} %",
    }

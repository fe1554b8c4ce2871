"""One attack on one linker, mention by mention: what `robustmel.attack` returns."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from robustmel.report import Report, Summary
from robustmel.report.build import data_frame

if TYPE_CHECKING:
    import pandas as pd
    from PIL.Image import Image


class AttackResult:
    """What an attack made of a set of mentions. Shows itself in a notebook as the pictures that it broke."""

    def __init__(self, report: Report) -> None:
        self.report = report

    @cached_property
    def summary(self) -> Summary:
        """Every figure about the attack, in the fields of `Summary`."""
        return next(row for row in self.report.summaries if not row.clean and not row.worst_case)

    @property
    def clean_accuracy(self) -> float | None:
        """Share of the mentions linked correctly before, in [0, 1]."""
        return self.summary.clean_accuracy

    @property
    def robust_accuracy(self) -> float | None:
        """Share of the mentions linked correctly under attack, in [0, 1]."""
        return self.summary.accuracy

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One a mention, in the data set's order: gold and answers by name, whether they are right, and what the attack did."""
        run = self.report.run
        attacked, clean = self._cells
        names = run.names(attacked)
        evaluation = attacked.evaluations[-1]
        before, after = run.predictions(clean, clean.evaluations[0]), run.predictions(attacked, evaluation)
        logs = list(run.log(attacked, evaluation)) or [{}] * len(before)
        rows = []
        for mention, old, new, logged in zip(run.questions(attacked), before, after, logs, strict=True):
            answers = [names.get(answer.ranked[0], answer.ranked[0]) if answer.ranked else None for answer in (old, new)]
            rows.append(
                {"id": mention.id, "surface": mention.surface, "gold": names.get(str(mention.gold)), "clean_answer": answers[0]}
                | {"answer": answers[1], "broken": _first(old) == mention.gold != _first(new), "error": new.error}
                | {name: logged.get(name) for name in ("status", "queries", "linf_u8", "l2_u8", "edits", "note")}
            )
        return rows

    @cached_property
    def images(self) -> list[Image | None]:
        """The perturbed pictures, 8 bits, at the sizes attacked; None where a mention was not attacked."""
        from PIL import Image

        attacked, _ = self._cells
        evaluation = attacked.evaluations[-1]
        paths = [self.report.run.picture(evaluation, mention) for mention in self.report.run.questions(attacked).column("id")]
        return [None if path is None else Image.open(path).copy() for path in paths]

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a data frame.

        Raises:
            MissingError: pandas is not installed.
        """
        return data_frame(self.rows)

    @property
    def _cells(self) -> Any:
        cells = self.report.run.cells
        return next(cell for cell in cells if not cell.clean), next(cell for cell in cells if cell.clean)

    def __repr__(self) -> str:
        row = self.summary
        return (
            f"{row.attack} on {row.linker}, {row.task}, {row.dataset}: {_percent(row.clean_accuracy)} clean, "
            f"{_percent(row.accuracy)} under attack, of {row.n} mentions"
        )

    def _repr_html_(self) -> str:
        html: str = self.report._repr_html_()
        return html


def _first(answer: Any) -> str | None:
    return answer.ranked[0] if answer.ranked else None


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.1%}"

"""Each question that is answered beside the main table, laid out as tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from robustmel.report.comparisons import QUESTIONS, Comparison, DemoGroup, points
from robustmel.report.norms import Curve
from robustmel.report.record import victim_title
from robustmel.report.slices import Slice
from robustmel.report.statistics import MARGIN
from robustmel.report.tables import csv_json, latex, markdown, text
from robustmel.report.tables.layout import ABSENT, NO_FIGURE, TASK_NAMES, percent, short_title
from robustmel.report.tables.sheet import Sheet
from robustmel.report.transfer import Matrix, TransferCell

# Accuracy by kind of mention.
EMPTY = "empty"
TITLES = {
    "type": "Accuracy by type of the right entity",
    "popularity": "Accuracy by popularity of the right entity",
    "surface": "Accuracy by wording of the mention",
    "similarity": "Accuracy by similarity of the nearest wrong candidate's name",
}
NOTES = {
    "popularity": "Popularity is in the unit of the knowledge base, split into thirds of the mentions (halves if it has few values).",
    "surface": "Mention and entity name count as equal if they differ in case and spaces alone.",
    "similarity": "Similarity: the cosine of three-letter counts between the gold entity's name and the most similar other candidate's, split into thirds of the mentions.",
}

# Comparisons.
MARKS = {"more": "*", "less": "*", "none": "=", "undecided": ""}
WORDS = {
    "context": ("data set", "linker", "attack"),
    "defence": ("data set", "task", "linker", "attack"),
    "linker": ("data set", "task", "linker", "against", "attack"),
    "names": ("data set", "task", "linker", "attack"),
    "poison": ("data set", "task", "linker", "attack"),
}
DIFFERENCES = (
    "Differences in points with 95 % intervals, over the same mentions. *: more than chance (Holm at 5 %); =: no difference, within"
    f" {100 * MARGIN:.0f} points (two one-sided tests at 5 %); unmarked: undecided."
)

# Poisoned demonstrations.
COUNTERFACTUAL = (
    "Each mention beside itself without the poison, seeds counted together. Lost, won: mentions whose answer is worse, better with the"
    " poison. other demonstrations: not the same ones were shown. not said: the answer does not say which."
)

# Norms.
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
NORM_NAMES = {"l2": "L2", "linf": "L∞ /255"}
LEAST_NORM = (
    "The smallest norm that makes this share of all mentions wrong; mentions wrong on clean images count from norm 0. Images as saved"
    " in 8 bits; L2: Euclidean length of the change, pixels in 0 to 1; L∞: largest change of a channel, in steps of 1/255."
)

# Transfer.
BROKEN, LINKED = "broken %", "linked %"
TRANSFER = (
    "Square brackets: images made on the linker itself (white box). Broken: attack success, the share of the mentions right on clean"
    " images that became wrong. Linked: the share of all mentions still linked. Round brackets: 95 % intervals."
)
IMAGE_VIEW = (
    "These images attack the image's score alone, so even a linker's own images are no white-box attack on image and text."
)
OTHERS = "others: the ensemble of all other linkers of the grid, for each victim. a + b: the ensemble of a and b."


NOTHING = "Nothing to show: the run has no such rows."


@dataclass(frozen=True)
class SideTables:
    """What is shown beside the main table, in its formats.

    Args:
        tables: As people read it.
        records: The same figures and more for programs, one object a figure with its interval.
    """

    tables: tuple[Sheet, ...]
    records: csv_json.Records

    def text(self, width: int | None = None) -> str:
        """For a terminal of `width` columns (None: ask it); what is too wide goes on below, with its row names."""
        return "\n".join(text.render(table, width) for table in self.tables) or f"{NOTHING}\n"

    def to_markdown(self) -> str:
        """GitHub's pipes, each table under a heading."""
        return "\n".join(map(markdown.render, self.tables)) or f"{NOTHING}\n"

    def to_latex(self) -> str:
        """A `table*` each; needs the package booktabs."""
        return "\n".join(map(latex.render, self.tables)) or f"% {NOTHING}\n"

    def to_csv(self) -> str:
        """One line a record."""
        return csv_json.to_csv(self.records)

    def to_json(self) -> str:
        """An array of the records; equal rows give equal bytes."""
        return csv_json.to_json(self.records)

    def __str__(self) -> str:
        return self.text().rstrip("\n")

    __repr__ = __str__


def by_kind(slices: Sequence[Slice]) -> list[Sheet]:
    """One table a data set; a row is a row of the main table, a cell "accuracy (95 % interval)" in %, "empty" without mentions."""
    order = {name: number for number, name in enumerate(dict.fromkeys(part.dataset for part in slices))}
    ordered = sorted(slices, key=lambda part: order[part.dataset])
    return [_by_kind(name, list(parts)) for name, parts in groupby(ordered, lambda part: part.dataset)]


def _by_kind(dataset: str, slices: Sequence[Slice]) -> Sheet:
    counts = {part.group: part.n for part in slices}
    rows: dict[tuple[str, ...], dict[str, Slice]] = {}
    for part in slices:
        rows.setdefault((part.task, part.victim, part.attack_on), {})[part.group] = part
    lines = [(*words, *(slice_figure(row[group]) for group in counts)) for words, row in rows.items()]
    by = slices[0].by
    headings = ("task", "linker", "attack", *(f"{group}, n = {count:,}" for group, count in counts.items()))
    notes = (NOTES[by],) if by in NOTES else ()
    return Sheet(headings, 3, tuple(lines), f"{TITLES[by]}, in % with 95 % intervals: {dataset}", notes)


def slice_figure(part: Slice) -> str:
    """Accuracy and interval in %."""
    if part.n == 0:
        return EMPTY
    bounds = "" if part.ci_low is None else f" ({percent(part.ci_low)} to {percent(part.ci_high)})"
    return percent(part.accuracy) + bounds


def comparisons(compared: Sequence[Comparison], notes: Sequence[str]) -> list[Sheet]:
    """One table, a line a pair of rows and a column a figure, with notes; none where there is nothing to compare."""
    if not compared:
        return []
    question = QUESTIONS[compared[0].question]
    present = {comparison.figure for comparison in compared}
    figures = [figure for figure in question.figures if figure.key in present]
    lines: dict[object, dict[str, Comparison]] = {}
    for comparison in compared:
        lines.setdefault(comparison.subject, {})[comparison.figure] = comparison
    words = WORDS[compared[0].question]
    body = []
    for line in lines.values():
        first = next(iter(line.values()))
        subject = {"data set": first.dataset, "task": first.task, "linker": first.victim, "against": first.against}
        subject["attack"] = first.attack if first.source == "victim" else first.attack_on
        body.append(
            (
                *(subject[word] for word in words),
                *(difference(line[figure.key]) if figure.key in line else "" for figure in figures),
            )
        )
    headings = (*words, *(figure.heading for figure in figures))
    return [Sheet(headings, len(words), tuple(body), question.title, (DIFFERENCES, *notes), grouped=True)]


def difference(comparison: Comparison) -> str:
    """The difference, its mark and its interval."""
    interval = (
        "" if comparison.low is None or comparison.high is None else f" ({points(comparison.low)} to {points(comparison.high)})"
    )
    return f"{points(comparison.value)}{MARKS[comparison.verdict]}{interval}"


def poisoned_demos(groups: Sequence[DemoGroup]) -> list[Sheet]:
    """One table, a line a number of poisoned demonstrations; none where nothing is left to show."""
    headings = ("data set", "task", "linker", "attack", "poisoned demonstrations", "mentions", "clean %", "poisoned %")
    lines = [
        (
            *(group.dataset, group.task, group.victim, group.attack_on, group.group, f"{group.n:,}"),
            *(percent(group.unpoisoned_accuracy), percent(group.accuracy), str(group.lost), str(group.won)),
            points(group.difference)
            + ("" if group.low is None or group.high is None else f" ({points(group.low)} to {points(group.high)})"),
        )
        for group in groups
    ]
    title = "Accuracy by the number of poisoned demonstrations shown"
    notes = (COUNTERFACTUAL,)
    return [Sheet((*headings, "lost", "won", "difference"), 5, tuple(lines), title, notes, grouped=True)] if lines else []


def norms(curves: Sequence[Curve]) -> list[Sheet]:
    """The norms that break given shares of the mentions; no table where no attack seeks short changes."""
    headings = ("data set", "task", "linker", "attack", "norm", *(f"{100 * share:.0f} % wrong" for share in SHARES))
    lines = [
        (
            curve.dataset,
            curve.task,
            curve.victim,
            curve.attack_on,
            NORM_NAMES[curve.norm],
            *(_norm(curve, share) for share in SHARES),
        )
        for curve in curves
    ]
    return [Sheet(headings, 5, tuple(lines), "Norms that break mentions", (LEAST_NORM,), grouped=True)] if lines else []


def _norm(curve: Curve, share: float) -> str:
    norm = curve.reaches(share)
    if norm is None:
        return "never"
    return f"{255 * norm:.2g}" if curve.norm == "linf" else f"{norm:.3g}"


def transfer(matrices: Sequence[Matrix]) -> list[Sheet]:
    """One table a matrix, two lines a source and a column a victim, with what it shows; how to read them under the first."""
    return [_transfer(matrix, first=not number) for number, matrix in enumerate(matrices)]


def _transfer(matrix: Matrix, first: bool) -> Sheet:
    lines = []
    for source in matrix.sources:
        row = [matrix.cells.get((source, victim)) for victim in matrix.victims]
        lines.append((source_label(matrix, source), BROKEN, *(broken(cell) for cell in row)))
        lines.append(("", LINKED, *(linked(cell) for cell in row)))
    ensembles = any(source == "others" or " + " in source for source in matrix.sources)
    notes = [TRANSFER, *([OTHERS] if ensembles else [])] if first else []
    title = f"Transfer of {matrix.attack} ({matrix.budget}), {TASK_NAMES[matrix.task]}: {matrix.dataset}"
    headings = ("made on", "", *map(victim_title, matrix.victims))
    return Sheet(headings, 2, tuple(lines), title, (*notes, *transfer_notes(matrix)))


def transfer_notes(matrix: Matrix) -> list[str]:
    """What a matrix comes to, after what is odd about it: the fused score judged by images made against the image's alone."""
    odd = [IMAGE_VIEW] if matrix.task == "IT2T" and not {"fused", "text", "knowledge"} & {*matrix.evaluations} else []
    return [*odd, *([sentence(matrix)] if matrix.diagonal else [])]


def source_label(matrix: Matrix, source: str) -> str:
    """A control stands for itself, not for a source."""
    control = any(cell.control for (name, _), cell in matrix.cells.items() if name == source)
    return f"nobody ({source})" if control else source


def broken(cell: TransferCell | None) -> str:
    """Attack success with its interval, in square brackets on the diagonal."""
    return ABSENT if cell is None else _marked(cell, cell.attack_success, cell.success_low, cell.success_high)


def linked(cell: TransferCell | None) -> str:
    """Accuracy with its interval, likewise."""
    return ABSENT if cell is None else _marked(cell, cell.accuracy, cell.ci_low, cell.ci_high)


def _marked(cell: TransferCell, value: float | None, low: float | None, high: float | None) -> str:
    bounds = "" if value is None or low is None or high is None else f" ({100 * low:.0f}–{100 * high:.0f})"
    figure = NO_FIGURE if value is None else percent(value) + bounds
    return f"[{figure}]" if cell.white_box else figure


def sentence(matrix: Matrix) -> str:
    """How far from the diagonal the rest lies, with its interval; "" where there is no diagonal or nothing beside it."""
    diagonal = matrix.diagonal
    if diagonal is None:
        return ""
    where = f"{matrix.dataset}, {TASK_NAMES[matrix.task]}, {short_title(matrix.attack)}"
    text = (
        f"{where}: {percent(diagonal.white_box)} % of the mentions stay linked on the linker's own images,"
        f" {percent(diagonal.foreign)} % on another linker's"
    )
    bounds = diagonal.gap.interval() if diagonal.gap else None
    if diagonal.gap and bounds:
        text += (
            f", {100 * diagonal.gap.value:.1f} points apart (95 % interval {100 * bounds.low:.1f} to {100 * bounds.high:.1f})"
        )
    others = [] if diagonal.clean is None else [f"{percent(diagonal.clean)} % on clean images"]
    others += [f"{percent(left)} % on images made on {_ensemble(title)}" for title, left in diagonal.ensembles.items()]
    others += [] if diagonal.control is None else [f"{percent(diagonal.control)} % under noise of the same size"]
    text += f"; {', '.join(others)}" if others else ""
    if diagonal.carried is not None:
        share = "none" if diagonal.carried <= 0 else "all" if diagonal.carried >= 1 else f"{percent(diagonal.carried)} %"
        text += f". Another linker's images break {share} of what its own break"
    return f"{text}. Means over {diagonal.victims} linkers and {diagonal.pairs} pairs."


def _ensemble(title: str) -> str:
    return "all others together" if title == "others" else title

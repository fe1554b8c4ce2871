"""The questions that two rows of the table answer together: which rows, by which differences, and in which words."""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustmel.errors import UsageError
from robustmel.registry import suggestion
from robustmel.report.comparisons.comparison import Comparison, Figure, decided
from robustmel.report.comparisons.defence_verdict import defends
from robustmel.report.credit import Credit, Floats
from robustmel.report.record import unattacked
from robustmel.report.rows import Row, table_rows
from robustmel.report.scoring import Scoring
from robustmel.report.statistics import UNKNOWN, contrast, paired_test
from robustmel.report.summary import Summary
from robustmel.types import Cell


class Pair(NamedTuple):
    """Two rows to compare."""

    cell: Cell
    row: Row
    other: Row
    against: str


class ComparisonKind(NamedTuple):
    """What is asked, and how it is answered.

    Args:
        title: The question in words.
        figures: The columns of its answer.
        pairs: Finds what to compare among the rows of the table.
        note: The question in a note; "" where no note answers it.
        note_figures: The figures in that note, the deciding one first.
    """

    title: str
    figures: tuple[Figure, ...]
    pairs: Callable[[Sequence[Row]], Iterator[Pair]]
    note: str
    note_figures: tuple[str, ...]


def compare(scoring: Scoring, question: str) -> list[Comparison]:
    """Every comparison that answers a question; controls and worst cases are compared too, what its attack leaves untouched is not.

    `saved` and `damage` are differences in differences: the drop of the other row less the drop of this one. `kept` is over the
    mentions right beyond a tie, under every seed, in both rows when clean: else who links less would keep a larger share of less.
    `same-images` keeps to the images that Image-to-Text was judged by; `text-only` is against the same linker's text alone.

    Raises:
        UsageError: There is no such question.
    """
    if question not in QUESTIONS:
        raise UsageError(f'unknown comparison "{question}". {suggestion(question, QUESTIONS)}')
    asked, made = QUESTIONS[question], []
    for pair in asked.pairs([row for row in table_rows(scoring.run.cells) if not row.untouched]):
        ours, theirs = scoring.row(pair.row), scoring.row(pair.other)
        asked_alike = pair.row.first.candidates == pair.other.first.candidates or question == "names"
        if not asked_alike or ours.credit.shape[1] != theirs.credit.shape[1] or max(map(_failed, (ours, theirs))) > 0.5:
            continue  # other questions, or missing images rather than what they show
        sides = _sides(pair, scoring, ours, theirs)
        if pair.row.first.clean:
            sides = {asked.figures[0].key: sides["attacked"]}
        answered = [figure for figure in asked.figures if figure.key in sides]
        made += [(figure, _compared(question, figure, pair, scoring, sides[figure.key])) for figure in answered]
    return decided([(figure, compared) for figure, compared in made if compared])


class Sides(NamedTuple):
    """(S, n) credit added, and subtracted, over these mentions alone (None: all)."""

    plus: list[Floats]
    minus: list[Floats]
    among: NDArray[np.bool_] | None = None


def _sides(pair: Pair, scoring: Scoring, ours: Credit, theirs: Credit) -> dict[str, Sides]:
    """By figure, as far as the grid has what it needs."""
    row, sides = pair.row, {"attacked": Sides([ours.credit], [theirs.credit])}
    image, fused = (scoring.row_against(row, view) for view in ("image", "fused"))
    if image and fused:
        sides["same-images"] = Sides([image.credit], [theirs.credit])
    before, without, text = scoring.clean(row), scoring.clean(pair.other), scoring.clean(row, "T2T")
    if before and without:
        both: NDArray[np.bool_] = np.all(before.credit == 1, axis=0) & np.all(without.credit == 1, axis=0)
        saved = Sides([without.credit, ours.credit], [theirs.credit, before.credit])
        sides |= {"damage": saved, "saved": saved, "kept": Sides([ours.credit], [theirs.credit], both)}
    if text:
        sides["text-only"] = Sides([ours.credit], [text.credit])
    return sides


def _compared(question: str, figure: Figure, pair: Pair, scoring: Scoring, sides: Sides) -> Comparison | None:
    everyone = scoring.clusters(pair.row.first)
    chosen = np.arange(len(everyone)) if sides.among is None else np.flatnonzero(sides.among)
    _, cluster = np.unique(everyone[chosen], return_inverse=True)
    plus, minus = ([side[:, chosen] for side in part] for part in (sides.plus, sides.minus))
    difference = contrast(plus, minus, cluster)
    ours, theirs = (np.sum([side.mean(axis=0) for side in part], axis=0)[None] for part in (plus, minus))
    if difference is None:
        return None
    low, high = difference.interval() or UNKNOWN
    return Comparison(
        cell=pair.cell,
        white_box=pair.row.white_box,
        question=question,
        figure=figure.key,
        against=pair.against,
        threat_model=pair.row.first.threat_model,
        budget=pair.row.first.budget,
        n=len(chosen),
        clusters=int(cluster.max()) + 1,
        value=difference.value,
        low=low,
        high=high,
        p_value=paired_test(ours, theirs, cluster),
        equivalence=difference.equivalence(),
    )


def _failed(credit: Credit) -> float:
    return float(credit.failed.mean()) if credit.failed.size else 0.0


def _tasks(rows: Sequence[Row]) -> Iterator[Pair]:
    """Image and text together with the image alone, of every linker and attack that has both."""
    images = {row.cell: row for row in rows if row.cell.task == "I2T"}
    for row in rows:
        alone = images.get(replace(row.cell, task="I2T")) if row.cell.task == "IT2T" else None
        if alone:
            yield Pair(row.cell, row, alone, "IT2T against I2T")


def _defences(rows: Sequence[Row]) -> Iterator[Pair]:
    """Every defended linker with itself undefended, attacked from the same source or each on its own scores."""
    by_cell = {row.cell: row for row in rows}
    for row in (row for row in rows if row.cell.defence != "none"):
        sources = [row.cell.source, *([row.cell.linker] if row.white_box else [])]
        bare = [replace(row.cell, defence="none", source=source) for source in sources]
        other = next((by_cell[cell] for cell in bare if cell in by_cell), None)
        if other:
            yield Pair(row.cell, row, other, "none")


def _poisons(rows: Sequence[Row]) -> Iterator[Pair]:
    """Every poisoned linker with itself unpoisoned, under the same attack."""
    by_cell = {row.cell: row for row in rows}
    for row in (row for row in rows if row.cell.poison != "none"):
        other = by_cell.get(replace(row.cell, poison="none"))
        if other:
            yield Pair(row.cell, row, other, "no poison")


def _linkers(rows: Sequence[Row]) -> Iterator[Pair]:
    """Every two linkers under one attack, each attacked on its own scores or both on the same other one's."""
    for row, other in combinations(rows, 2):
        shared = _shared(row)
        if shared == _shared(other) and row.cell.linker != other.cell.linker:
            yield Pair(replace(shared, linker=row.cell.linker), row, other, other.cell.linker)


def _names(rows: Sequence[Row]) -> Iterator[Pair]:
    """Every linker with itself on the same mentions whose names are made up, called "NAME, renamed" as the data set `renamed` does."""
    by_cell = {row.cell: row for row in rows}
    for row in rows:
        renamed = by_cell.get(replace(row.cell, dataset=f"{row.cell.dataset}, renamed"))
        if renamed:
            yield Pair(row.cell, row, renamed, "names made up")


def _shared(row: Row) -> Cell:
    """What two linkers must share to be compared."""
    return replace(row.cell, linker="", source="victim" if row.white_box else row.cell.source)


def _questions() -> Iterator[tuple[str, ComparisonKind]]:
    pairs = {"context": _tasks, "defence": _defences, "linker": _linkers, "names": _names, "poison": _poisons}
    text = (resources.files("robustmel.report.comparisons") / "kinds.toml").read_text("utf-8")
    for name, table in tomllib.loads(text).items():
        figures = tuple(Figure(**figure) for figure in table["figures"])
        yield (
            name,
            ComparisonKind(table["title"], figures, pairs[name], table.get("note", ""), tuple(table.get("note_figures", ()))),
        )


QUESTIONS: Mapping[str, ComparisonKind] = dict(_questions())


SHOWN = 2
"""So many notes a question; the page has everything."""
ANSWERS = {"more": "yes", "less": "no", "none": "no"}


def remarks(compared: Sequence[Comparison], summaries: Sequence[Summary], most: int = SHOWN) -> list[str]:
    """One note a linker and task, under the first attack of the grid: it was chosen before anything was seen."""
    attacked = {row.cell for row in summaries if not (row.worst_case or row.control or row.untouched)}
    chosen: dict[Cell, Comparison] = {}
    for comparison in compared:
        if comparison.figure in QUESTIONS[comparison.question].note_figures[:1] and comparison.cell in attacked:
            chosen.setdefault(unattacked(comparison.cell), comparison)
    notes = [_note(lead, compared) for lead in list(chosen.values())[:most]]
    if len(chosen) > most:
        more = len(chosen) - most
        notes.append(f"{more} more of this kind: robustmel report RUN --compare {compared[0].question}, and the page.")
    return notes


def memory_remarks(compared: Sequence[Comparison], most: int = 8) -> list[str]:
    """Linking or memory? One note a linker and task, of clean images; `compared` are the comparisons of "names"."""
    clean = [comparison for comparison in compared if comparison.figure == "clean"]
    notes = [f"Linking or memory? {one.victim} {one.task} on {one.dataset}: {one.sentence}." for one in clean[:most]]
    if len(clean) > most:
        notes.append(f"{len(clean) - most} more of this kind: robustmel report RUN --compare names, and the page.")
    return notes


def _note(lead: Comparison, compared: Sequence[Comparison]) -> str:
    question = QUESTIONS[lead.question]
    figures = {comparison.figure: comparison for comparison in compared if comparison.subject == lead.subject}
    line = {key: comparison.sentence for key, comparison in figures.items()}
    undecided = "undecided" + lead.sentence.rpartition(" is undecided")[2]
    answer = f"{ANSWERS[lead.verdict]}, {lead.sentence}" if lead.verdict in ANSWERS else undecided
    if lead.question == "defence" and lead.verdict == "more" and not defends(figures):
        answer = f"not shown, {lead.sentence}, but {line['attacked']}"
    # one image to withstand on either side, rather than two on one
    doubted = ("same-images",) if lead.verdict != "more" else ()
    more = "".join(f"; {line[key]}" for key in (*doubted, *question.note_figures[1:]) if key in line)
    who = lead.victim if lead.question == "context" else f"{lead.victim} {lead.task}"
    return f"{question.note} {who} on {lead.dataset} under {lead.attack}, the grid's first attack: {answer}{more}."

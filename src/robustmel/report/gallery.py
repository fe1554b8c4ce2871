"""Mentions worth looking at: those an attack breaks, and some that hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from robustmel.report.credit import place
from robustmel.report.pictures import Triple, triple
from robustmel.report.questions import Question
from robustmel.report.record import unattacked
from robustmel.report.results import Evaluation, ResultCell, Run
from robustmel.types import Cell, Prediction

LIMIT = 60
HELD = 0.25
"""Share of the gallery kept for mentions that hold."""


@dataclass(frozen=True)
class Entry:
    """One mention under one attack.

    Args:
        cell: The attacked cell.
        evaluation: Whose images are shown; for a mention that breaks, one that breaks it.
        before: The sentence up to the surface.
        surface: The mention as written.
        after: The rest of the sentence.
        gold: Name of the right entity.
        clean_answer: Name of what the linker answered on the clean image.
        answer: And on the perturbed one.
        rank: Where the right entity came out under attack, and of how many, in words.
        broke: Whether a right answer became wrong.
        pictures: Clean, perturbed, difference.
    """

    cell: ResultCell
    evaluation: str
    before: str
    surface: str
    after: str
    gold: str
    clean_answer: str
    answer: str
    rank: str
    broke: bool
    pictures: Triple


@dataclass(frozen=True)
class Gallery:
    """What is shown, and out of how much.

    Args:
        entries: At most `LIMIT`.
        broken: Pairs of mention and attack in which a right answer became wrong, over the cells of the first seed.
        held: Pairs in which it stayed right.
    """

    entries: tuple[Entry, ...]
    broken: int
    held: int


@dataclass(frozen=True)
class _Case:
    index: int
    evaluation: Evaluation
    question: Question
    clean: Prediction
    answer: Prediction


def gallery(run: Run, limit: int = LIMIT, wanted: Callable[[Cell], bool] = lambda _: True) -> Gallery:
    """Chooses mentions of the wanted cells in turn, each cell starting at another one; pictures that were not kept are passed over."""
    broken: list[list[tuple[ResultCell, _Case]]] = []
    held: list[list[tuple[ResultCell, _Case]]] = []
    for number, (cell, clean) in enumerate(pair for pair in _pairs(run) if wanted(pair[0].cell)):
        lost, kept = _cases(run, cell, clean)
        broken.append([(cell, case) for case in _turned(lost, 7 * number)])
        held.append([(cell, case) for case in _turned(kept, 7 * number)])
    names: dict[str, dict[str, str]] = {}
    want_held = min(round(limit * HELD), sum(map(len, held)))
    entries = _fill(run, broken, limit - want_held, True, names)
    entries += _fill(run, held, limit - len(entries), False, names)
    return Gallery(tuple(entries), sum(map(len, broken)), sum(map(len, held)))


def _pairs(run: Run) -> Iterator[tuple[ResultCell, ResultCell]]:
    """Attacked cells of the first seed, each with its clean one."""
    clean = {unattacked(cell.cell): cell for cell in reversed(run.cells) if cell.clean}
    seen: set[Cell] = set()
    for cell in run.cells:
        key, victim = replace(cell.cell, seed=None), unattacked(cell.cell)
        if not cell.clean and victim in clean and key not in seen and any(part.variant for part in cell.evaluations):
            seen.add(key)
            yield cell, clean[victim]


def _cases(run: Run, cell: ResultCell, clean: ResultCell) -> tuple[list[_Case], list[_Case]]:
    """Of the mentions right on clean images: those that become wrong, and those that stay right."""
    before = run.predictions(clean, clean.evaluations[0])
    evaluations = [(part, run.predictions(cell, part)) for part in cell.evaluations if part.variant]
    lost, kept = [], []
    for index, question in enumerate(run.questions(cell)):
        if place(question.gold, before[index]).hits(1) < 1:
            continue
        shares = [place(question.gold, answers[index]).hits(1) for _, answers in evaluations]
        lowest = min(
            reversed(range(len(evaluations))), key=lambda number: shares[number]
        )  # the later one (fused) where they are equal
        evaluation, answers = evaluations[lowest]
        case = _Case(index, evaluation, question, before[index], answers[index])
        if shares[lowest] == 0:
            lost.append(case)
        elif shares[lowest] == 1:
            kept.append(case)
    return lost, kept


def _turned(cases: Sequence[_Case], start: int) -> list[_Case]:
    cut = start % len(cases) if cases else 0
    return [*cases[cut:], *cases[:cut]]


def _fill(
    run: Run, queues: Sequence[Sequence[tuple[ResultCell, _Case]]], room: int, broke: bool, names: dict[str, dict[str, str]]
) -> list[Entry]:
    entries: list[Entry] = []
    logs: dict[str, list[dict[str, object]]] = {}
    for turn in zip_longest(*queues):
        for one in turn:
            if one is None:
                continue
            if len(entries) >= room:
                return entries
            cell, case = one
            if str(case.evaluation.variant) not in logs:
                logs[str(case.evaluation.variant)] = run.log(cell, case.evaluation)
            perturbed = run.picture(case.evaluation, logs[str(case.evaluation.variant)][case.index])
            if perturbed is None or case.question.image is None:
                continue
            pictures = triple(Path(case.question.image), perturbed)
            if pictures is None:
                continue
            if cell.candidates not in names:
                names[cell.candidates] = run.names(cell)
            entries.append(_entry(cell, case, pictures, broke, names[cell.candidates]))
    return entries


def _entry(cell: ResultCell, case: _Case, pictures: Triple, broke: bool, names: dict[str, str]) -> Entry:
    question = case.question
    before, surface, after = marked(question.text, question.surface)
    where = place(question.gold, case.answer)
    rank = f"right entity at rank {where.rank():g}{_length(case)}" if where.tied and broke else ""
    return Entry(
        cell=cell,
        evaluation=case.evaluation.name,
        before=before,
        surface=surface,
        after=after,
        gold="no entity (NIL)" if question.gold is None else names.get(question.gold, question.gold),
        clean_answer=answered(case.clean, names),
        answer=answered(case.answer, names),
        rank=rank,
        broke=broke,
        pictures=pictures,
    )


def _length(case: _Case) -> str:
    """How many entities were ranked ("of 10"); "" where no more than the first of them were kept."""
    ranked = len(case.answer.ranked)
    return f" of {ranked}" if case.question.candidates is not None and ranked < 100 else ""


def marked(text: str, surface: str) -> tuple[str, str, str]:
    """The sentence around the surface's first occurrence (any case); the surface alone where it does not occur."""
    start = text.find(surface)
    if start < 0 and len(text.casefold()) == len(text):
        start = text.casefold().find(surface.casefold())
    if start < 0 or not surface:
        return (text + " " if text else "", surface, "")
    return text[:start], text[start : start + len(surface)], text[start + len(surface) :]


def answered(prediction: Prediction, names: dict[str, str]) -> str:
    """What a linker said, in words."""
    if prediction.error is not None:
        return f"no answer ({':'.join(prediction.error.split(':')[:2])})"
    if not prediction.ranked:
        return "no entity (NIL)"
    best = max(prediction.scores)
    first = [one for one, score in zip(prediction.ranked, prediction.scores, strict=True) if score == best] or list(
        prediction.ranked
    )
    more = f" (tied with {len(first) - 1} more)" if len(first) > 1 else ""
    return names.get(first[0], first[0]) + more

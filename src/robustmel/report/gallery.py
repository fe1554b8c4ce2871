"""Mentions worth looking at: those an attack breaks, and some that hold."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustmel.report.credit import gold_rank
from robustmel.report.pictures import Triple, triple
from robustmel.report.questions import Question
from robustmel.report.record import unattacked
from robustmel.report.results import Evaluation, ResultCell, Run
from robustmel.report.scoring import Scoring
from robustmel.types import Cell, Prediction

LIMIT = 60
HELD = 0.25
"""Share of the gallery kept for mentions that hold."""
NIL = "no entity (NIL)"


class ShownAnswer(NamedTuple):
    """An entity, or why there is none, as a reader sees it.

    Args:
        name: The entity's name, or words in its place.
        detail: Its id, type and description, which tell namesakes apart.
    """

    name: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.detail})" if self.detail else self.name


@dataclass(frozen=True)
class Entry:
    """One mention under one attack.

    Args:
        cell: The attacked cell.
        evaluation: Whose images are shown; for a mention that breaks, one that breaks it.
        before: The sentence up to the surface.
        surface: The mention as written.
        after: The rest of the sentence.
        gold: The right entity.
        clean_answer: What the linker answered on the clean image.
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
    gold: ShownAnswer
    clean_answer: ShownAnswer
    answer: ShownAnswer
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


class _Case(NamedTuple):
    """A mention of a cell by its number; what it says is read again once it is chosen."""

    clean: ResultCell
    cell: ResultCell
    evaluation: Evaluation
    number: int
    broke: bool


class _Kept:
    """Which mentions have a perturbed picture, in a byte a mention of each perturbed set that was looked at."""

    def __init__(self) -> None:
        self._of: dict[str, NDArray[np.bool_]] = {}

    def of(self, run: Run, cell: ResultCell, part: Evaluation) -> NDArray[np.bool_]:
        """(n,), for one evaluation of a cell."""
        variant = str(part.variant)
        if variant not in self._of:
            ids = run.pictured(part)
            asked = run.questions(cell)
            there = (mention in ids for mention in asked.column("id"))
            self._of[variant] = np.fromiter(there, np.bool_, len(asked)) if ids else np.zeros(len(asked), np.bool_)
        return self._of[variant]


class _Queue(NamedTuple):
    """The mentions of a cell with one outcome, in the order in which they are looked at.

    Args:
        clean: The cell without an attack.
        cell: The attacked cell.
        parts: Its evaluations, the later before the earlier.
        hardest: (n,): of each mention of the data set, the number of the evaluation that is worst; the first of two.
        numbers: (k,): which mentions.
        broke: Whether they became wrong.
    """

    clean: ResultCell
    cell: ResultCell
    parts: tuple[Evaluation, ...]
    hardest: NDArray[np.int64]
    numbers: NDArray[np.int64]
    broke: bool

    def cases(self, run: Run, kept: _Kept) -> Iterator[_Case]:
        """Those whose perturbed picture was kept, one after the other."""
        kept_of = [kept.of(run, self.cell, part) for part in self.parts]
        for number in self.numbers if any(map(np.any, kept_of)) else ():
            part = self.hardest[number]
            if kept_of[part][number]:
                yield _Case(self.clean, self.cell, self.parts[part], int(number), self.broke)


def gallery(scoring: Scoring, limit: int = LIMIT, wanted: Callable[[Cell], bool] = lambda _: True) -> Gallery:
    """Chooses mentions of the wanted cells in turn, each cell starting at another one; pictures that were not kept are passed over."""
    run = scoring.run
    pairs = enumerate(pair for pair in _pairs(run) if wanted(pair[0].cell))
    broken, held = list(zip(*(_queues(scoring, *pair, 7 * number) for number, pair in pairs), strict=True)) or ((), ())
    counts = [sum(len(queue.numbers) for queue in queues) for queues in (broken, held)]
    kept = _Kept()
    chosen = _pictured(run, broken, limit - min(round(limit * HELD), counts[1]), kept)
    chosen += _pictured(run, held, limit - len(chosen), kept)
    return Gallery(tuple(_entries(run, chosen)), *counts)


def _pairs(run: Run) -> Iterator[tuple[ResultCell, ResultCell]]:
    """Attacked cells of the first seed, each with its clean one."""
    clean = {unattacked(cell.cell): cell for cell in reversed(run.cells) if cell.clean}
    seen: set[Cell] = set()
    for cell in run.cells:
        key, victim = replace(cell.cell, seed=None), unattacked(cell.cell)
        if not cell.clean and victim in clean and key not in seen and any(part.variant for part in cell.evaluations):
            seen.add(key)
            yield cell, clean[victim]


def _queues(scoring: Scoring, cell: ResultCell, clean: ResultCell, cut: int) -> tuple[_Queue, _Queue]:
    """The mentions right on clean images that become wrong, and those that stay right; each from another one on."""
    parts = tuple(part for part in reversed(cell.evaluations) if part.variant)
    shares = np.concatenate([scoring.evaluation(cell, part).credit for part in parts])
    right = scoring.evaluation(clean, clean.evaluations[0]).credit[0] == 1
    least, hardest = shares.min(axis=0), shares.argmin(axis=0)
    broken, held = (np.flatnonzero(right & (least == share)) for share in (0, 1))
    first, second = (np.roll(numbers, -(cut % max(len(numbers), 1))) for numbers in (broken, held))
    return _Queue(clean, cell, parts, hardest, first, True), _Queue(clean, cell, parts, hardest, second, False)


def _pictured(run: Run, queues: Sequence[_Queue], room: int, kept: _Kept) -> list[tuple[_Case, Triple]]:
    """The first cases of the queues in turn whose pictures are there.

    Args:
        run: The run.
        queues: One a cell.
        room: How many.
        kept: Which pictures there are.
    """
    chosen: list[tuple[_Case, Triple]] = []
    for case in (case for turn in zip_longest(*(queue.cases(run, kept) for queue in queues)) for case in turn if case):
        if len(chosen) >= room:
            break
        question = run.questions(case.cell)[case.number]
        perturbed, clean = run.picture(case.evaluation, question.id), question.image
        if perturbed is not None and clean is not None and (pictures := triple(Path(clean), perturbed)) is not None:
            chosen.append((case, pictures))
    return chosen


def _entries(run: Run, chosen: Sequence[tuple[_Case, Triple]]) -> Iterator[Entry]:
    answers: dict[str, dict[int, Prediction]] = {}
    ids: dict[str, set[str]] = {}
    for case, _ in chosen:
        gold = run.questions(case.cell)[case.number].gold
        for cell, part in ((case.clean, case.clean.evaluations[0]), (case.cell, case.evaluation)):
            if part.answers not in answers:
                wanted = {other.number for other, _ in chosen}
                answers[part.answers] = {i: answer for i, answer in enumerate(run.answers(cell, part)) if i in wanted}
            named = answers[part.answers][case.number].ranked
            ids.setdefault(case.cell.candidates, set()).update((*named, *([gold] if gold else ())))
    known = {case.cell.candidates: case.cell for case, _ in chosen}
    entities = {key: run.described(cell, ids[key]) for key, cell in known.items()}
    for case, pictures in chosen:
        question = run.questions(case.cell)[case.number]
        before, surface, after = marked(question.text, question.surface)
        names, answer = entities[case.cell.candidates], answers[case.evaluation.answers][case.number]
        where = gold_rank(question.gold, answer)
        yield Entry(
            cell=case.cell,
            evaluation=case.evaluation.name,
            before=before,
            surface=surface,
            after=after,
            gold=ShownAnswer(NIL) if question.gold is None else _shown(question.gold, names),
            clean_answer=answered(answers[case.clean.evaluations[0].answers][case.number], names),
            answer=answered(answer, names),
            rank=f"right entity at rank {where.rank():g}{_length(question, answer)}" if where.tied and case.broke else "",
            broke=case.broke,
            pictures=pictures,
        )


def _length(question: Question, answer: Prediction) -> str:
    """How many entities were ranked ("of 10"); "" where no more than the first of them were kept."""
    ranked = len(answer.ranked)
    return f" of {ranked}" if question.candidates is not None and ranked < 100 else ""


def _shown(entity: str, names: Mapping[str, tuple[str, str]]) -> ShownAnswer:
    name, description = names.get(entity, ("", ""))
    return ShownAnswer(name, ", ".join(part for part in (entity, description) if part)) if name else ShownAnswer(entity)


def marked(text: str, surface: str) -> tuple[str, str, str]:
    """The sentence around the surface's first occurrence (any case); the surface alone where it does not occur."""
    start = text.find(surface)
    if start < 0 and len(text.casefold()) == len(text):
        start = text.casefold().find(surface.casefold())
    if start < 0 or not surface:
        return (text + " " if text else "", surface, "")
    return text[:start], text[start : start + len(surface)], text[start + len(surface) :]


def answered(prediction: Prediction, names: Mapping[str, tuple[str, str]]) -> ShownAnswer:
    """What a linker answered.

    Args:
        prediction: Its answer.
        names: Entity id -> name and description.
    """
    if prediction.error is not None:
        return ShownAnswer(f"no answer ({':'.join(prediction.error.split(':')[:2])})")
    if not prediction.ranked:
        return ShownAnswer(NIL)
    best = max(prediction.scores)
    tied = [entity for entity, score in zip(prediction.ranked, prediction.scores, strict=True) if score == best]
    first = _shown((tied or prediction.ranked)[0], names)
    return first._replace(name=f"{first.name} (tied with {len(tied) - 1} more)") if len(tied) > 1 else first

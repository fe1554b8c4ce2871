"""Data sets with a linear tower whose every answer is known: pictures of any data set, asked in pairs and in lists."""

import json
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from robustmel.errors import ImageError, UsageError
from robustmel.images import Pixels, decode, write_png
from robustmel.item_seeds import item_seed
from robustmel.kb import KnowledgeBase
from robustmel.registry import Component
from robustmel.run.builder import Builder
from robustmel.run.store import Store
from robustmel.selftest.fit import Fitted, cell_means, fit, read_tower, write_tower
from robustmel.selftest.truth import LEVELS, Truth, truth
from robustmel.types import Mention

MAX_SIDE = 96
"""Longer pictures are reduced to this, in pixels, before they are planted; it keeps the time of photographs in bounds."""
LONGEST = 10
"""Candidates a mention, at most."""
SHARES = (0.8, 0.65, 0.5, 0.35, 0.2)
"""The exact robust accuracies a ladder of budgets aims at: between the ends, where attacks differ."""

MEDIAN_LEAD = 8.0
"""Of the right entity in lists: cross-entropy then follows the nearest wrong one, as it does for a confident linker."""
HIGHEST_LEAD = 12.0
"""In pairs: from about 16 on the probability of the right entity is 1 in float32, and cross-entropy forgets it in its gradient."""


@dataclass(frozen=True)
class Planted:
    """One data set, and what is known of the tower's answers to it.

    Args:
        name: Of the data set, in tables.
        folder: Where it lies, in the project's own format.
        weights: The tower's.
        truth: Of its mentions, in file order.
        pairs: Whether each mention has two candidates: then the loss has one way to rise, and an attack no excuse.
    """

    name: str
    folder: Path
    weights: Path
    truth: Truth
    pairs: bool

    @property
    def ladder(self) -> tuple[int, ...]:
        """Budgets k, in 255ths, at which the exact robust accuracies come nearest to `SHARES`; rising, each once."""
        exact = np.array([self.truth.accuracy(level) for level in range(1, LEVELS)])
        return tuple(sorted({1 + int(np.abs(exact - share).argmin()) for share in SHARES}))


@dataclass(frozen=True)
class _Question:
    id: str
    gold: str
    candidates: tuple[str, ...]
    picture: Pixels


def plant(source: Component, split: str, limit: int, folder: Path) -> tuple[Planted, Planted]:
    """Fits a tower to a sample of a data set, and writes the two data sets it is asked: lists of candidates, and pairs.

    A pair is the right entity and the wrong one that is nearest to it on the clean picture.

    Raises:
        UsageError: The data set has too few pictures or entities to plant anything.
        MissingError: It cannot be read.
    """
    loaded, mentions = Builder(Store(folder / "unused")).sampled(source, split, limit, 0)
    askable = _askable(mentions)
    if len(askable) < 20:
        raise UsageError(
            f"{loaded.name}: {len(askable)} of {len(mentions)} mentions have a readable picture, a right entity and a wrong candidate;"
            " the selftest needs 20."
        )
    entities = [entity for question in askable for entity in question.candidates]
    fitted = fit([question.picture for question in askable], [question.gold for question in askable], entities)
    in_pairs = [_pair(question, fitted) for question in askable]
    planted = []
    for kind, questions in (("lists", askable), ("pairs", in_pairs)):
        _write(folder / kind, questions, loaded.kb)
        weights = folder / kind / "tower.safetensors"
        leads = _truth(fitted, questions).leads[:, 0]
        unit = float(np.abs(leads).max() / HIGHEST_LEAD if kind == "pairs" else np.median(np.abs(leads)) / MEDIAN_LEAD)
        scaled = fitted.scaled(1 / unit)
        write_tower(scaled, weights)
        planted.append(Planted(f"{loaded.name}, {kind}", folder / kind, weights, _truth(scaled, questions), kind == "pairs"))
    return planted[0], planted[1]


def _truth(fitted: Fitted, questions: Sequence[_Question]) -> Truth:
    pictures, golds, candidates = zip(*((item.picture, item.gold, item.candidates) for item in questions), strict=True)
    return truth(fitted, pictures, golds, candidates)


def _askable(mentions: Sequence[Mention]) -> list[_Question]:
    golds = tuple(dict.fromkeys(mention.gold for mention in mentions if mention.gold is not None))
    questions = []
    for mention in mentions:
        if mention.gold is None or mention.image is None:
            continue
        lot = random.Random(item_seed(0, "selftest", mention.id))
        others = sorted(set(mention.candidates or golds) - {mention.gold})
        candidates = [mention.gold, *lot.sample(others, min(len(others), LONGEST - 1))]
        lot.shuffle(candidates)
        try:
            picture = decode(mention.image, max_side=MAX_SIDE)
        except ImageError:
            continue
        if len(candidates) > 1:
            questions.append(_Question(mention.id, mention.gold, tuple(candidates), picture))
    return questions


def _pair(question: _Question, fitted: Fitted) -> _Question:
    scores = fitted.weights @ cell_means(question.picture, fitted.cells) + fitted.bias
    rival = max(
        (wrong for wrong in question.candidates if wrong != question.gold),
        key=lambda wrong: scores[fitted.entities.index(wrong)],
    )
    pair = tuple(candidate for candidate in question.candidates if candidate in (question.gold, rival))
    return _Question(question.id, question.gold, pair, question.picture)


def _write(folder: Path, questions: Sequence[_Question], kb: KnowledgeBase) -> None:
    """In the project's own format."""
    (folder / "images").mkdir(parents=True)
    lines = []
    for number, question in enumerate(questions):
        write_png(folder / "images" / f"{number}.png", question.picture)
        record = {
            "id": question.id,
            "gold": question.gold,
            "surface": kb[question.gold].name,
            "text": question.gold,
            "image": f"images/{number}.png",
        }
        lines.append(record | {"candidates": question.candidates, "split": "test"})
    needed = dict.fromkeys(entity for question in questions for entity in question.candidates)
    entities = [{"id": entity, "name": kb[entity].name} for entity in needed]
    _write_json_lines(folder / "mentions.jsonl", lines)
    _write_json_lines(folder / "entities.jsonl", entities)


def _write_json_lines(path: Path, records: Sequence[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")


def with_namesakes(planted: Planted, folder: Path) -> Planted:
    """The same mentions, every second one with a further candidate that has the right entity's name and its every score.

    What is known of the rivals stays true: an answer that two namesakes share is half right, and broken where a rival leads both.
    """
    shutil.copytree(planted.folder, folder)
    mentions, entities = (
        [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        for name in ("mentions.jsonl", "entities.jsonl")
    )
    names = {entity["id"]: entity["name"] for entity in entities}
    for mention in mentions[::2]:
        mention["candidates"] = [*mention["candidates"], f"{mention['gold']}, again"]
    added = [{"id": f"{entity}, again", "name": name} for entity, name in names.items()]
    _write_json_lines(folder / "mentions.jsonl", mentions)
    _write_json_lines(folder / "entities.jsonl", [*entities, *added])
    fitted = read_tower(planted.weights)
    twice = (*fitted.entities, *(f"{entity}, again" for entity in fitted.entities))
    weights = folder / planted.weights.name
    write_tower(Fitted(twice, fitted.cells, np.tile(fitted.weights, (2, 1)), np.tile(fitted.bias, 2)), weights)
    return replace(planted, name=f"{planted.name} with namesakes", folder=folder, weights=weights)

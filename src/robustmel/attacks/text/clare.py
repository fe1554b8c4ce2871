"""CLARE: words replaced, inserted and merged by a masked language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import torch
from torch.nn.functional import cosine_similarity

from robustmel.attacks.contract import TextObjective
from robustmel.attacks.quantities import at_least_one, number
from robustmel.attacks.text.clare_places import Mergeable, places
from robustmel.attacks.text.clare_search import ClareSearch, Compare, Fill, Judge, Search
from robustmel.attacks.text.editable_text import EditableText
from robustmel.attacks.text.masked_lm import ROWS, STEP, masked_lm, modified
from robustmel.attacks.text.parts_of_speech import MERGED, by_closed_classes, tagger
from robustmel.attacks.text.word_attack import FEWER, NO_EFFECT, NO_MEANS, NO_MENTION, NO_WORD, WordAttack
from robustmel.attacks.text.words import protected_spans
from robustmel.errors import UsageError
from robustmel.linkers.loading import pick_device
from robustmel.linkers.sentence_encoder import sentence_tower
from robustmel.linkers.text_tower import TextTower
from robustmel.linkers.weights import model_folder, weight_files
from robustmel.types import Query, TextEdit


@dataclass(frozen=True)
class CLARE(WordAttack):
    """Replaces, inserts and merges words by a masked language model, so that the text stays fluent (Li et al., 2021).

    The model fills a mask that stands for a word, between two words, or for two neighbouring words. A word may stand there if it is
    one of the likeliest, likely enough (0.0005 for a replacement, 0.005 for a merger), of the script that is there, and the whole text
    stays similar enough. As many edits are made as `edit_rate` asks for; nothing is edited twice. Without `queries` they are drawn, evenly from all that are possible (CLARE as
    an augmenter); with `queries` the source's scores choose them, and the attack stops when a wrong entity is first.

    Args:
        model: The masked language model: a folder, a hub id ("distilroberta-base"), or `world:NAME`. A byte-level vocabulary reads
            any text, and edits where it has whole words of the script.
        encoder: The sentence encoder of the similarity: the same (a SimCSE folder); "" takes the mean of the model's own outputs.
        min_similarity: The least cosine of the edited text and the original, in [-1, 1]; what it lets pass depends on the encoder,
            which reads only the beginning of a text that is too long for it: later edits are not held back.
        tagger: What tells which words may be merged: a token classifier of universal parts of speech, given as the
            others; "" goes by lists of English function words.
        candidates: How many of the model's likeliest tokens are considered at each place.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Li et al., "Contextualized Perturbation for Textual Adversarial Attack", NAACL 2021; without queries, the `CLAREAugmenter` of
        Morris et al., "TextAttack: A Framework for Adversarial Attacks, Data Augmentation, and Adversarial Training in NLP", EMNLP 2020
        (demonstrations). There the similarity is that of a window of 15 words and is left out for shorter texts; here it is that of the
        whole text, always. There and here a merger needs parts of speech that go together.
    """

    model: str = "world:mlm-world"
    encoder: str = ""
    tagger: str = ""
    min_similarity: float = 0.7
    candidates: int = 50

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        at_least_one("candidates", self.candidates)
        if number("min_similarity", abs(self.min_similarity)) > 1:
            raise UsageError(f"min_similarity = {self.min_similarity} must lie between -1 and 1.")

    @classmethod
    def assets(cls, *, model: str, encoder: str, tagger: str, **_: object) -> tuple[Path, ...]:
        """The files of the models; raises MissingError where one is absent."""
        return tuple(file for name in (model, encoder, tagger) if name for file in weight_files(name))

    def perturb(
        self, queries: Sequence[Query], objective: TextObjective | None, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[TextEdit]:
        """See `TextAttack.perturb`; a query that cannot be attacked keeps its text, and its note says why."""
        objective = objective if self.queries else None
        searches = [self._search(query, seed) for query, seed in zip(queries, seeds, strict=True)]
        running = {
            index: search.guided(self.queries) if objective is not None else search.augment()
            for index, search in enumerate(searches)
            if search.places and search.edits
        }
        self._answer(running, searches, objective, gold)
        return [_edit(search, objective is not None) for search in searches]

    def _search(self, query: Query, seed: int) -> ClareSearch:
        """Where a query may be edited, and how often; no places where its mention is not in its text."""
        protected = protected_spans(query, self.protect)
        text = EditableText(query, protected or (), wanted=self._wanted)
        eligible = [] if protected is None else self._eligible(text)
        listed = places(query.text, protected or (), eligible, self._mergeable(query.text)) if eligible else []
        edits = max(1, int(self.edit_rate * len(eligible))) if eligible else 0
        return ClareSearch(text, protected is not None, listed, edits, self.candidates, self.min_similarity, Random(seed))

    def _mergeable(self, text: str) -> Mergeable:
        if not self.tagger:
            return lambda first, second: by_closed_classes(text[slice(*first)], text[slice(*second)])
        tags = tagger(self.tagger).tags(text)
        return lambda first, second: tags.get(second, "") in MERGED.get(tags.get(first, ""), ())

    def _answer(
        self,
        running: dict[int, Search],
        searches: Sequence[ClareSearch],
        objective: TextObjective | None,
        gold: Sequence[str | None],
    ) -> None:
        """Runs searches to their ends: what all of them ask at a time is answered together."""
        if not running:
            return
        model, tower = masked_lm(self.model), _tower(self.encoder or self.model)
        tower.forget()

        def answers(kind: type[Any], asked: dict[int, Any]) -> list[Any]:
            flat = [part for request in asked.values() for part in request[0]]
            if kind is Fill:
                return model.fill(flat, self.candidates)
            owners = [index for index, request in asked.items() for _ in request[0]]
            if kind is Judge:
                assert objective is not None
                return list(objective(flat, [gold[index] for index in owners]).nan_to_num(nan=torch.inf).tolist())
            own = tower.embed([searches[index].text.query.text for index in owners])
            return cosine_similarity(tower.embed(flat), own).tolist() if flat else []

        requests: dict[int, Any] = {index: next(search, None) for index, search in running.items()}
        while requests := {index: request for index, request in requests.items() if request is not None}:
            replies: dict[int, Any] = {}
            for index in requests:
                searches[index].ahead = max(1, ROWS // len(requests))
            for kind in (Fill, Compare, Judge):
                asked = {index: request for index, request in requests.items() if isinstance(request, kind)}
                given = iter(answers(kind, asked) if asked else ())
                replies |= {index: list(islice(given, len(request[0]))) for index, request in asked.items()}
            requests = {index: _sent(running[index], reply) for index, reply in replies.items()}


def _sent(search: Search, reply: list[Any]) -> Any:
    """What a search asks next; None where it has ended."""
    try:
        return search.send(reply)
    except StopIteration:
        return None


def _edit(search: ClareSearch, guided: bool) -> TextEdit:
    none = NO_MEANS if search.edits else NO_WORD if search.located else NO_MENTION
    if not guided:
        note = none if not search.changes else FEWER if len(search.changes) < search.edits else ""
        return search.text.edit(search.changes, note)._replace(similarity=search.similarity)
    succeeded = search.margin < 0
    note = "" if search.changes or succeeded else NO_EFFECT if search.edits else none
    edit = search.text.edit(search.changes, note)
    return edit._replace(similarity=search.similarity, succeeded=succeeded, queries=search.asked)


def _tower(model: str) -> TextTower:
    folder = model_folder(model)
    return _loaded_tower(str(folder), modified(folder))


@lru_cache(maxsize=2)
def _loaded_tower(folder: str, changed: int) -> TextTower:
    tower = sentence_tower(folder, pick_device("auto"))
    tower.rows, tower.lengths = ROWS, (*range(STEP, tower.limit, STEP), tower.limit)  # few texts at a time, few fillers
    return tower

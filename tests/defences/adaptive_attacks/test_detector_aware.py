"""An attack that knows the detector is found less often than the attack that it makes its edits by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import robustmel as rm
from robustmel.attacks import ATTACKS
from robustmel.attacks.contract import replayed
from robustmel.defences.adaptive_attacks.detector_aware import DetectorAware
from robustmel.defences.detectors import DETECTORS
from robustmel.defences.detectors.perplexity import Perplexity
from robustmel.errors import UsageError
from robustmel.poisoning.poisoning import Poisoning
from robustmel.poisoning.selection import Records
from robustmel.registry import Component
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.jobs import Split
from robustmel.run.poisons import poison_attack, poison_of
from robustmel.run.store import Store
from robustmel.types import Mention, Query, TextEdit


def suspicion(edits: list[TextEdit]) -> np.ndarray:  # type: ignore[type-arg]
    return Perplexity().scores([Mention(edit.id, "Q1", edit.surface, edit.text) for edit in edits], None)  # type: ignore[arg-type]


def test_each_text_is_the_least_suspicious_of_the_tries() -> None:
    data = rm.load_dataset("world-news", "train")[:6]
    queries = [mention.query(data.name, None) for mention in data]
    seeds = list(range(6))

    def edited(tries: int) -> list[TextEdit]:
        return DetectorAware("qwerty", 0.3, detector="perplexity", tries=tries).perturb(queries, None, [None] * 6, seeds)

    one, four, eight = (suspicion(edited(tries)) for tries in (1, 4, 8))
    assert (four <= one + 1e-6).all()
    assert (eight <= four + 1e-6).all()
    assert (eight < one - 0.1).any()
    plain = ATTACKS.create("qwerty", edit_rate=0.3).perturb(queries, None, [None] * 6, seeds)
    assert [edit.edits for edit in edited(8)] == [edit.edits for edit in plain]  # fewer edits are no way to hide


def test_a_try_with_fewer_edits_is_not_taken_for_being_less_suspicious(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = iter([[TextEdit("q", "one", "", None, edits=1)], [TextEdit("q", "two", "", None, edits=2)]])
    monkeypatch.setattr(ATTACKS.load("qwerty"), "perturb", lambda *_: next(tried))
    monkeypatch.setattr(DetectorAware, "_suspicion", lambda self, about, edits: np.array([0.0, 9.0]))
    assert [edit.text for edit in DetectorAware(tries=2).perturb([Query("q", "a", "", None, None, ())], None, [None], [0])] == [
        "two"
    ]


@pytest.mark.parametrize("attack", ["qwerty", "word_delete"])
def test_edits_by_which_the_detector_would_flag_a_record_are_rejected(attack: str) -> None:
    data = rm.load_dataset("world-news", "train")[:6]
    queries = [mention.query(data.name, None) for mention in data]

    def edited(flagged: float) -> list[TextEdit]:
        attacker = DetectorAware(attack, 0.4, detector="perplexity", tries=3, flagged=flagged)
        return attacker.perturb(queries, None, [None] * 6, list(range(6)))

    flagged = float(np.median(suspicion(edited(1e9))))
    hidden = edited(flagged)
    changed = [edit for edit in hidden if edit.edits]
    assert (suspicion(changed) < flagged).all()
    assert 0 < sum(edit.edits for edit in hidden) < sum(edit.edits for edit in edited(1e9))
    for query, edit in zip(queries, hidden, strict=True):
        assert (replayed(query.text, edit.changes), len(edit.changes)) == (edit.text, edit.edits)
        assert edit.span is not None
        assert edit.text[slice(*edit.span)] == query.surface
    alone = DetectorAware(attack, 0.4, detector="perplexity", tries=3, flagged=flagged).perturb(queries[3:4], None, [None], [3])
    assert alone == hidden[3:4]
    assert [edit.edits for edit in edited(-1e9)] == [0] * 6


@pytest.mark.parametrize("detector", ["neighbours", "spectral", "view-disagreement"])
def test_a_detector_that_compares_records_is_asked_about_each_among_the_clean_ones(detector: str) -> None:
    data = rm.load_dataset("world-news", "train")
    entity, other = list(dict.fromkeys(mention.gold for mention in data))[:2]
    few = [record for name in (entity, other) for record in [mention for mention in data if mention.gold == name][:5]]
    queries = [mention.query(data.name, None) for mention in few]
    records = {query.id: mention for query, mention in zip(queries, few, strict=True)}
    asked, kind = slice(2, 5), DETECTORS.create(detector)

    def edited(flagged: float | None, of: slice = asked) -> list[TextEdit]:
        attacker = DetectorAware("word_delete", 0.2, detector=detector, tries=2, flagged=flagged).among(records, data.kb)
        return attacker.perturb(queries[of], None, [mention.gold for mention in few[of]], list(range(10))[of])

    def among_the_others(edit: TextEdit) -> float:
        changed = replace(records[edit.id], text=edit.text, span=edit.span)
        return float(kind.scores(list((records | {edit.id: changed}).values()), data.kb)[list(records).index(edit.id)])

    highest = max(map(among_the_others, edited(1e9)))
    flagged = highest - 1e-4  # more than the last bits of a sum
    hidden = edited(flagged)
    assert all(among_the_others(edit) < highest for edit in hidden if edit.edits)
    assert hidden != edited(1e9)
    assert edited(flagged, slice(3, 4)) == hidden[1:2]


def test_who_must_know_the_records_poisons_and_does_nothing_else(tmp_path: Path) -> None:
    data = rm.load_dataset("world-news", "train")[:4]
    attack = {"name": "detector-aware", "detector": "neighbours"}
    with pytest.raises(UsageError, match="compares records.*those that look at each text alone: masked-lm, onion, perplexity"):
        DetectorAware(detector="neighbours").perturb([data.mentions[0].query("", None)], None, [None], [0])
    grid = {"datasets": ["world-news"], "linkers": ["clip-world"], "tasks": ["T2T"], "attacks": [attack]}
    with pytest.raises(UsageError, match="attack detector-aware hides from a detector that compares records"):
        expand(parse_grid(grid), Builder(Store(tmp_path)))

    def key(detector: str, mentions: Sequence[Mention]) -> str:
        builder: Any = SimpleNamespace(records=lambda of: Records(data.name, "", mentions, mentions, data.kb))
        made = poison_attack(Component("detector-aware", {"detector": detector}), "", [])
        how = Poisoning(0.5, select=(str(data.mentions[0].gold),))
        return poison_of(Split(Component("world-news")), made, how, 0, "", builder).key

    others = [*data.mentions[:3], replace(data.mentions[3], text="Another text.", span=None)]
    assert data.mentions[3].gold != data.mentions[0].gold
    assert key("onion", data.mentions) == key("onion", others)
    assert key("neighbours", data.mentions) != key("neighbours", others)


def test_what_will_not_do_is_refused() -> None:
    with pytest.raises(UsageError, match="neighbors"):
        DetectorAware(detector="neighbors")
    with pytest.raises(UsageError, match="no parameter"):
        DetectorAware(attack="pgd")
    with pytest.raises(UsageError, match="tries"):
        DetectorAware(tries=0)

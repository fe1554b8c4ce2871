"""An attack that knows the detector is found less often than the attack that it makes its edits by."""

from __future__ import annotations

import numpy as np
import pytest

import robustmel as rm
from robustmel.attacks import ATTACKS
from robustmel.attacks.contract import replayed
from robustmel.defences.adaptive_attacks.detector_aware import DetectorAware
from robustmel.defences.detectors.perplexity import Perplexity
from robustmel.errors import UsageError
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


def test_what_will_not_do_is_refused() -> None:
    with pytest.raises(UsageError, match="those that do not: masked-lm, onion, perplexity"):
        DetectorAware(detector="neighbours")
    with pytest.raises(UsageError, match="no parameter"):
        DetectorAware(attack="pgd")
    with pytest.raises(UsageError, match="tries"):
        DetectorAware(tries=0)

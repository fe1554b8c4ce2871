"""An attack that knows the detector is found less often than the attack that it makes its edits by."""

from __future__ import annotations

import numpy as np
import pytest

import robustmel as rm
from robustmel.attacks import ATTACKS
from robustmel.defences.detector_aware import DetectorAware
from robustmel.defences.detectors.perplexity import Perplexity
from robustmel.errors import UsageError
from robustmel.types import Mention, TextEdit


def suspicion(edits: list[TextEdit]) -> np.ndarray:  # type: ignore[type-arg]
    return Perplexity().scores([Mention(edit.id, "Q1", edit.surface, edit.text) for edit in edits], None)  # type: ignore[arg-type]


def test_each_text_is_the_least_suspicious_of_the_tries() -> None:
    data = rm.load_dataset("world-news", "train")[:12]
    queries = [mention.query(data.name, None) for mention in data]
    seeds = list(range(12))

    def edited(tries: int) -> list[TextEdit]:
        return DetectorAware("qwerty", 0.3, detector="perplexity", tries=tries).perturb(queries, None, [None] * 12, seeds)

    one, four, eight = (suspicion(edited(tries)) for tries in (1, 4, 8))
    assert (four <= one + 1e-6).all()
    assert (eight <= four + 1e-6).all()
    assert (eight < one - 0.1).any()
    plain = ATTACKS.create("qwerty", edit_rate=0.3).perturb(queries, None, [None] * 12, seeds)
    assert [edit.edits for edit in edited(8)] == [edit.edits for edit in plain]  # fewer edits are no way to hide


def test_what_will_not_do_is_refused() -> None:
    with pytest.raises(UsageError, match="those that do not: masked-lm, onion, perplexity"):
        DetectorAware(detector="neighbours")
    with pytest.raises(UsageError, match="no parameter"):
        DetectorAware(attack="pgd")
    with pytest.raises(UsageError, match="tries"):
        DetectorAware(tries=0)

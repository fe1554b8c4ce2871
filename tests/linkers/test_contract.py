"""What is known of a linker before it is built."""

from __future__ import annotations

from typing import Any

import pytest

from robustmel.linkers import LINKERS
from robustmel.linkers.contract import Capabilities, capabilities
from robustmel.linkers.dual_encoder import DualEncoder

TASKS = ("I2T", "IT2T", "T2T")


def test_a_class_that_only_links_offers_nothing_else() -> None:
    bare = type("Bare", (), {"tasks": ["T2T"], "link": lambda self, queries, task: []})
    assert capabilities(bare) == Capabilities(("T2T",))


@pytest.mark.parametrize(
    ("declared", "offered"),
    [
        ({"scores": lambda self, queries, task: None}, "scores"),
        ({"logits": lambda self, pixels, queries, task: None}, "gradients"),
        ({"reads_labels": True}, "labels"),
        ({"open_answers": True}, "open_answers"),
        ({"random": True}, "random"),
    ],
)
def test_each_capability_is_declared_on_its_own(declared: dict[str, Any], offered: str) -> None:
    linker = type("Declaring", (), {"tasks": TASKS, **declared})
    assert capabilities(linker) == Capabilities(TASKS, **{offered: True})


@pytest.mark.parametrize("name", [name for name in LINKERS if issubclass(LINKERS.load(name), DualEncoder)])
def test_every_dual_encoder_scores_differentiates_reads_labels_and_answers_openly(name: str) -> None:
    assert capabilities(LINKERS.load(name)) == Capabilities(TASKS, scores=True, gradients=True, labels=True, open_answers=True)

"""Queries that cannot be answered, and batches that do not fit."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from robustmel.errors import ImageError, MissingError
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers.dual_encoder import DualEncoder
from robustmel.types import Query

Ask = Callable[..., Query]
Make = Callable[..., DualEncoder]
FAMILIES = ["align", "clip", "flava", "owlvit", "siglip"]


def test_a_query_that_cannot_be_answered_gets_its_row_and_the_others_go_on(
    make: Make, kb: KnowledgeBase, ask: Ask, tmp_path: Path
) -> None:
    linker = make("clip")
    (tmp_path / "broken.png").write_bytes(b"<html>not found</html>")
    thread = tmp_path / "thread.png"
    Image.new("RGB", (60_000, 1)).save(thread)
    good = ask(0, kb.ids)
    queries = [
        replace(good, id="none", image=None),
        replace(good, id="gone", image=tmp_path / "gone.png"),
        good,
        replace(good, id="broken", image=tmp_path / "broken.png"),
        replace(good, id="stranger", candidates=("e0", "Q42")),
        replace(good, id="nil", candidates=()),
        replace(good, id="thread", image=thread),
    ]
    found = linker.link(queries, "I2T")
    assert [one.id for one in found] == [one.id for one in queries]
    errors = ["no_image", "image_missing", None, "image_decode", "unknown_candidate", None, "image_refused"]
    assert [one.error for one in found] == errors
    assert found[2].scores == pytest.approx(linker.link([good], "I2T")[0].scores, abs=1e-6)
    assert (found[5].ranked, found[5].scores) == ((), ())
    assert all(one.seconds > 0 for one in found)
    assert all(one.error is None for one in linker.link(queries[:2], "T2T"))  # which reads no image
    with pytest.raises(ImageError):
        linker.scores(queries[:1], "I2T")
    with pytest.raises(MissingError, match="Q42"):
        linker.scores([queries[4]], "I2T")


def test_a_candidate_listed_twice_is_ranked_once(make: Make, ask: Ask) -> None:
    linker = make("clip")
    found = linker.link([ask(0, ("e1", "e0", "e1"))], "I2T")[0]
    assert sorted(found.ranked) == ["e0", "e1"]
    assert linker.scores([ask(0, ("e1", "e0", "e1"))], "I2T").shape == (1, 3)


def test_nothing_asked_nothing_answered(make: Make) -> None:
    linker = make("clip")
    assert linker.link([], "IT2T") == []
    assert linker.scores([], "IT2T").shape == (0, 0)


def test_a_batch_that_does_not_fit_is_halved(
    make: Make,
    kb: KnowledgeBase,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    linker = make("clip")
    queries = [ask(seed, kb.ids, (32, 32 if seed != 3 else 64)) for seed in range(5)]
    expected = linker.link(queries, "I2T")
    whole = type(linker).image_features

    def tight(model: Any, pixel_values: torch.Tensor) -> torch.Tensor:
        if len(pixel_values) > 2 or torch.equal(pixel_values, blocked):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(model, pixel_values)

    assert queries[3].image is not None
    blocked = linker.preprocessing.pictures([decode(queries[3].image)])
    monkeypatch.setattr(type(linker), "image_features", staticmethod(tight))
    with caplog.at_level(logging.WARNING):
        found = linker.link(queries, "I2T")
    for one, other in zip(found, expected, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-6)
    assert any("out of memory" in record.message for record in caplog.records)
    assert linker.link([queries[3]], "I2T")[0].error == "out_of_memory"


def test_scores_that_are_not_finite_are_an_error(
    make: Make, kb: KnowledgeBase, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    linker = make("clip")
    monkeypatch.setattr(
        type(linker), "image_features", staticmethod(lambda model, pixel_values: torch.full((len(pixel_values), 24), math.nan))
    )
    assert linker.link([ask(0, kb.ids)], "I2T")[0].error == "non_finite"

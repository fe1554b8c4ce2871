"""A run is refused where the way in use does not answer as the library's own path does, and where it does it goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from robustmel.datasets import DATASETS
from robustmel.datasets.dataset import Dataset
from robustmel.errors import RobustMELError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.gemel.language_model import Prefix
from robustmel.linkers.mllm.linker import MLLM
from robustmel.run.stages.link import link
from robustmel.run.stages.parity import check_parity
from robustmel.types import Prediction, Query, Task

COUNT = 12
"""Mentions compared."""

EMBEDDED = ("llava-world", "minigpt4-world", "qwen2.5-vl-world")


@pytest.fixture(scope="module")
def news() -> Dataset:
    loaded: Dataset = DATASETS.create("world-news").load("test")
    return replace(loaded, mentions=loaded.mentions[:COUNT])


@pytest.fixture(scope="module")
def queries(news: Dataset) -> list[Query]:
    return [mention.query(news.name, mention.candidates) for mention in news.mentions]


class Compared:
    """A linker whose reference answers are computed once: a planted fault is in the way in use alone."""

    def __init__(self, linker: MLLM, queries: Sequence[Query], task: Task) -> None:
        self.linker, self.canary, self.tolerance = linker, len(queries), linker.tolerance
        self.known = {answer.id: answer for answer in linker.reference(queries, task)}

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return self.linker.link(queries, task)

    def reference(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [self.known[query.id] for query in queries]


@pytest.fixture(scope="module")
def compared(news: Dataset, queries: list[Query]) -> dict[str, Compared]:
    linkers = {name: LINKERS.create(name, news.kb, device="cpu") for name in EMBEDDED}
    return {name: Compared(linker, queries, "IT2T") for name, linker in linkers.items()}


def double_resize(linker: Any) -> None:
    before = linker.model.picture_vectors
    linker.model.picture_vectors = lambda pictures: before(
        [np.asarray(Image.fromarray(picture).resize((16, 16))) for picture in pictures]
    )


def wrong_template(linker: Any) -> None:
    linker.model.template = linker.model.tokenizer.chat_template = "{{ messages[0]['content'][0]['text'] }}"
    linker.model.conversation = lambda question, images: linker.model.image_token * images + question


def right_padding(linker: Any) -> None:
    before = linker.model.lm.prefill

    def prefill(embeds: Tensor, mask: Tensor, positions: Tensor | None = None) -> Prefix:
        rows = [torch.cat((row[own.bool()], row[~own.bool()])) for row, own in zip(embeds, mask, strict=True)]
        read: Prefix = before(torch.stack(rows), mask.sort(1, descending=True).values, positions=positions)
        return read

    linker.model.lm.prefill = prefill


def no_token_types(linker: Any) -> None:
    linker.model.positions = lambda ids, mask, features: None


def stale_rope_state(linker: Any) -> None:
    before = linker.model.read
    linker.model.read = lambda prompts, features: replace(before(prompts, features), shift=torch.full((len(prompts),), 40))


def off_by_one(linker: Any) -> None:
    before = linker._scored
    linker._scored = lambda *given: (before(*given)[0].roll(1, 1), *before(*given)[1:])


def overflow(linker: Any) -> None:
    before = linker.model.read

    def read(prompts: Any, features: Any) -> Prefix:
        prefix: Prefix = before(prompts, features)
        return replace(prefix, logits=(prefix.logits * 1e5).half().float())

    linker.model.read = read


def lost_system_prompt(linker: Any) -> None:
    before = linker.model.conversation
    linker.model.conversation = lambda *given: re.sub(r"(?s)^<\|im_start\|>system.*?<\|im_end\|>\n", "", before(*given))


def image_order(linker: Any) -> None:
    before = linker.model.read
    linker.model.read = lambda prompts, features: before(prompts, features[::-1])


def truncated_list(linker: Any) -> None:
    before = linker._scored

    def scored(*given: Any) -> tuple[Tensor, list[bool], list[int]]:
        table, *others = before(*given)
        table[:, 5:] = -torch.inf
        return table, *others

    linker._scored = scored


QWEN = (no_token_types, stale_rope_state, lost_system_prompt)
FAULTS: list[tuple[str, Callable[[Any], None]]] = [
    ("llava-world", double_resize),
    ("llava-world", wrong_template),
    ("llava-world", right_padding),
    ("llava-world", off_by_one),
    ("llava-world", overflow),
    ("llava-world", image_order),
    ("llava-world", truncated_list),
]


@pytest.mark.parametrize(("name", "fault"), FAULTS, ids=[fault.__name__ for _, fault in FAULTS])
def test_a_planted_fault_is_refused(
    name: str, fault: Callable[[Any], None], news: Dataset, queries: list[Query], compared: dict[str, Compared]
) -> None:
    faulty = LINKERS.create(name, news.kb, device="cpu")
    fault(faulty)
    check = Compared.__new__(Compared)
    check.linker, check.canary, check.known, check.tolerance = faulty, COUNT, compared[name].known, faulty.tolerance
    with pytest.raises(RobustMELError, match=rf"linker x answers \d+ of {COUNT} mentions of IT2T otherwise") as refused:
        check_parity(check, queries, "IT2T", "x")
    assert any(query.id in str(refused.value) for query in queries)


@pytest.mark.parametrize("size", [1, 3, 5, 7, 16])
@pytest.mark.parametrize("name", EMBEDDED)
def test_an_honest_run_is_not_refused(
    name: str, size: int, news: Dataset, queries: list[Query], compared: dict[str, Compared]
) -> None:
    check = compared[name]
    check.linker.batch_size = size
    assert check_parity(check, queries, "IT2T", name) == COUNT
    assert check_parity(check, queries[::-1], "IT2T", name) == COUNT


def test_the_stage_compares_clean_answers_and_notes_how_many(
    news: Dataset, queries: list[Query], compared: dict[str, Compared], tmp_path: Path
) -> None:
    linker, gold = compared["llava-world"].linker, [mention.gold for mention in news.mentions]
    facts = link(queries[:4], gold[:4], news.kb, linker, "IT2T", 4, tmp_path / "a", lambda *_: None, "x", True)
    assert facts["compared"] == 4
    linker.canary = 0
    assert link(queries[:4], gold[:4], news.kb, linker, "IT2T", 4, tmp_path / "b", lambda *_: None)["mentions"] == 4


@pytest.mark.parametrize("fault", [None, *QWEN])
def test_faults_of_qwens_positions_and_prompt_are_refused(
    fault: Callable[[Any], None] | None, larger_qwen: Path, trial: tuple[KnowledgeBase, list[Query]]
) -> None:
    linker = LINKERS.create("qwen2.5-vl", trial[0], model=str(larger_qwen), device="cpu")
    check = Compared(linker, trial[1][:6], "IT2T")
    if fault is None:
        assert check_parity(check, trial[1][:6], "IT2T", "x") == 6
        return
    fault(linker)
    with pytest.raises(RobustMELError, match="of 6 mentions of IT2T otherwise than its library's own path"):
        check_parity(check, trial[1][:6], "IT2T", "x")

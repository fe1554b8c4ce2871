"""Defences that choose among answers: by the rule, in ranking, scores and logits alike, and open to attacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

import robustmel as rm
from robustmel.defences.demo_vote import DemoVote
from robustmel.defences.modality_gate import ModalityGate
from robustmel.errors import UsageError
from robustmel.images import decode
from robustmel.linkers.contract import Capabilities, capabilities
from robustmel.types import Prediction, Query, Task, Usage

World = tuple[Any, list[Query]]


@pytest.fixture(scope="module")
def clip() -> World:
    """A linker, and queries of which the first eight have each other's images."""
    data = rm.load_dataset("world-news", "test")
    linker: Any = rm.load_linker("clip-world", data, device="cpu")
    queries = [mention.query(data.name, mention.candidates or ()) for mention in data.mentions[:24]]
    shown = [query.image for query in queries]
    return linker, [
        replace(query, image=image) for query, image in zip(queries, (*shown[7:8], *shown[:7], *shown[8:]), strict=True)
    ]


def test_the_gate_is_open_where_the_text_s_best_is_among_the_image_s_nearest(clip: World) -> None:
    linker, queries = clip
    answers = ModalityGate(linker.kb, nearest=2).defend(linker).link(queries, "IT2T")
    fused, text, image = (linker.link(queries, task) for task in ("IT2T", "T2T", "I2T"))
    opened = 0
    for answer, both, alone, seen in zip(answers, fused, text, image, strict=True):
        agree = alone.ranked[0] in seen.ranked[:2]
        opened += agree
        assert (answer.ranked, answer.scores) == ((both if agree else alone).ranked, (both if agree else alone).scores)
        assert answer.status == ("ok" if agree else "fallback:modalities_disagree")
    assert 0 < opened < len(queries)


def test_a_gate_that_asks_for_the_same_best_answer_is_the_text_alone(clip: World) -> None:
    linker, queries = clip
    answers = ModalityGate(linker.kb, nearest=1).defend(linker).link(queries, "IT2T")
    assert [answer.ranked[0] for answer in answers] == [answer.ranked[0] for answer in linker.link(queries, "T2T")]


def test_scores_and_logits_choose_as_the_ranking_does_and_other_tasks_pass(clip: World) -> None:
    linker, queries = clip
    gate = ModalityGate(linker.kb, nearest=2).defend(linker)
    by_size: dict[tuple[int, ...], list[Query]] = {}
    for query in queries:
        by_size.setdefault(decode(query.image).shape, []).append(query)  # type: ignore[arg-type]
    for group in by_size.values():
        table, answers = gate.scores(group, "IT2T"), gate.link(group, "IT2T")
        for query, row, answer in zip(group, table, answers, strict=True):
            assert query.listed[int(row[: len(query.listed)].argmax())] == answer.ranked[0]
        pixels = torch.stack([torch.from_numpy(decode(query.image)).permute(2, 0, 1) / 255 for query in group])  # type: ignore[arg-type]
        pixels.requires_grad_()
        logits = gate.logits(pixels, group, "IT2T")
        torch.testing.assert_close(logits.detach(), table, atol=1e-5, rtol=0)
        (gradient,) = torch.autograd.grad(logits[:, 0].sum(), pixels)
        assert (gradient.flatten(1).abs().sum(1) > 0).all()  # also where the text answers
        mean = (linker.logits(pixels, group, "IT2T") + linker.logits(pixels, group, "I2T")) / 2
        torch.testing.assert_close(gradient, torch.autograd.grad(mean[:, 0].sum(), pixels)[0])
        torch.testing.assert_close(gate.logits(pixels, group, "I2T"), linker.logits(pixels, group, "I2T"))
    assert [answer.ranked for answer in gate.link(queries, "T2T")] == [answer.ranked for answer in linker.link(queries, "T2T")]


def test_a_gate_answers_by_the_text_where_there_is_no_image(clip: World) -> None:
    linker, queries = clip
    lost = [Query(query.id, query.text, query.surface, query.span, None, query.candidates) for query in queries[:2]]
    answers = ModalityGate(linker.kb).defend(linker).link(lost, "IT2T")
    assert [(answer.error, answer.status) for answer in answers] == [(None, "fallback:modalities_disagree")] * 2


class Scripted:
    """Answers what is written for each set of demonstrations."""

    tasks = ("T2T",)
    kb = None

    def __init__(self, answers: Sequence[tuple[str | None, float]], none: str = "without") -> None:
        self.answers, self.none = answers, none

    def showing(self, part: int, of: int) -> Any:
        return Scripted([self.answers[part] if of else (self.none, -1.0)])

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        entity, score = self.answers[0]
        ranked = () if entity is None else (entity,)
        return [Prediction(query.id, ranked, (score,)[: len(ranked)], usage=Usage(1, 5, 2), seconds=1.0) for query in queries]


@pytest.mark.parametrize(
    ("answers", "agreement", "expected"),
    [
        ([("a", -2.0), ("b", -0.1), ("a", -1.0)], 0.6, ("a", -1.0, "ok")),
        ([("a", -2.0), ("b", -0.1), ("a", -1.0)], 0.9, ("without", -1.0, "fallback:demos_disagree")),
        ([("a", -2.0), ("b", -0.1), ("c", -1.0)], 0.6, ("without", -1.0, "fallback:demos_disagree")),
        ([(None, 0.0), (None, 0.0), ("c", -1.0)], 0.6, ("without", -1.0, "fallback:demos_disagree")),
    ],
)
def test_the_surest_of_those_that_agree_answers(
    answers: list[tuple[str | None, float]], agreement: float, expected: tuple[str, float, str]
) -> None:
    defended = DemoVote(None, sets=3, agreement=agreement).defend(Scripted(answers))  # type: ignore[arg-type]
    (answer,) = defended.link([Query("q", "", "", None, None, None)], "T2T")
    assert (answer.ranked[0], answer.scores[0], answer.status) == expected
    assert (answer.usage, answer.seconds) == (Usage(4, 20, 8), 4.0)


def test_the_sets_share_the_nearest_demonstrations_evenly() -> None:
    data = rm.load_dataset("world-news", "test")
    gemel: Any = rm.load_linker("gemel-news", data, demos=2, device="cpu")
    queries = [mention.query(data.name, mention.candidates or ()) for mention in data.mentions[:3]]
    nearest = gemel.prompts._pool.choose(queries, 6)
    sets = [gemel.showing(part, 3).prompts.choose(queries) for part in range(3)]
    for place, row in enumerate(nearest):
        assert [own[place][0] for own in sets] == [[row[2], row[5]], [row[1], row[4]], [row[0], row[3]]]
    assert all(not chosen for chosen, _ in gemel.showing(0, 0).prompts.choose(queries))
    assert gemel.showing(0, 1).prompts.choose(queries) == gemel.prompts.choose(queries)
    voted = DemoVote(data.kb).defend(gemel)
    table, answers = voted.scores(queries, "T2T"), voted.link(queries, "T2T")
    for query, row, answer in zip(queries, table, answers, strict=True):
        assert query.listed[int(row[: len(query.listed)].argmax())] == answer.ranked[0]


def test_a_plan_learns_what_a_defence_can_stand_before() -> None:
    dual, generative = (Capabilities(("I2T", "IT2T", "T2T"), True, True), Capabilities(("IT2T", "T2T"), True, True, demos=True))
    assert DemoVote.capabilities(dual).tasks == ()
    assert DemoVote.capabilities(generative) == generative
    assert ModalityGate.capabilities(dual) == dual
    assert ModalityGate.capabilities(generative).tasks == ("T2T",)
    from robustmel.linkers.gemel.linker import GEMEL

    assert capabilities(GEMEL).demos


def test_values_out_of_range_are_refused() -> None:
    for wrong in ({"sets": 1}, {"agreement": 0.5}, {"agreement": 1.2}):
        with pytest.raises(UsageError, match="above"):
            DemoVote(None, **wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at least 1"):
        ModalityGate(None, nearest=0)  # type: ignore[arg-type]

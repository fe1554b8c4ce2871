"""GEMEL against the transformers library alone: prompts written out by hand, plain forward passes, `generate`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.pretended_device import pretended_device

import robustmel
from robustmel.attacks.image.eight_bit import as_pixels
from robustmel.errors import ImageError, MissingError, UsageError
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers.conformance import conformance
from robustmel.linkers.gemel.checkpoint import GemelCheckpoint
from robustmel.linkers.gemel.linker import GEMEL
from robustmel.types import Query

from .by_hand import ByHand

Make = Callable[..., GEMEL]
Ask = Callable[..., Query]


@pytest.mark.parametrize("task", ["IT2T", "T2T"])
def test_listed_names_score_as_in_a_plain_forward_pass_of_the_whole_prompt(
    task: Any, gemel: Make, by_hand: ByHand, queries: list[Query], kb: KnowledgeBase
) -> None:
    linker = gemel()
    table = linker.scores(queries, task)
    for query, row, answer in zip(queries, table.tolist(), linker.link(queries, task), strict=True):
        prompt = by_hand.prompt(query, by_hand.nearest(query.surface, 3), blank=task == "T2T")
        expected = {entity: by_hand.score(prompt, kb[entity].name) for entity in query.listed}
        np.testing.assert_allclose(row[: len(expected)], list(expected.values()), rtol=1e-4)
        assert dict(zip(answer.ranked, answer.scores, strict=True)) == pytest.approx(expected, rel=1e-4)
        assert expected[answer.ranked[0]] == pytest.approx(max(expected.values()), rel=1e-4)
        assert answer.text == kb[answer.ranked[0]].name
        assert (answer.status, answer.error) == ("ok", None)


def test_an_answer_says_which_demonstrations_were_shown_and_whether_they_were_edited(
    gemel: Make, by_hand: ByHand, queries: list[Query], tmp_path: Path, gemel_folder: Path
) -> None:
    file, records = tmp_path / "demos.jsonl", GEMEL.demo_records(model=str(gemel_folder))
    GEMEL.write_demo_file(
        file, [replace(one, text=one.text.replace("Lima", "Oslo")) for one in records], model=str(gemel_folder)
    )
    asked = [*queries[:2], *(replace(query, candidates=None) for query in queries[2:])]  # open ones beside listed ones
    clean, edited = (linker.link(asked, "T2T") for linker in (gemel(), gemel(demo_file=str(file))))
    for query, ours, theirs in zip(asked, edited, clean, strict=True):
        ids = [one.partition(" ")[0] for one in theirs.demos or ()]
        assert ids == [f"d{place}" for place in by_hand.nearest(query.surface, 3)]
        differing = [
            one.partition(" ")[0] for one, other in zip(ours.demos or (), theirs.demos or (), strict=True) if one != other
        ]
        assert differing == [name for name in ids if name == "d3"]  # the one whose text names Lima
    assert gemel(demos=0).link(queries[:1], "T2T")[0].demos == ()


def test_demonstrations_that_all_queries_share_are_read_once(
    gemel: Make, by_hand: ByHand, queries: list[Query], kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    linker = gemel(demo_choice="fixed")
    prefill, read = linker.lm.prefill, []

    def counted(embeds: torch.Tensor, *arguments: Any, **others: Any) -> Any:
        read.append(len(embeds))
        return prefill(embeds, *arguments, **others)

    monkeypatch.setattr(linker.lm, "prefill", counted)
    table = linker.scores(queries, "IT2T").tolist()
    assert read == [1, len(queries)]
    for query, row, (_, shown) in zip(queries, table, linker.prompts.choose(queries), strict=True):
        prompt = by_hand.prompt(query, shown)
        np.testing.assert_allclose(
            row[: len(query.listed)], [by_hand.score(prompt, kb[entity].name) for entity in query.listed], rtol=1e-4
        )
    opened = [replace(query, candidates=None) for query in queries]
    assert [answer.ranked for answer in linker.link(opened, "IT2T")] == [
        linker.link([query], "IT2T")[0].ranked for query in opened
    ]


def test_open_queries_get_what_generate_writes(gemel: Make, by_hand: ByHand, queries: list[Query], kb: KnowledgeBase) -> None:
    linker = gemel(beams=3)
    for query, answer in zip(queries, linker.link([replace(query, candidates=None) for query in queries], "IT2T"), strict=True):
        prompt = by_hand.prompt(query, by_hand.nearest(query.surface, 3))
        written = by_hand.written(prompt, [entity.name for entity in kb], beams=3)
        expected = {}
        for tokens, score in written:
            expected |= {entity.id: score for entity in kb if tuple(by_hand.ids(entity.name)) == tokens}
        assert answer.ranked == tuple(expected)
        assert answer.scores == pytest.approx(list(expected.values()), rel=1e-4)
        assert answer.usage.tokens_read == prompt.shape[1]


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_an_exact_search_answers_what_a_list_of_all_names_puts_first(
    length_penalty: float, gemel: Make, queries: list[Query], kb: KnowledgeBase
) -> None:
    linker = gemel(search="exact", beams=1, length_penalty=length_penalty)
    listed = linker.link([replace(query, candidates=kb.ids) for query in queries], "IT2T")
    opened = linker.link([replace(query, candidates=None) for query in queries], "IT2T")
    for best, answer in zip(listed, opened, strict=True):
        assert (answer.ranked[0], answer.status) == (best.ranked[0], "ok")
        assert answer.scores[0] == pytest.approx(best.scores[0], rel=1e-4)


def test_a_name_that_a_small_budget_cannot_prove_says_so(gemel: Make, queries: list[Query]) -> None:
    asked = [replace(query, candidates=None) for query in queries]
    statuses = {answer.status for answer in gemel(search="exact", beams=1, budget=1).link(asked, "IT2T")}
    assert "unproved" in statuses


@pytest.mark.parametrize("open_", [False, True])
@pytest.mark.parametrize("task", ["IT2T", "T2T"])
def test_neighbours_do_not_change_answers(task: Any, open_: bool, gemel: Make, queries: list[Query]) -> None:
    asked = [replace(query, candidates=None) for query in queries[:3]] if open_ else queries
    together, mixed = gemel(batch_size=4), gemel(batch_size=2)
    for answer, alone, other in zip(
        together.link(asked, task),
        [together.link([query], task)[0] for query in asked],
        mixed.link([*asked[::-1]], task)[::-1],
        strict=True,
    ):
        assert answer.ranked == alone.ranked == other.ranked
        assert answer.scores == pytest.approx(alone.scores, rel=1e-4)
        assert answer.scores == pytest.approx(other.scores, rel=1e-4)


def test_as_many_demonstrations_are_shown_as_it_was_trained_with(
    gemel: Make, gemel_checkpoint: GemelCheckpoint, queries: list[Query], tmp_path: Path
) -> None:
    asked = [replace(query, candidates=None) for query in queries]
    replace(gemel_checkpoint, settings=replace(gemel_checkpoint.settings, demos=2)).write(tmp_path / "two")
    read = {
        demos: [answer.usage.tokens_read for answer in gemel(model=str(tmp_path / "two"), demos=demos).link(asked, "IT2T")]
        for demos in (None, 1, 2)
    }
    assert read[None] == read[2] != read[1]


def test_open_and_listed_queries_stand_side_by_side(gemel: Make, queries: list[Query]) -> None:
    linker = gemel()
    mixed = [queries[0], replace(queries[1], candidates=None)]
    answers = linker.link(mixed, "IT2T")
    assert answers[0].scores == pytest.approx(linker.link(mixed[:1], "IT2T")[0].scores, rel=1e-4)
    assert answers[1].scores == pytest.approx(linker.link(mixed[1:], "IT2T")[0].scores, rel=1e-4)


def test_entities_of_one_name_share_its_score(gemel: Make, queries: list[Query]) -> None:
    linker = gemel(beams=8)
    listed, opened = linker.link(queries[:1], "IT2T")[0], linker.link([replace(queries[0], candidates=None)], "IT2T")[0]
    for answer in (listed, opened):
        scores = dict(zip(answer.ranked, answer.scores, strict=True))
        assert scores["e4"] == scores["e5"]
        assert answer.ranked.index("e5") == answer.ranked.index("e4") + 1
    assert dict(zip(opened.ranked, opened.scores, strict=True)) == pytest.approx(
        dict(zip(listed.ranked, listed.scores, strict=True)), rel=1e-4
    )


def test_what_cannot_be_asked_gets_its_row_and_the_others_go_on(gemel: Make, queries: list[Query], tmp_path: Path) -> None:
    linker, good = gemel(), queries[0]
    (tmp_path / "broken.png").write_bytes(b"<html>not found</html>")
    asked = [
        replace(good, id="none", image=None),
        replace(good, id="gone", image=tmp_path / "gone.png"),
        good,
        replace(good, id="broken", image=tmp_path / "broken.png"),
        replace(good, id="stranger", candidates=("e0", "Q42")),
        replace(good, id="long", text="it rains " * 400),
        replace(good, id="nil", candidates=()),
    ]
    answers = linker.link(asked, "IT2T")
    assert [answer.id for answer in answers] == [query.id for query in asked]
    errors = ["no_image", "image_missing", None, "image_decode", "unknown_candidate", "too_long", None]
    assert [answer.error for answer in answers] == errors
    assert answers[2].scores == pytest.approx(linker.link([good], "IT2T")[0].scores, rel=1e-4)
    assert (answers[6].ranked, answers[6].status) == ((), "dead_end")
    assert all(answer.error is None for answer in linker.link(asked[:4], "T2T"))  # which reads no image
    assert linker.link([replace(asked[5], candidates=None)], "IT2T")[0].error == "too_long"
    table = linker.scores([good, asked[5]], "T2T")
    assert table[0].isfinite().all()
    assert table[1].isnan().all()
    with pytest.raises(ImageError):
        linker.scores(asked[:1], "IT2T")
    with pytest.raises(MissingError, match="Q42"):
        linker.scores([asked[4]], "IT2T")
    assert linker.link([], "IT2T") == []
    assert linker.scores([], "IT2T").shape == (0, 0)


def test_logits_of_the_decoded_image_are_the_scores(gemel: Make, queries: list[Query]) -> None:
    linker = gemel()
    for query in queries:
        assert query.image is not None
        pixels = torch.from_numpy(decode(query.image)).permute(2, 0, 1)[None].float() / 255
        torch.testing.assert_close(linker.logits(pixels, [query], "IT2T"), linker.scores([query], "IT2T"))
    with pytest.raises(UsageError, match="no gradient"):
        linker.logits(pixels, queries[:1], "T2T")
    with pytest.raises(UsageError, match='no task "I2T"'):
        linker.link(queries, "I2T")


def test_gradients_are_those_of_central_differences(gemel: Make, queries: list[Query], monkeypatch: pytest.MonkeyPatch) -> None:
    """In double precision, and without the rounding to 8 bits, which has no slope."""
    linker, asked = gemel(demos=1), queries[:1]
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    linker.vision._model.double()
    linker.lm.network.double()
    linker.prompts._mapper.double()
    linker.prompts._features = linker.prompts._features.double()
    pixels = torch.rand(1, 3, 40, 36, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 0.9 + 0.05

    def score(at: torch.Tensor) -> torch.Tensor:
        return linker._scores(asked, linker.vision._features(linker.vision.preprocessing.smooth(at)), "IT2T")[0, 0]

    leaf = pixels.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(leaf), leaf)
    draw = torch.Generator().manual_seed(2)
    for direction in (gradient.sign(), *(torch.randn(pixels.shape, dtype=torch.float64, generator=draw) for _ in range(3))):
        step = 1e-6 / float(direction.abs().max())
        with torch.no_grad():
            rise = (score(pixels + step * direction) - score(pixels - step * direction)) / (2 * step)
        torch.testing.assert_close(rise, (gradient * direction).sum(), rtol=1e-4, atol=1e-7)
    (rounded,) = torch.autograd.grad(linker.logits(leaf, asked, "IT2T")[0, 0], leaf)
    assert torch.nn.functional.cosine_similarity(rounded.flatten(), gradient.flatten(), dim=0) > 0.9


@pytest.mark.parametrize("choice", ["dense", "bm25", "fixed"])
def test_it_conforms(choice: str, gemel_folder: Path) -> None:
    """Among others: gradients against finite differences, answers that neither neighbours nor the order of candidates change."""
    assert conformance("gemel", model=str(gemel_folder), demo_choice=choice, demos=2, device="cpu") == []


def test_pgd_lowers_the_score_of_the_gold_name(gemel_folder: Path, tmp_path: Path) -> None:
    data = robustmel.load_dataset("world-news", split="test")[:4]
    linker = robustmel.load_linker("gemel", data, model=str(gemel_folder), demos=1, device="cpu")
    result = robustmel.attack(linker, data, "pgd", task="IT2T", store=tmp_path, device="cpu", steps=5)
    margins = []
    for mention, image in zip(data, result.images, strict=True):
        assert image is not None
        query = mention.query(data.name, mention.candidates)
        gold = query.listed.index(str(mention.gold))
        for pixels in (decode(mention.image), np.asarray(image)):
            scores = linker.logits(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255, [query], "IT2T")[0]
            margins.append(float(scores[gold] - torch.cat((scores[:gold], scores[gold + 1 :])).max()))
    clean, attacked = np.array(margins).reshape(-1, 2).T
    assert (attacked < clean).all()


def test_scores_and_gradients_live_on_the_linkers_device(gemel: Callable[..., GEMEL], queries: list[Query]) -> None:
    def work(device: str) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
        linker, asked = gemel(device=device), [queries[0], queries[2]]
        pixels = as_pixels([decode(str(query.image)) for query in asked], linker.device).requires_grad_()
        scores = linker.logits(pixels, asked)
        assert scores.device == pixels.device == torch.device(device)
        (gradient,) = torch.autograd.grad(scores[:, 0].sum(), pixels)
        written = linker.link([replace(query, candidates=None) for query in asked], "IT2T")
        return scores.detach().cpu(), gradient.cpu(), [answer.text for answer in written]

    with pretended_device() as device:
        ours, theirs = work(device), work("cpu")
    assert torch.allclose(ours[0], theirs[0], atol=1e-5)
    assert torch.allclose(ours[1], theirs[1], atol=1e-5)
    assert ours[2] == theirs[2]

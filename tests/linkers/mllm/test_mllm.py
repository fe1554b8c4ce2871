"""Multimodal language models score and write what the library's own path gives, in batches, down to the pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tests.pretended_device import pretended_device

from robustmel.attacks.image.eight_bit import as_pixels
from robustmel.defences.retlink.retlink import RetLink
from robustmel.errors import UsageError
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.conformance import conformance
from robustmel.linkers.contract import capabilities
from robustmel.linkers.gradient_check import gradient_problems
from robustmel.linkers.mllm.linker import MLLM
from robustmel.types import TASKS, Entity, Query, Task

Trial = tuple[KnowledgeBase, list[Query]]
FAMILIES = ("llava", "qwen2.5-vl", "minigpt4")


def linker_of(family: str, folders: dict[str, Path], kb: KnowledgeBase, **parameters: Any) -> MLLM:
    made: MLLM = LINKERS.create(family, kb, model=str(folders[family]), device="cpu", **parameters)
    return made


def by_the_library(linker: MLLM, query: Query, task: Task) -> dict[str, float]:
    """One mention, one candidate at a time: the library's processor, one plain pass over prompt and name, nothing cached."""
    model = linker.model
    inputs = model.inputs(linker.question(query, task), None if task == "T2T" else decode(str(query.image)))
    return {entity: model.reference_score(inputs, model.answer(linker.kb[entity].name)) for entity in query.listed}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_those_of_the_librarys_own_path(family: str, task: Task, folders: dict[str, Path], trial: Trial) -> None:
    kb, queries = trial
    linker = linker_of(family, folders, kb)
    answers = linker.link(queries[:6], task)  # of two sizes, so that prompts are padded
    for query, answer in zip(queries[:6], answers, strict=True):
        wanted = by_the_library(linker, query, task)
        assert dict(zip(answer.ranked, answer.scores, strict=True)) == pytest.approx(wanted, abs=2e-3)
        assert answer.ranked[0] == max(wanted, key=wanted.__getitem__)


@pytest.mark.parametrize("family", FAMILIES)
def test_images_and_texts_are_read(family: str, folders: dict[str, Path], trial: Trial) -> None:
    kb, queries = trial
    linker = linker_of(family, folders, kb)
    one, other = queries[0], replace(queries[0], image=queries[1].image)
    assert not torch.allclose(linker.scores([one], "I2T"), linker.scores([other], "I2T"), atol=1e-3)
    other = replace(one, text="Nothing was painted.")
    assert torch.equal(linker.scores([one], "I2T"), linker.scores([other], "I2T"))
    assert not torch.allclose(linker.scores([one], "IT2T"), linker.scores([other], "IT2T"), atol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_gradient_points_where_the_scores_rise(family: str, folders: dict[str, Path], trial: Trial) -> None:
    kb, queries = trial
    linker = linker_of(family, folders, kb)
    queries = queries[:4]
    pixels = torch.stack([torch.from_numpy(decode(str(query.image))).permute(2, 0, 1) for query in queries]) / 255
    assert torch.allclose(linker.logits(pixels, queries, "IT2T"), linker.scores(queries, "IT2T"), atol=1e-4)
    for task in ("I2T", "IT2T"):
        assert list(gradient_problems(linker.logits, pixels, queries, task)) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_the_contract_is_kept(family: str, folders: dict[str, Path]) -> None:
    """The same for batch 1 and n, in any order, whatever the id and the order of the candidates."""
    assert list(conformance(family, model=str(folders[family]), device="cpu", batch_size=3)) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_a_number_is_written_as_the_library_writes_it(family: str, folders: dict[str, Path], trial: Trial) -> None:
    kb, queries = trial
    linker = linker_of(family, folders, kb, answer="index", max_new_tokens=6)
    for query, answer in zip(queries[:6], linker.link(queries[:6], "IT2T"), strict=True):
        inputs = linker.model.inputs(linker.question(query, "IT2T"), decode(str(query.image)))
        assert answer.text == linker.model.reference_text(inputs, 6)
        assert answer.usage.tokens_read == inputs["input_ids"].shape[1]


def test_a_number_means_the_place_in_the_shuffled_list(folders: dict[str, Path], trial: Trial) -> None:
    kb, queries = trial
    linker = linker_of("llava", folders, kb, answer="index")
    query = replace(queries[0], seed=3)
    listed = linker.shown(query)
    assert sorted(listed) == sorted(query.listed)
    assert listed != linker.shown(replace(query, seed=4))
    question = linker.question(query, "I2T").splitlines()
    assert question[1] == f"2. {kb[listed[1]].name}"
    assert linker.parsed(query, "The answer is 2.").ranked == (listed[1],)
    assert linker.parsed(query, "It may be 2 or 3.").status == "unparsed"
    assert linker_of("llava", folders, kb, answer="index", shuffle=False).shown(query) == list(query.listed)


def test_lengths_count_as_stated(folders: dict[str, Path], trial: Trial) -> None:
    kb, queries = trial
    query = queries[0]
    sums = linker_of("llava", folders, kb)
    means = linker_of("llava", folders, kb, length_penalty=1.0)
    lengths = torch.tensor([len(sums.model.answer(kb[entity].name)) + 1 for entity in query.listed])
    assert torch.allclose(sums.scores([query], "I2T") / lengths, means.scores([query], "I2T"), atol=1e-5)


def test_what_cannot_be_answered_says_so(folders: dict[str, Path], trial: Trial) -> None:
    kb, queries = trial
    long = Entity(id="long", name="far " * 40)
    odd = KnowledgeBase((*kb, long, replace(long, id="same", name=kb[kb.ids[0]].name)))
    linker = linker_of("llava", folders, odd)
    query = replace(queries[0], candidates=("long", "same", kb.ids[0], kb.ids[1]))
    answer = linker.link([query], "I2T")[0]
    assert "long" not in answer.ranked, "its name is longer than an answer may be"
    scores = dict(zip(answer.ranked, answer.scores, strict=True))
    assert scores["same"] == scores[kb.ids[0]]
    assert linker.link([replace(query, candidates=("long",))], "I2T")[0].status == "dead_end"
    asked = [
        replace(query, candidates=()),
        replace(query, candidates=("nobody",)),
        replace(query, text="word " * 600),
        replace(query, image=None),
        query,
    ]
    answers = linker.link(asked, "IT2T")
    assert [answer.error for answer in answers] == [None, "unknown_candidate", "too_long", "no_image", None]
    assert answers[0].status == "nil"
    assert answers[4].scores == pytest.approx(linker.link([query], "IT2T")[0].scores, abs=1e-4)
    indexed = linker_of("llava", folders, odd, answer="index").link(asked, "IT2T")
    assert [answer.error for answer in indexed] == [None, "unknown_candidate", "too_long", "no_image", None]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_cannot_pretend_to_be_an_image(family: str, folders: dict[str, Path], trial: Trial) -> None:
    kb, queries = trial
    linker = linker_of(family, folders, kb)
    token = linker.model.image_token
    query = replace(queries[0], text=f"{token} {linker.model.tokenizer.eos_token} was painted")
    prompt = linker.model.prompt(linker.question(query, "IT2T"), 0)
    assert linker.model.image_id not in prompt
    assert linker.model.lm.end not in prompt
    assert linker.link([query], "IT2T")[0].error is None


def test_sentences_of_candidates_are_shown_and_names_scored(folders: dict[str, Path], trial: Trial) -> None:
    kb, queries = trial
    linker = linker_of("llava", folders, kb)
    query = replace(queries[0], candidates=queries[0].listed[:3])
    first, second, third = query.listed
    told = replace(query, labels={first: f"{kb[first].name}, a\nred flag", second: "blue with a star " * 9})
    lines = linker.question(told, "I2T").splitlines()[:3]
    assert set(lines) == {
        f"{kb[first].name}, a red flag",
        f"{kb[second].name}: {'blue with a star ' * 9}".strip(),
        f"{kb[third].name}",
    }
    (answer,) = linker.link([told], "I2T")
    assert dict(zip(answer.ranked, answer.scores, strict=True)) == pytest.approx(by_the_library(linker, told, "I2T"), abs=2e-3)
    assert answer.text == kb[answer.ranked[0]].name
    (mixed,) = linker.link([replace(told, candidates=(third, first, second))], "I2T")
    assert mixed.ranked == answer.ranked
    assert not torch.allclose(linker.scores([query], "I2T"), linker.scores([told], "I2T"), atol=1e-3)


def test_sentences_of_many_candidates_share_half_the_context(folders: dict[str, Path], trial: Trial) -> None:
    kb, queries = trial
    linker = linker_of("llava", folders, kb)
    linker.model.lm.context = 160
    long = KnowledgeBase(replace(entity, text=f"{entity.name} has a flag, " + "red, blue, " * 60 + "green.") for entity in kb)
    query = replace(queries[0], candidates=queries[0].listed[:4])
    (described,) = RetLink(long).defend(linker).described([query], "I2T")
    lengths = [linker.tokens_of(sentence.text) for sentence in described.sentences]
    assert linker.room_for(4) == 20
    assert 10 < max(lengths) <= 20
    assert not any(sentence.whole for sentence in described.sentences)


@pytest.mark.parametrize("answer", ["labels", "index"])
def test_an_answer_is_a_call(answer: str, folders: dict[str, Path], trial: Trial) -> None:
    kb, queries = trial
    linker = linker_of("llava", folders, kb, answer=answer)
    (made,) = linker.link(queries[:1], "I2T")
    prompt = linker.model.prompt(linker.question(queries[0], "I2T"), 0)
    assert made.usage.calls == 1
    assert made.usage.tokens_read > len(prompt)


def test_capabilities_follow_from_the_answer(folders: dict[str, Path], trial: Trial) -> None:
    for answer in ("labels", "index"):
        parameters = LINKERS.parameters("llava", {"model": str(folders["llava"]), "answer": answer})
        able = LINKERS.load("llava").examine(**parameters)
        built = capabilities(linker_of("llava", folders, trial[0], answer=answer))
        assert (able.scores, able.gradients, able.random) == (built.scores, built.gradients, built.random)
        assert able.gradients == (answer == "labels")
    with pytest.raises(UsageError, match='answer = "guess"; expected one of'):
        linker_of("llava", folders, trial[0], answer="guess")
    with pytest.raises(UsageError, match="prompt = 9 is unknown; linker chat has prompt 1"):
        linker_of("llava", folders, trial[0], answer="index", prompt=9)


def test_memory_is_stated_before_anything_is_loaded(folders: dict[str, Path]) -> None:
    parameters = LINKERS.parameters("llava", {"model": str(folders["llava"]), "dtype": "float16"})
    taken = LINKERS.load("llava").memory(**parameters)
    model = LINKERS.create("llava", KnowledgeBase(()), model=str(folders["llava"]), device="cpu").model.network
    assert taken["the model in float16"] == 2 * sum(parameter.numel() for parameter in model.parameters())
    assert taken["keys and values of 16 prompts of 512 tokens"] == 16 * 512 * 2 * 2 * 32 * 2


def test_tokens_are_estimated_before_anything_is_loaded(folders: dict[str, Path], trial: Trial) -> None:
    """By the prompt's letters; LLaVA's images cost what its configuration states, whatever their size."""
    kb, queries = trial
    asked = queries[:6]
    parameters = LINKERS.parameters("llava", {"model": str(folders["llava"]), "answer": "index", "max_new_tokens": 7})
    linker = linker_of("llava", folders, kb, answer="index")
    kind = LINKERS.load("llava")
    usage = {task: kind.tokens(kb, asked, task, **parameters) for task in TASKS}
    letters = sum(len(linker.question(query, "T2T")) for query in asked)
    assert letters / 4 <= usage["T2T"].tokens_read <= letters / 4 + len(asked)
    assert all(told.tokens_written == 6 * 7 and told.calls == 6 for told in usage.values())
    texts = usage["IT2T"].tokens_read - 6 * linker.model.network.config.image_seq_length
    assert texts == pytest.approx(sum(len(linker.question(query, "IT2T")) for query in asked) / 4, abs=6)
    names = kind.tokens(kb, asked, "I2T", **(parameters | {"answer": "labels"}))
    assert names.tokens_written == 0
    assert names.tokens_read > 6 * linker.model.network.config.image_seq_length


@pytest.mark.parametrize("family", FAMILIES)
def test_odd_images_and_lists_have_their_rows_and_the_others_go_on(
    family: str, folders: dict[str, Path], trial: Trial, tmp_path: Path
) -> None:
    """One pixel, threads of three hundred, a file that is no image; 1 and 100 candidates, two of which read the same."""
    kb, queries = trial
    many = KnowledgeBase((*kb, *(Entity(id=f"many{number}", name=f"disc {number % 99}") for number in range(100))))
    for name, size in (("dot", (1, 1)), ("thread", (300, 1)), ("tower", (1, 300))):
        Image.new("RGB", size, (200, 30, 30)).save(tmp_path / f"{name}.png")
    (tmp_path / "broken.png").write_bytes(b"<html>")
    images = ("dot", "thread", "tower", "broken")
    asked = [replace(queries[0], id=name, image=tmp_path / f"{name}.png") for name in images]
    asked += [replace(queries[0], id="one", candidates=kb.ids[:1]), replace(queries[0], id="many", candidates=many.ids[-100:])]
    asked.append(queries[1])
    for answer in ("labels", "index"):
        linker = linker_of(family, folders, many, answer=answer, batch_size=3)
        answers = {row.id: row for row in linker.link(asked, "I2T")}
        errors = {name: row.error for name, row in answers.items() if row.error}
        thin = {"thread": "image_refused", "tower": "image_refused"} if family == "qwen2.5-vl" else {}
        long = {"many": "too_long"} if answer == "index" else {}  # the list outgrows the tiny model's context
        assert errors == {"broken": "image_decode", **thin, **long}
        if answer == "labels":
            assert answers["one"].ranked == kb.ids[:1]
            scores = dict(zip(answers["many"].ranked, answers["many"].scores, strict=True))
            assert len(scores) == 100
            assert scores["many0"] == scores["many99"]
        assert answers[queries[1].id].error is None
        assert answers[queries[1].id].ranked == linker.link([queries[1]], "I2T")[0].ranked


def test_what_just_fits_is_answered_and_one_token_more_is_not(folders: dict[str, Path], trial: Trial) -> None:
    """The prompt and an answer of `max_new_tokens` share the context; a name needs one of these for the end."""
    kb, queries = trial
    linker = linker_of("llava", folders, kb)
    count = linker.model.network.config.image_seq_length
    room = linker.model.lm.context - linker.max_new_tokens

    def length(text: str) -> int:
        return len(linker.model.prompt(linker.question(replace(queries[0], text=text), "IT2T"), count))

    text = "a"
    while length(text + " a") <= room:
        text += " a"
    asked = [replace(queries[0], id="fits", text=text), replace(queries[0], id="long", text=text + " a a a a")]
    assert room - 3 <= length(text) <= room < length(text + " a a a a") <= linker.model.lm.context
    assert [row.error for row in linker.link(asked, "IT2T")] == [None, "too_long"]
    name = kb[queries[0].listed[0]].name
    tokens = len(linker.model.answer(name))
    for most, written in ((tokens + 1, True), (tokens, False)):
        linker.max_new_tokens = most
        assert (queries[0].listed[0] in linker.link([queries[0]], "I2T")[0].ranked) is written


def test_the_reference_divides_by_the_same_lengths(folders: dict[str, Path], trial: Trial) -> None:
    kb, queries = trial
    linker = linker_of("llava", folders, kb, length_penalty=1.0)
    for own, other in zip(linker.link(queries[:2], "I2T"), linker.reference(queries[:2], "I2T"), strict=True):
        assert dict(zip(own.ranked, own.scores, strict=True)) == pytest.approx(
            dict(zip(other.ranked, other.scores, strict=True)), abs=2e-3
        )


def test_a_reply_ends_where_the_family_ends_it(folders: dict[str, Path], trial: Trial) -> None:
    """MiniGPT-4's ends before the next "###"; what it would say as the human is no part of it."""
    linker = linker_of("minigpt4", folders, trial[0], answer="index")
    tokens = linker.model.tokenizer("2 ###Human: 3", add_special_tokens=False)["input_ids"]
    assert linker.model.tokenizer.decode(tokens).strip() == "2 ###Human: 3"
    assert linker.text(tokens).strip() == "2"


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_and_gradients_live_on_the_linkers_device(family: str, folders: dict[str, Path], trial: Trial) -> None:
    kb, queries = trial

    def work(device: str) -> tuple[torch.Tensor, torch.Tensor]:
        linker: MLLM = LINKERS.create(family, kb, model=str(folders[family]), device=device)
        pixels = as_pixels([decode(str(queries[0].image))], linker.device).requires_grad_()
        scores = linker.logits(pixels, queries[:1])
        assert scores.device == pixels.device == torch.device(device)
        return scores.detach().cpu(), torch.autograd.grad(scores[:, 0].sum(), pixels)[0].cpu()

    with pretended_device() as device:
        ours, theirs = work(device), work("cpu")
    assert torch.allclose(ours[0], theirs[0], atol=1e-4)
    assert torch.cosine_similarity(ours[1].flatten(), theirs[1].flatten(), 0) > 0.999

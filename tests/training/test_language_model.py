"""A language model made anew: its documents, its training and the folder that comes out, beside the library's own reading."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.training.conftest import cut_and_resumed_like_whole
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer

from robustmel.datasets.dataset import Dataset
from robustmel.errors import UsageError
from robustmel.linkers.gemel.prompt import Prompt
from robustmel.linkers.packaged_prompts import read_prompt
from robustmel.training.checkpoint import train
from robustmel.training.language_documents import IGNORED, Example, document, hint, plan, stack
from robustmel.training.language_model import ANSWERS, HINTED, LanguageModelTrainee
from robustmel.training.language_model_recipe import LanguageModelRecipe
from robustmel.training.loop import Epoch
from robustmel.training.texts import learn_tokenizer

START, END, PAD, SEPARATOR = 0, 1, 2, 9


@pytest.fixture
def recipe() -> LanguageModelRecipe:
    return LanguageModelRecipe(
        epochs=3,
        batch_size=12,
        learning_rate=5e-3,
        demos=3,
        width=32,
        depth=1,
        heads=2,
        vocabulary=320,
        context=256,
        precision="float32",
    )


tokens = st.lists(st.integers(10, 99), min_size=1, max_size=5)
examples = st.lists(st.tuples(tokens, tokens, st.one_of(st.just([]), tokens)), min_size=1, max_size=5)


@given(examples, st.integers(12, 60))
def test_a_label_is_the_next_token_or_the_end_of_an_answer_and_hints_have_none(
    drawn: list[tuple[list[int], list[int], list[int]]], context: int
) -> None:
    made = [Example(question, answer, [], "") for question, answer, _ in drawn]
    hints = [given for _, _, given in drawn]
    batch = stack([document(made, hints, [SEPARATOR], START, END, context)], PAD)
    read, labels, answer = batch.tokens[0].tolist(), batch.labels[0].tolist(), batch.answer[0].tolist()
    assert len(read) <= context
    assert read[0] == START
    for place, following in enumerate(read[1:]):
        assert labels[place] in (following, END if following == SEPARATOR else IGNORED)
    kept = next(
        first for first in range(len(made)) if 1 + sum(map(_length, drawn[first:])) <= context or first == len(made) - 1
    )
    if 1 + sum(map(_length, drawn[kept:])) <= context:
        expected = [token for _, name, _ in drawn[kept:] for token in [*name, END]]
        assert [label for label, flag in zip(labels, answer, strict=True) if flag] == expected
        assert batch.labels[0][batch.last[0]].tolist() == [*drawn[-1][1], END]
        assert labels.count(IGNORED) == sum(len(given) for given in hints[kept:])


def _length(example: tuple[list[int], list[int], list[int]]) -> int:
    return sum(map(len, example)) + 1


@given(st.integers(1, 80), st.integers(0, 5), st.sampled_from([0.0, 0.5, 1.0]), st.integers(1, 20), st.integers(0, 99))
def test_an_epoch_holds_every_example_once_in_documents_of_equal_length(
    count: int, demos: int, similar: float, size: int, seed: int
) -> None:
    made = [Example([], [], [], "abc"[index % 3]) for index in range(count)]
    batches = list(plan(made, demos, similar, size, torch.Generator().manual_seed(seed)))
    assert sorted(row for batch in batches for rows in batch for row in rows) == list(range(count))
    assert len(batches) == -(-count // size)
    for batch in batches:
        lengths = [len(rows) for rows in batch]
        assert 1 <= min(lengths) <= max(lengths) <= min(demos + 1, min(lengths) + 1)
        assert sum(lengths) <= size


def test_half_of_the_documents_of_few_examples_hold_all_demonstrations() -> None:
    made = [Example([], [], [], str(index)) for index in range(17 * 200)]
    batches = list(plan(made, 16, 0.0, 17, torch.Generator().manual_seed(0)))
    assert 80 <= sum(len(batch) == 1 for batch in batches) <= 130  # of 200: 17 draws of 33 are of the full length
    assert sorted({len(rows) for batch in batches for rows in batch})[-2:] == [9, 17]


def test_similar_documents_hold_equal_surfaces_and_random_ones_do_not() -> None:
    made = [Example([], [], [], f"{index % 10}") for index in range(400)]
    mixed = {}
    for similar in (0.0, 1.0):
        documents = [rows for batch in plan(made, 3, similar, 8, torch.Generator().manual_seed(0)) for rows in batch]
        mixed[similar] = sum(len({made[row].surface for row in rows}) > 1 for rows in documents)
    assert mixed[1.0] <= 9  # ten surfaces have nine borders
    assert mixed[0.0] > 50


def test_a_hint_is_a_run_of_tokens_of_one_fact_and_each_fact_gives_some() -> None:
    known, generator = [[1, 2], [3, 4, 5, 6, 7]], torch.Generator().manual_seed(0)
    drawn = Counter(tuple(hint(known, 4, generator)) for _ in range(300))
    assert set(drawn) == {(1, 2), (3, 4, 5, 6), (4, 5, 6, 7)}
    assert 100 < drawn[1, 2] < 200
    assert hint(known, 0, generator) == []


def test_a_generative_tokenizer_keeps_case_and_starts_but_does_not_end_a_text() -> None:
    tokenizer = learn_tokenizer(["Côte d'Ivoire met Chad", "[Answer]Chad\n"], 300, 64, masked=True, generative=True)
    ids = tokenizer("Chad")["input_ids"]
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.eos_token_id not in ids
    text = "Côte d'Ivoire\n[Text] Ġ  McX"
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
    pieces = [tokenizer(piece, add_special_tokens=False)["input_ids"] for piece in ("[Answer]", "Chad")]
    assert tokenizer.decode(pieces[0] + pieces[1]) == "[Answer]Chad"  # put one after the other, no blank comes between


def test_the_loss_is_the_weighted_mean_of_what_the_library_gives_for_each_token(
    cards: Dataset, recipe: LanguageModelRecipe
) -> None:
    trainee = LanguageModelTrainee.prepare([cards], replace(recipe, answer_weight=3.0), None)
    batches = list(trainee.batches(1))
    assert len(batches) == trainee.steps
    for batch in batches[:3]:
        total = weight = 0.0
        for row in range(len(batch.tokens)):
            logits = trainee.model(batch.tokens[row : row + 1]).logits[0]
            for place in range(batch.tokens.shape[1]):
                label = int(batch.labels[row, place])
                if label != IGNORED:
                    share = 3.0 if batch.answer[row, place] else 1.0
                    total -= share * functional.log_softmax(logits[place], -1)[label].item()
                    weight += share
        assert trainee.loss(batch, 1, 0).item() == pytest.approx(total / weight, rel=1e-4)


def test_a_language_model_learns_and_is_read_by_the_library(
    cards: Dataset, recipe: LanguageModelRecipe, tmp_path: Path
) -> None:
    epochs: list[Epoch] = []
    longer = replace(recipe, epochs=30, batch_size=6, demos=1, answer_weight=10.0)
    whole = train([cards], longer, tmp_path / "whole", on_epoch=epochs.append)
    assert epochs[-1].loss < epochs[0].loss / 2
    card = (tmp_path / "whole" / "README.md").read_text()
    assert "robustmel train language-model --dataset cards" in card
    assert f"| data set | split | {ANSWERS} | {HINTED} |" in card

    trainee = LanguageModelTrainee.prepare([cards], longer, None)
    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(tmp_path / "whole"),
        AutoTokenizer.from_pretrained(tmp_path / "whole"),
    )
    assert model.dtype == torch.float32
    assert trainee.accuracies(model, trainee.examples([cards], "test")) == whole.accuracies["cards"]["test"]
    # Without demonstrations and hints, the share of exact names is that of the library's own greedy search.
    trainee.recipe = replace(longer, demos=0)
    prompt, right = read_prompt(Prompt, "gemel", 1), 0
    asked = [mention for mention in cards.mentions if mention.split == "test"]
    names = {entity.id: entity.name for entity in cards.kb.entities}
    for mention in asked:
        ids = tokenizer(prompt.ask(mention.text, mention.surface), return_tensors="pt")
        written = model.generate(**ids, max_new_tokens=12, do_sample=False)[0, ids["input_ids"].shape[1] :]
        right += tokenizer.decode(written, skip_special_tokens=True) == names[str(mention.gold)]
    assert 0 < right < len(asked)
    assert trainee.accuracies(model, trainee.examples([cards], "test"))[ANSWERS] == pytest.approx(right / len(asked))


def test_an_interrupted_training_ends_with_the_same_bytes(cards: Dataset, recipe: LanguageModelRecipe, tmp_path: Path) -> None:
    train([cards], recipe, tmp_path / "whole")
    cut_and_resumed_like_whole([cards], recipe, tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"family": "clip"}, "family"),
        ({"base": "x"}, "made anew"),
        ({"width": 33}, "multiple of heads"),
        ({"similar": 2.0}, "between"),
    ],
)
def test_a_recipe_that_fits_no_language_model_is_refused(
    recipe: LanguageModelRecipe, change: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        replace(recipe, **change)  # type: ignore[arg-type]


def test_data_without_training_mentions_are_refused(cards: Dataset, recipe: LanguageModelRecipe) -> None:
    held_out = replace(cards, mentions=tuple(mention for mention in cards.mentions if mention.split != "train"))
    with pytest.raises(UsageError, match="no training mentions"):
        LanguageModelTrainee.prepare([held_out], recipe, None)

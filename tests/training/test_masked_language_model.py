"""A masked language model made anew: what is masked, its two losses by hand, and the folder that comes out."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
import torch
from tests.training.conftest import cut_and_resumed_like_whole
from torch.nn import functional
from transformers import AutoModelForMaskedLM, AutoTokenizer

from robustmel.datasets.dataset import Dataset
from robustmel.errors import UsageError
from robustmel.linkers.sentence_encoder import sentence_tower
from robustmel.training.checkpoint import train
from robustmel.training.language_documents import IGNORED
from robustmel.training.language_model_recipe import MaskedLanguageModelRecipe
from robustmel.training.loop import Epoch
from robustmel.training.masked_language_model import RETRIEVED, TOLD, MaskedLanguageModelTrainee
from robustmel.training.texts import MASK


@pytest.fixture
def recipe() -> MaskedLanguageModelRecipe:
    return MaskedLanguageModelRecipe(
        epochs=3, batch_size=16, learning_rate=1e-2, width=32, depth=1, heads=2, vocabulary=320, context=64, precision="float32"
    )


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3])
def test_a_share_of_the_tokens_is_masked_and_asked_for(cards: Dataset, recipe: MaskedLanguageModelRecipe, share: float) -> None:
    trainee = MaskedLanguageModelTrainee.prepare([cards], recipe, None)
    sentences = trainee.train[:20]
    view = trainee.masked(sentences, torch.Generator().manual_seed(0), share)
    for row, sentence in enumerate(sentences):
        labels, read = view.labels[row], view.tokens[row]
        assert int((labels != IGNORED).sum()) == (max(1, round(share * (len(sentence) - 2))) if share else 0)
        assert torch.where(labels == IGNORED, read, labels)[: len(sentence)].tolist() == sentence
        assert (read[labels != IGNORED] == trainee.tokenizer.mask_token_id).all()
        assert int(view.attention[row].sum()) == len(sentence)
        assert labels[0] == labels[len(sentence) - 1] == IGNORED


def test_an_epoch_holds_every_sentence_once_beside_another_on_its_entity(
    cards: Dataset, recipe: MaskedLanguageModelRecipe
) -> None:
    trainee = MaskedLanguageModelTrainee.prepare([cards], replace(recipe, masked=0.001), None)
    entity_of = {tuple(sentence): entity for sentence, entity in zip(trainee.train, trainee.entities, strict=True)}
    read = list[tuple[int, ...]]()
    for batch in trainee.batches(1):
        pairs = []
        for view in batch[:2]:
            whole = torch.where(view.labels == IGNORED, view.tokens, view.labels)
            pairs.append([tuple(row[: int(length)].tolist()) for row, length in zip(whole, view.attention.sum(1), strict=True)])
        assert [entity_of[sentence] for sentence in pairs[0]] == [entity_of[sentence] for sentence in pairs[1]]
        for one, two in combinations(range(len(pairs[0])), 2):
            assert bool(batch.same[one, two]) == (entity_of[pairs[0][one]] == entity_of[pairs[0][two]])
        read += pairs[0]
    assert sorted(read) == sorted(map(tuple, trainee.train))
    assert len(list(trainee.batches(1))) == trainee.steps


def test_the_loss_is_that_of_each_mask_and_of_each_pair(cards: Dataset, recipe: MaskedLanguageModelRecipe) -> None:
    trainee = MaskedLanguageModelTrainee.prepare([cards], replace(recipe, contrast=0.7, temperature=0.5), None)
    batch = next(iter(trainee.batches(1)))
    surprises, means = [], []
    for view in batch[:2]:
        for row in range(len(view.tokens)):
            length = int(view.attention[row].sum())
            outputs = trainee.model(input_ids=view.tokens[row : row + 1, :length], output_hidden_states=True)
            means.append(functional.normalize(outputs.hidden_states[-1][0].mean(0), dim=0))
            places = (view.labels[row] != IGNORED).nonzero().flatten().tolist()
            surprises += [-functional.log_softmax(outputs.logits[0, place], -1)[view.labels[row, place]] for place in places]
    count = len(batch.same)
    pairs = list[torch.Tensor]()
    for row in range(count):
        others = [column for column in range(count) if not batch.same[row, column]]
        for here, there in ((0, count), (count, 0)):
            scores = torch.stack([means[here + row] @ means[there + column] / 0.5 for column in others])
            pairs.append(-functional.log_softmax(scores, 0)[others.index(row)])
    expected = torch.stack(surprises).mean() + 0.7 * torch.stack(pairs).mean()
    assert trainee.loss(batch, 1, 0).item() == pytest.approx(expected.item(), rel=1e-4)


def test_it_learns_and_is_read_by_the_library(cards: Dataset, recipe: MaskedLanguageModelRecipe, tmp_path: Path) -> None:
    epochs: list[Epoch] = []
    result = train([cards], replace(recipe, epochs=60), tmp_path / "whole", on_epoch=epochs.append)
    assert epochs[-1].loss < epochs[0].loss / 2
    card = (tmp_path / "whole" / "README.md").read_text()
    assert "robustmel train masked-language-model --dataset cards" in card
    assert f"| data set | split | {TOLD} | {RETRIEVED} |" in card
    shares = result.accuracies["cards"]["test"]

    model, tokenizer = (
        AutoModelForMaskedLM.from_pretrained(tmp_path / "whole"),
        AutoTokenizer.from_pretrained(tmp_path / "whole"),
    )
    ids = tokenizer(f"a card of{MASK} lay on table 3", return_tensors="pt")["input_ids"]
    told = model(input_ids=ids).logits[0, ids[0].tolist().index(tokenizer.mask_token_id)].argmax()
    assert tokenizer.decode(told).strip()[:2] in {"am", "ba", "co", "de", "eb", "fa", "a", "b", "c", "d", "e", "f"}

    asked = [mention for mention in cards.mentions if mention.split == "test"]
    tower = sentence_tower(str(tmp_path / "whole"), torch.device("cpu"))  # the mean, as there is no pooler
    embedded = functional.normalize(tower.embed([mention.text for mention in asked]), dim=-1)
    within, across = [], []
    for (one, first), (two, second) in combinations(enumerate(asked), 2):
        (within if first.gold == second.gold else across).append(float(embedded[one] @ embedded[two]))
    share = sum(near > far for near in within for far in across) / len(within) / len(across)
    assert 0.5 < share == pytest.approx(shares[RETRIEVED], abs=0.01)


def test_an_interrupted_training_ends_with_the_same_bytes(
    cards: Dataset, recipe: MaskedLanguageModelRecipe, tmp_path: Path
) -> None:
    train([cards], recipe, tmp_path / "whole")
    cut_and_resumed_like_whole([cards], recipe, tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"family": "opt"}, "family"),
        ({"masked": 1.0}, "below 1"),
        ({"contrast": -1.0}, "contrast"),
        ({"temperature": 0.0}, "above 0"),
    ],
)
def test_a_recipe_that_fits_no_masked_language_model_is_refused(
    recipe: MaskedLanguageModelRecipe, change: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        replace(recipe, **change)  # type: ignore[arg-type]


def test_data_without_texts_are_refused(cards: Dataset, recipe: MaskedLanguageModelRecipe) -> None:
    from robustmel.kb import KnowledgeBase

    with pytest.raises(UsageError, match="no training sentences"):
        MaskedLanguageModelTrainee.prepare([replace(cards, mentions=(), kb=KnowledgeBase(()))], recipe, None)

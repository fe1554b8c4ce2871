"""GEMEL's feature mapper is learnt, and nothing else: losses by hand, equal steps in parts, equal bytes after an interruption."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from robustmel.datasets.dataset import Dataset
from robustmel.errors import MissingError, UsageError
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers.gemel.checkpoint import read_checkpoint
from robustmel.linkers.gemel.linker import GEMEL
from robustmel.linkers.gemel.vision import VisionEncoder
from robustmel.training.checkpoint import train
from robustmel.training.feature_mapper import FeatureMapperTrainee
from robustmel.training.feature_mapper_recipe import FeatureMapperRecipe
from robustmel.types import Entity, Mention


@pytest.fixture
def mapper_recipe(opt_folder: Path) -> FeatureMapperRecipe:
    return FeatureMapperRecipe(language_model=str(opt_folder), epochs=2, batch_size=12, learning_rate=3e-3, demos=1)


@pytest.fixture
def few(cards: Dataset) -> Dataset:
    """Ten training mentions and three to validate with."""
    train_, held_out = ([m for m in cards.mentions if m.split == split] for split in ("train", "validation"))
    return replace(cards, mentions=(*train_[::5], *held_out[::6]))


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def gradients(trainee: FeatureMapperTrainee, batch: list[int]) -> list[torch.Tensor]:
    trainee.model.zero_grad()
    for part in trainee.loss(batch, 1, 0):
        part.backward()
    return [parameter.grad.clone() for parameter in trainee.model.parameters() if parameter.grad is not None]


def test_the_loss_is_that_of_each_whole_prompt_read_by_itself(few: Dataset, mapper_recipe: FeatureMapperRecipe) -> None:
    from transformers import AutoTokenizer, OPTForCausalLM

    trainee = FeatureMapperTrainee([few], replace(mapper_recipe, demos=0, accumulation=3))
    lm = OPTForCausalLM.from_pretrained(mapper_recipe.language_model)
    words = AutoTokenizer.from_pretrained(mapper_recipe.language_model)
    mentions = [mention for mention in few.mentions if mention.split == "train"]
    lost, count = 0.0, 0
    with torch.no_grad():
        for mention, feature in zip(mentions, trainee._features, strict=False):
            asked = f"[Text]{mention.text}\n[Question]What does card mentioned in the text refer to?\n[Answer]"
            question = words(asked, add_special_tokens=False)["input_ids"]
            answer = [*words(few.kb[str(mention.gold)].name, add_special_tokens=False)["input_ids"], words.eos_token_id]
            embed = lm.get_input_embeddings()
            pieces = [embed(torch.tensor([words.bos_token_id])), trainee.mapper(feature).reshape(4, -1)]
            pieces += [embed(torch.tensor(question)), embed(torch.tensor(answer))]
            logits = lm(inputs_embeds=torch.cat(pieces)[None]).logits[0, -1 - len(answer) : -1]
            lost += float(torch.nn.functional.cross_entropy(logits, torch.tensor(answer), reduction="sum"))
            count += len(answer)
    parts = list(trainee.loss(list(range(len(mentions))), 1, 0))
    assert len(parts) == 3
    assert sum(part.item() for part in parts) == pytest.approx(lost / count, rel=1e-4)


def test_a_batch_in_parts_makes_the_step_of_the_whole(few: Dataset, mapper_recipe: FeatureMapperRecipe, tmp_path: Path) -> None:
    whole, parts = (FeatureMapperTrainee([few], replace(mapper_recipe, accumulation=count)) for count in (1, 4))
    for one, other in zip(gradients(whole, list(range(10))), gradients(parts, list(range(10))), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    weights = []
    for count in (1, 4):
        train([few], replace(mapper_recipe, accumulation=count, epochs=1), tmp_path / str(count))
        weights.append(load_file(tmp_path / str(count) / "mapper.safetensors"))
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=0, atol=1e-6)


def test_the_warm_up_counts_steps_of_the_optimiser(
    few: Dataset, mapper_recipe: FeatureMapperRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    whole: Callable[..., Any] = torch.optim.AdamW.step

    def counted(self: Any, *given: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return whole(self, *given)

    monkeypatch.setattr(torch.optim.AdamW, "step", counted)
    train([few], replace(mapper_recipe, batch_size=5, accumulation=5, epochs=3, warm_up=0.5), tmp_path / "out")
    assert len(rates) == 3 * 2  # 10 mentions in batches of 5
    assert rates[:3] == pytest.approx([1e-3, 2e-3, 3e-3])
    assert rates[3:] == sorted(rates[3:], reverse=True)


def test_an_interrupted_training_ends_with_the_same_bytes(
    few: Dataset, mapper_recipe: FeatureMapperRecipe, tmp_path: Path
) -> None:
    recipe = replace(mapper_recipe, batch_size=5)
    train([few], recipe, tmp_path / "whole")

    def stop(done: int, of: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train([few], recipe, tmp_path / "cut", on_step=stop)
    train([few], recipe, tmp_path / "cut")
    assert content(tmp_path / "cut") == content(tmp_path / "whole")


def test_another_language_model_goes_on_with_no_training(
    few: Dataset, mapper_recipe: FeatureMapperRecipe, opt_folder: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "lm"
    shutil.copytree(opt_folder, moved)
    recipe = replace(mapper_recipe, language_model=str(moved), epochs=1)
    train([few], recipe, tmp_path / "out")
    weights = {name: value + 0.01 for name, value in load_file(moved / "model.safetensors").items()}
    save_file(weights, moved / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UsageError, match="other base weights"):
        train([few], recipe, tmp_path / "out")


def test_a_frozen_model_that_moved_goes_on_with_its_training(
    few: Dataset, mapper_recipe: FeatureMapperRecipe, opt_folder: Path, tmp_path: Path
) -> None:
    recipe, moved = replace(mapper_recipe, epochs=1), tmp_path / "elsewhere"
    shutil.copytree(opt_folder, moved)

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train([few], recipe, tmp_path / "out", on_step=stop)
    begun = train([few], replace(recipe, language_model=str(moved)), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "frozen.json").read_text())["language_model"] == str(moved)
    assert train([few], recipe, tmp_path / "out") == begun
    with pytest.raises(UsageError, match="another recipe"):
        train([few], replace(recipe, demos=2), tmp_path / "out")


def test_numbers_that_outgrow_half_precision_name_the_way_out(
    few: Dataset, mapper_recipe: FeatureMapperRecipe, opt_folder: Path, tmp_path: Path
) -> None:
    """Embeddings beyond 65,504 are infinite in float16, and numbers in bfloat16."""
    loud = tmp_path / "loud"
    shutil.copytree(opt_folder, loud)
    weights = load_file(loud / "model.safetensors")
    (name,) = (name for name in weights if name.endswith("embed_tokens.weight"))
    weights[name][5:] *= 1e7
    save_file(weights, loud / "model.safetensors", metadata={"format": "pt"})
    recipe = replace(mapper_recipe, language_model=str(loud), epochs=1, dtype="float16")
    with pytest.raises(
        UsageError, match=r"the loss is nan in epoch 1: .* outgrow float16; train with dtype = \"bfloat16\""
    ) as told:
        train([few], recipe, tmp_path / "half")
    assert "\n" not in str(told.value)
    for dtype in ("bfloat16", "float32"):
        trainee = FeatureMapperTrainee([few], replace(recipe, dtype=dtype))
        assert all(part.isfinite() for part in trainee.loss([0, 1], 1, 0))
    with torch.no_grad():
        trainee.mapper.weight.fill_(torch.nan)  # a training that went astray is no matter of precision
    trainee.recipe = recipe
    assert all(part.isnan() for part in trainee.loss([0, 1], 1, 0))


def test_only_the_mapper_changes(few: Dataset, mapper_recipe: FeatureMapperRecipe, tmp_path: Path) -> None:
    trainee = FeatureMapperTrainee([few], mapper_recipe)

    def frozen() -> str:
        digest = hashlib.sha256()
        for network in (trainee._lm.network, trainee._vision._model):
            for value in network.state_dict().values():
                digest.update(value.numpy().tobytes())
        return digest.hexdigest()

    before, mapper = frozen(), trainee.mapper.weight.detach().clone()
    optimizer = torch.optim.AdamW(trainee.model.parameters(), lr=0.1)
    gradients(trainee, list(range(10)))
    optimizer.step()
    assert frozen() == before
    assert not torch.equal(trainee.mapper.weight, mapper)
    assert [name for name, _ in trainee.model.named_parameters()] == ["weight", "bias"]
    networks = (trainee._lm.network, trainee._vision._model)
    assert all(parameter.grad is None for network in networks for parameter in network.parameters())


def test_it_learns_and_the_folder_answers_as_validated(
    cards: Dataset, mapper_recipe: FeatureMapperRecipe, tmp_path: Path
) -> None:
    recipe = replace(mapper_recipe, epochs=3, batch_size=8, learning_rate=1e-2)
    result = train([cards], recipe, tmp_path / "out")
    losses = [epoch["loss"] for epoch in result.history]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] - 0.05
    held_out = [mention for mention in cards.mentions if mention.split == "validation"]
    linker = GEMEL(cards.kb, model=str(tmp_path / "out"), demos=1, beams=1, device="cpu")
    answers = linker.link([mention.query(cards.name, None) for mention in held_out], "IT2T")
    right = sum(answer.ranked[:1] == (mention.gold,) for mention, answer in zip(held_out, answers, strict=True))
    best = result.history[result.best_epoch - 1]["validation"]["IT2T"]
    assert best == pytest.approx(right / len(held_out))
    assert set(result.accuracies["cards"]) == {"validation", "test"}
    assert set(result.accuracies["cards"]["test"]) == {"IT2T", "T2T"}
    checkpoint = read_checkpoint(str(tmp_path / "out"))
    pooled = [mention for mention in cards.mentions if mention.split == "train"]
    assert [demo.text for demo in checkpoint.demos] == [mention.text for mention in pooled]
    assert checkpoint.embeddings is not None
    assert len(checkpoint.embeddings.rows) == len(pooled)
    assert len(checkpoint.features) == len(pooled)  # no picture of a validation mention is published


def test_what_cannot_be_learnt_from_is_counted(few: Dataset, mapper_recipe: FeatureMapperRecipe, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"<html>not found</html>")
    first, *others = few.mentions
    odd = [
        replace(first, id="nil", gold=None),
        replace(first, id="stranger", gold="Q42"),
        replace(first, id="blank", image=None),
        replace(first, id="broken", image=tmp_path / "broken.png"),
        replace(first, id="gone", image=tmp_path / "gone.png"),
        replace(first, id="long", text="a card of amber " * 200),
        replace(first, id="unwritable", gold="E9"),
    ]
    kb = KnowledgeBase([*few.kb, Entity("E9", "a name of very many words " * 5)])
    trainee = FeatureMapperTrainee([replace(few, mentions=(first, *odd, *others), kb=kb)], mapper_recipe)
    assert trainee.remarks == {
        "mentions without a gold entity in the knowledge base": 2,
        "mentions without an image": 1,
        "images left out (image_decode)": 1,
        "images left out (image_missing)": 1,
        "questions longer than the language model's context": 1,
        "names that the language model cannot write": 1,
    }
    demos = {demo.id: demo for demo in trainee._demos}
    for name in ("broken", "gone"):
        row = demos[replace(first, id=name).query(few.name, None).id].image
        assert not trainee._features[row].any()
    learnt = sorted(place for batch in trainee.batches(1) for place in batch)
    assert len(learnt) == len(set(learnt)) == len(trainee._demos) - 2
    assert all(torch.isfinite(part) for part in trainee.loss(learnt, 1, 0))
    assert trainee.validate().keys() == {"IT2T"}


def test_demonstrations_beyond_the_context_are_left_out(few: Dataset, mapper_recipe: FeatureMapperRecipe) -> None:
    long = tuple(replace(m, text=f"{m.text} " + "and a card lay on table " * 12) for m in few.mentions)
    trainee = FeatureMapperTrainee([replace(few, mentions=long)], replace(mapper_recipe, demos=9))
    assert trainee.remarks["prompts with demonstrations left out"] == 10
    assert all(0 < len(shown) < 9 for shown in trainee._shown)
    assert all(place not in shown for place, shown in enumerate(trainee._shown))
    gradients(trainee, list(range(10)))  # longer ones would end in an index error of the position embeddings


def test_a_limit_takes_more_of_the_same_mentions(cards: Dataset, mapper_recipe: FeatureMapperRecipe) -> None:
    def pool(limit: int, seed: int = 0) -> set[str]:
        recipe = replace(mapper_recipe, limit=limit, seed=seed, demos=0)
        return {demo.id for demo in FeatureMapperTrainee([cards], recipe)._demos}

    small, large, whole = pool(6), pool(20), pool(0)
    assert (len(small), len(large), len(whole)) == (6, 20, 48)
    assert small < large < whole
    assert pool(6, seed=1) != small


def test_data_without_anything_to_learn_from_is_told(few: Dataset, mapper_recipe: FeatureMapperRecipe) -> None:
    def without(**changes: Any) -> Dataset:
        return replace(few, mentions=tuple(replace(mention, **changes) for mention in few.mentions))

    with pytest.raises(MissingError, match="no training mention in cards"):
        FeatureMapperTrainee([without(split="test")], mapper_recipe)
    with pytest.raises(MissingError, match="fits the language model"):
        FeatureMapperTrainee([without(text="a card " * 600)], mapper_recipe)
    mention = Mention("m", "E0", "card", "a card", None, None, None, "train")
    blank = replace(few, mentions=(mention,))
    trainee = FeatureMapperTrainee([blank], mapper_recipe)
    assert trainee.validate() == {}
    assert trainee._features.shape[0] == 0
    gradients(trainee, [0])


def test_a_mapper_learns_from_features_what_it_learns_from_images(cards: Dataset, opt_folder: Path, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    mentions = cards.mentions[::8]
    few, vision = replace(cards, mentions=mentions), VisionEncoder("world:clip-world", device="cpu")
    rows = {str(m.image): vision.picture_features([decode(m.image)])[0].numpy() for m in mentions if m.image}
    features = str(tmp_path / "cards.hdf5")
    with h5py.File(features, "w") as opened:
        for key, row in rows.items():
            opened[key] = row
    recipe = FeatureMapperRecipe(language_model=str(opt_folder), epochs=1, batch_size=8, demos=1, demo_choice="bm25")
    stored = replace(recipe, features=features, vision="")
    one, other = (FeatureMapperTrainee([few], each) for each in (recipe, stored))
    torch.testing.assert_close(one._features, other._features, rtol=0, atol=1e-3)
    result = train([few], stored, tmp_path / "out")
    assert result.accuracies["cards"].keys() <= {"validation", "test"}
    assert GEMEL(cards.kb, model=str(tmp_path / "out"), features=features, demo_choice="bm25", device="cpu").prompts is not None
    with pytest.raises(UsageError, match="without a vision encoder; give it features"):
        GEMEL(cards.kb, model=str(tmp_path / "out"), demo_choice="bm25", device="cpu")
    with h5py.File(features, "a") as opened:
        del opened[str(mentions[0].image).lstrip("/")]
    assert FeatureMapperTrainee([few], stored).remarks["images left out (features_missing)"] == 1
    with pytest.raises(UsageError, match="vision must be named, unless features are"):
        replace(recipe, vision="")

"""Defences in a recipe: suspicious records are left out, and texts are edited on the fly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from robustmel.attacks import ATTACKS
from robustmel.datasets.dataset import Dataset
from robustmel.defences.detectors.neighbours import Neighbours
from robustmel.errors import UsageError
from robustmel.linkers.texts import query_text
from robustmel.training.checkpoint import train, without_suspicious
from robustmel.training.dual_encoder import DualEncoderTrainee
from robustmel.training.dual_encoder_recipe import DualEncoderRecipe
from robustmel.training.feature_mapper import FeatureMapperTrainee
from robustmel.training.feature_mapper_recipe import FeatureMapperRecipe
from robustmel.training.recipe_defences import RecordFilter, TextAugmentation
from robustmel.training.recipe_files import read_recipe
from robustmel.training.text_augmentation import edited_queries

OWN = f"{Path(__file__).with_name('detectors.py')}:TableNumber"


def ids(dataset: Dataset, split: str) -> set[str]:
    return {mention.id for mention in dataset.mentions if mention.split == split}


def test_exactly_the_most_suspicious_share_is_left_out_and_never_what_got_no_score(cards: Dataset) -> None:
    (kept,), remarks = without_suspicious([cards], RecordFilter(OWN, 0.3))  # of 48, 6 at each of 8 tables
    gone = ids(cards, "train") - ids(kept, "train")
    assert len(gone) == 14
    assert {name.partition("-")[2] for name in gone} == {"6", "5", "4"}
    assert list(remarks.values()) == [14]
    for split in ("validation", "test"):
        assert ids(kept, split) == ids(cards, split)
    (kept,), _ = without_suspicious([cards], RecordFilter(OWN, 1.0, {"sign": -1}))
    assert {name.partition("-")[2] for name in ids(kept, "train")} == {"7"}
    (kept,), remarks = without_suspicious([cards], RecordFilter(OWN, 1.0, flagged=5.0))
    assert {name.partition("-")[2] for name in ids(cards, "train") - ids(kept, "train")} == {"5", "6"}
    assert list(remarks.values()) == [12]


def test_suspicious_words_are_taken_out_and_nothing_else(cards: Dataset) -> None:
    """The detector counts words in capitals; the edits put such words before others, so that without them the text is as it was."""
    train = [replace(mention, span=(2, 6)) for mention in cards.mentions if mention.split == "train"][:3]
    assert all(mention.text[2:6] == mention.surface for mention in train)
    poisoned = []
    for count, mention in enumerate(train):
        words = mention.text.split(" ")
        loud = " ".join(f"LOUD {word}" if place < count else word for place, word in enumerate(words))
        start = loud.index(mention.surface)
        poisoned.append(replace(mention, text=loud, span=(start, start + len(mention.surface))))
    odd = replace(train[0], id="odd", surface="MINE", text="ONE MINE", span=(4, 8))
    (kept,), remarks = without_suspicious(
        [replace(cards, mentions=(*poisoned, odd))], RecordFilter(OWN.replace("TableNumber", "Capitals"), 1.0, {}, 2)
    )
    assert list(kept.mentions[:3]) == train
    assert (kept.mentions[3].text, kept.mentions[3].span) == ("MINE", (0, 4))
    assert remarks == {next(iter(remarks)): 4}
    assert "repaired" in next(iter(remarks))
    (kept,), _ = without_suspicious([replace(cards, mentions=tuple(poisoned))], RecordFilter(OWN.replace("TableNumber", "Capitals"), 1.0, {}, 1))  # fmt: skip
    assert kept.mentions[2].text.count("LOUD") == 1


def test_a_training_leaves_them_out_and_says_so(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    chosen = RecordFilter(OWN, 0.25)
    filtered = train([cards], replace(recipe, epochs=1, filter=chosen), tmp_path / "filtered")
    (by_hand,), _ = without_suspicious([cards], chosen)
    train([by_hand], replace(recipe, epochs=1), tmp_path / "by-hand")
    first, second = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("filtered", "by-hand"))
    assert first == second
    assert any("left out as suspicious" in remark and count == 12 for remark, count in filtered.remarks.items())


def test_recipes_without_a_defence_stay_what_they_were_and_others_have_keys_of_their_own() -> None:
    plain = read_recipe("clip-world")
    assert not {"filter", "text_augmentation", "defences"} & plain.identity().keys()
    filtered = read_recipe({"recipe": "clip-world", "filter": {"detector": "neighbours", "share": 0.1, "parameters": {"k": 5}}})
    assert filtered.identity()["defences"] == {"filter": Neighbours.version}
    assert not {"words", "flagged"} & filtered.identity()["filter"].keys()
    flagging = read_recipe("clip-world", ["filter.detector=neighbours", "filter.share=1", "filter.flagged=0.5"])
    assert flagging.identity()["filter"]["flagged"] == 0.5
    assert filtered.filter.parameters == {"k": 5}
    assert {path.parent.name for path in filtered.assets()} == {"clip-world"}
    assert read_recipe(json.loads(json.dumps(filtered.to_dict()))) == filtered
    set_ = read_recipe("clip-world", ["text_augmentation.attack=qwerty", "text_augmentation.share=0.4"])
    assert set_.identity()["defences"] == {"text_augmentation": ATTACKS.load("qwerty").version}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"filter": {"share": 1.5}}, "between 0 and 1"),
        ({"filter": {"share": 0.1}}, "filter.detector is not given"),
        ({"filter": {"share": 0.1, "detector": "onoin"}}, 'Did you mean "onion"'),
        ({"filter": {"share": 0.1, "detector": "neighbours", "parameters": {"q": 1}}}, 'no parameter "q"'),
        ({"filter": {"share": 0.1, "detector": "neighbours", "parameters": 3}}, "a table"),
        ({"filter": {"words": -1}}, "0 or more"),
        ({"filter": {"flagged": float("nan")}}, "is a score"),
        ({"text_augmentation": {"share": 0.1}}, "text_augmentation.attack is not given"),
        ({"text_augmentation": {"share": 0.1, "attack": "pgd"}}, "no text attack"),
        ({"text_augmentation": {"share": 0.1, "attack": "qwerty", "parameters": {"queries": 9}}}, "asks nobody"),
    ],
)
def test_what_is_wrong_is_told_before_any_training(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        read_recipe({"recipe": "clip-world", **values})


def test_edits_depend_on_seed_epoch_and_id_alone(cards: Dataset) -> None:
    how = TextAugmentation("qwerty", 0.5, {"edit_rate": 0.3})
    queries = [mention.query("cards", ()) for mention in cards.mentions]
    edited = edited_queries(queries, how, 0, 1)
    assert 0.3 < len(edited) / len(queries) < 0.7
    assert edited == edited_queries(queries, how, 0, 1)
    assert {queries[place].id: query for place, query in edited.items() if place >= 40} == {
        query.id: query for query in edited_queries(queries[40:], how, 0, 1).values()
    }
    assert edited != edited_queries(queries, how, 0, 2)
    assert all(query.text != queries[place].text and "card" in query.text for place, query in edited.items())
    assert edited_queries(queries, TextAugmentation("qwerty", 1.0), 0, 1).keys() == set(range(len(queries)))


def test_a_dual_encoder_reads_the_edited_texts_of_the_epoch(cards: Dataset, recipe: DualEncoderRecipe) -> None:
    recipe = replace(recipe, text_augmentation=TextAugmentation("qwerty", 0.5))
    trainee = DualEncoderTrainee.prepare([cards], recipe, None)
    mentions = [mention for mention in cards.mentions if mention.split == "train"]
    edited = edited_queries([mention.query("cards", ()) for mention in mentions], recipe.text_augmentation, recipe.seed, 2)
    data = trainee._with_edited_texts(2)
    text_of = {row: text for text, row in data.bank.row.items()}
    for place, mention in enumerate(mentions):
        read = edited.get(place, mention.query("cards", ()))
        assert text_of[int(data.train.text[place])] == query_text(read, "both")
        alone = trainee.encoder.bank([query_text(read, "both")])
        assert data.bank.ids[data.train.text[place]].tolist() == alone.ids[0].tolist()
    assert trainee._with_edited_texts(1).train.text.tolist() != data.train.text.tolist()
    nothing = replace(trainee.recipe, text_augmentation=TextAugmentation("qwerty", 1e-9))
    assert len(DualEncoderTrainee.prepare([cards], nothing, None)._with_edited_texts(1).bank.ids) == len(trainee.data.bank.ids)


def test_a_feature_mapper_is_asked_about_the_edited_texts(cards: Dataset, opt_folder: Path) -> None:
    few = replace(cards, mentions=tuple(mention for mention in cards.mentions if mention.split == "train")[::6])
    recipe = FeatureMapperRecipe(language_model=str(opt_folder), demos=0, batch_size=4)
    how = TextAugmentation("qwerty", 1.0)
    trainee = FeatureMapperTrainee([few], replace(recipe, text_augmentation=how))
    batch = next(iter(trainee.batches(1)))
    loss = sum(part.item() for part in trainee.loss(batch, 1, 0))
    edited = edited_queries([mention.query("cards", None) for mention in few.mentions], how, 0, 1)
    texts = [edited[place].text for place in range(len(few.mentions))]
    by_hand = tuple(replace(mention, text=text) for mention, text in zip(few.mentions, texts, strict=True))
    other = FeatureMapperTrainee([replace(few, mentions=by_hand)], recipe)
    assert loss == pytest.approx(sum(part.item() for part in other.loss(batch, 1, 0)))

"""Detectors: what each finds where the truth is known, and what holds for all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import robustmel as rm
from robustmel.defences.detectors import DETECTORS
from robustmel.defences.detectors.neighbours import Neighbours
from robustmel.defences.detectors.onion import ONION, without_a_word
from robustmel.defences.detectors.perplexity import log_perplexities
from robustmel.defences.detectors.representations import embedded
from robustmel.defences.detectors.spectral import SpectralSignatures
from robustmel.errors import UsageError
from robustmel.types import Mention


@pytest.fixture(scope="module")
def data() -> rm.Dataset:
    """Forty training mentions of four entities, an empty text and an entity with one record."""
    whole = rm.load_dataset("world-news", "train")
    names = list(dict.fromkeys(mention.gold for mention in whole))[:4]
    records = [mention for name in names for mention in [m for m in whole if m.gold == name][:10]]
    alone = next(mention for mention in whole if mention.gold not in names)
    return replace(whole, mentions=(*records, replace(records[0], id="empty", text="", span=None), alone))


@pytest.mark.parametrize("name", DETECTORS)
def test_scores_belong_to_the_records_whatever_their_order(name: str, data: rm.Dataset) -> None:
    detector = DETECTORS.create(name)
    scores = detector.scores(data.mentions, data.kb)
    order = np.random.default_rng(0).permutation(len(data))
    shuffled = detector.scores([data.mentions[place] for place in order], data.kb)
    assert scores.shape == (len(data),)
    assert np.isfinite(scores[:40]).all()
    assert np.isnan(scores[40])  # nothing can be said of an empty text
    np.testing.assert_allclose(shuffled, scores[order], atol=1e-5)


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_names_its_paper_and_its_files(name: str) -> None:
    assert "et al., " in str(DETECTORS.load(name).__doc__).splitlines()[0]
    assert all(path.is_file() for path in DETECTORS.load(name).assets(**DETECTORS.parameters(name)))


def test_a_perplexity_counts_every_token_once_and_no_padding(opt_folder: Path) -> None:
    from transformers import AutoTokenizer, OPTForCausalLM

    texts = ["a", "a flag of it on a table", "What does it mean?", ""]
    tokenizer, network = AutoTokenizer.from_pretrained(opt_folder), OPTForCausalLM.from_pretrained(opt_folder).eval()
    known = log_perplexities(texts, str(opt_folder), "cpu")
    for text, mean in zip(texts[:3], known, strict=False):
        ids = [tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]
        with torch.no_grad():
            chances = network(torch.tensor([ids])).logits[0].log_softmax(-1)
        assert mean == pytest.approx(-np.mean([chances[place, token].item() for place, token in enumerate(ids[1:])]), rel=1e-4)
    assert np.isnan(known[3])


def test_a_word_takes_one_space_with_it_and_the_mention_stays() -> None:
    record = Mention("1", "Q1", "Paris", "The Paris  walls, old", (4, 9))
    assert without_a_word(record) == ["Paris  walls, old", "The Paris , old", "The Paris  walls,"]
    assert without_a_word(Mention("2", "Q1", "Paris", "Paris", (0, 5))) == []


def test_onion_finds_the_record_with_a_strange_word(data: rm.Dataset) -> None:
    strange = replace(data.mentions[3], text=data.mentions[3].text.replace(" ", " xqzvk ", 1), span=None)
    scores = ONION().scores([*data.mentions[:3], strange, *data.mentions[4:40]], data.kb)
    assert int(np.nanargmax(scores)) == 3


def test_neighbours_find_the_record_with_another_label(data: rm.Dataset) -> None:
    records = list(data.mentions[:40])
    records[5] = replace(records[5], gold=records[39].gold)
    scores = Neighbours(k=5).scores(records, data.kb)
    assert scores[5] == 1.0
    assert np.delete(scores, 5).mean() < 0.2


def test_neighbours_abstain_on_an_entity_with_one_record(data: rm.Dataset) -> None:
    assert np.isnan(Neighbours().scores(data.mentions, data.kb)[-1])
    with pytest.raises(UsageError, match="at least 1"):
        Neighbours(k=0)


def test_spectral_signatures_are_projections_on_the_first_principal_component(data: rm.Dataset) -> None:
    records = data.mentions[:10]
    vectors = embedded(records, data.kb, "clip-world", "text").astype(np.float64)
    values, axes = np.linalg.eigh(np.cov(vectors.T))
    expected = ((vectors - vectors.mean(0)) @ axes[:, -1]) ** 2
    np.testing.assert_allclose(SpectralSignatures().scores(records, data.kb), expected, rtol=1e-6)
    assert values[-1] == pytest.approx(expected.sum() / 9)
    assert np.isnan(SpectralSignatures().scores(records[:2], data.kb)).all()


def test_images_are_compared_as_well_and_what_embeds_nothing_is_refused(data: rm.Dataset) -> None:
    records = [*data.mentions[:12], replace(data.mentions[12], image=None)]
    scores = SpectralSignatures(side="image").scores(records, data.kb)
    assert np.isfinite(scores[:10]).all()
    assert np.isnan(scores[12])
    with pytest.raises(UsageError, match="dual encoder"):
        Neighbours(encoder="copy-surface").scores(records, data.kb)

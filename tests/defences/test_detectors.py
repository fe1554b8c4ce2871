"""Detectors: what each finds where the truth is known, and what holds for all of them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import robustmel as rm
from robustmel.defences.context_profiles import context
from robustmel.defences.detectors import DETECTORS
from robustmel.defences.detectors.comparing import OneReplaced
from robustmel.defences.detectors.context_profile import ContextProfile
from robustmel.defences.detectors.image_text import ImageTextMismatch
from robustmel.defences.detectors.incongruence import Incongruence
from robustmel.defences.detectors.masked_lm import MaskedLMSurprise, word_surprises
from robustmel.defences.detectors.neighbours import Neighbours
from robustmel.defences.detectors.onion import ONION, without_a_word
from robustmel.defences.detectors.perplexity import log_perplexities
from robustmel.defences.detectors.representations import embedded
from robustmel.defences.detectors.spectral import SpectralSignatures
from robustmel.defences.detectors.view_disagreement import ViewDisagreement
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
    assert detector.scores([], data.kb).shape == (0,)


class LongerThanTheOthers:
    def scores(self, records: list[Mention], kb: object) -> np.ndarray:  # type: ignore[type-arg]
        lengths = np.array([len(record.text) for record in records])
        return (len(records) * lengths - lengths.sum()).astype(np.float64)


@pytest.mark.parametrize("name", [*(name for name in DETECTORS if not hasattr(DETECTORS.load(name), "by_record")), ""])
def test_a_record_in_place_of_another_scores_as_it_does_in_the_whole(name: str, data: rm.Dataset) -> None:
    detector = DETECTORS.create(name) if name else LongerThanTheOthers()
    records = {mention.id: mention for mention in (*data.mentions[4:14], data.mentions[40])}
    few = list(records.values())
    replacing = [
        (few[0].id, replace(few[0], text=f"Nobody saw {few[0].surface} win.", span=None)),
        (few[7].id, replace(few[7], text=few[2].text, span=None)),
        (few[1].id, replace(few[1], gold=few[7].gold)),
    ]
    told = OneReplaced(detector, records, data.kb).scores(replacing)
    whole = [detector.scores(list((records | {item: record}).values()), data.kb) for item, record in replacing]
    np.testing.assert_allclose(
        told, [scores[few.index(records[item])] for scores, (item, _) in zip(whole, replacing, strict=True)], rtol=1e-4
    )
    assert np.isfinite(told[:2]).all()


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_names_its_paper_and_its_files(name: str) -> None:
    kind = DETECTORS.load(name)
    assert re.search(r"\(.+, \d{4}\)\.$", str(kind.__doc__).splitlines()[0])
    if name != "context-profile":  # which reads no files
        assert all(path.is_file() for path in kind.assets(**DETECTORS.parameters(name)))


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


def test_a_profile_is_made_of_the_other_records_alone() -> None:
    texts = ["Paris wins the cup", "Paris wins a race", "A race in Paris", "Rome loses the vote", "Rome loses the vote"]
    golds = ["p", "p", "p", "r", "r"]
    records = [
        Mention(str(place), gold, text.split()[0] if gold == "r" else "Paris", text)
        for place, (gold, text) in enumerate(zip(golds, texts, strict=True))
    ]
    assert context(records[2].query("", None)) == {"race": 1}
    scores = ContextProfile(prior=2.0, fewest=3).scores(records, None)  # type: ignore[arg-type]
    # the first: "wins" and "cup"; others: wins race race loses vote loses vote; of the entity: wins race race; six kinds with the unmet
    background = {"wins": (1 + 1) / (7 + 6), "cup": (0 + 1) / (7 + 6)}
    chances = [(1 + 2 * background["wins"]) / (3 + 2), (0 + 2 * background["cup"]) / (3 + 2)]
    assert scores[0] == pytest.approx(-np.log(chances).mean())
    assert scores[1] < scores[0]
    assert np.isnan(scores[3:]).all()
    with pytest.raises(UsageError, match="at least 2"):
        ContextProfile(fewest=1)


def test_views_disagree_by_the_symmetric_divergence_from_the_mean_of_the_others(data: rm.Dataset) -> None:
    records = data.mentions[:5]
    linker: Any = rm.load_linker("clip-world", data, device="cpu")
    table = linker.scores([record.query("", None) for record in records], "T2T").double() * linker.logit_scale
    chances = table.softmax(1).numpy()
    others = [np.delete(chances, place, 0).mean(0) for place in range(5)]
    entropy = pytest.importorskip("scipy.stats").entropy
    expected = [(entropy(own, rest) + entropy(rest, own)) / 2 for own, rest in zip(chances, others, strict=True)]
    np.testing.assert_allclose(ViewDisagreement().scores(records, data.kb), expected, rtol=1e-6)


def test_views_tell_the_record_with_another_label(data: rm.Dataset) -> None:
    records = list(data.mentions[:40])
    records[5] = replace(records[5], gold=records[39].gold)
    assert int(np.argmax(ViewDisagreement().scores(records, data.kb))) == 5
    with pytest.raises(UsageError, match="no scores for I2T"):
        ViewDisagreement(linker="gemel-news", task="I2T").scores(records, data.kb)


def test_a_sentence_beside_the_image_of_another_entity_does_not_go_with_it(data: rm.Dataset) -> None:
    swapped = [replace(one, image=other.image) for one, other in zip(data.mentions[:10], data.mentions[10:20], strict=True)]
    own, others = (ImageTextMismatch().scores(records, data.kb) for records in (data.mentions[:10], swapped))
    assert (others > own).sum() >= 9


def test_incongruence_is_the_mean_rank_of_those_that_say_something(data: rm.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        ContextProfile: [1.0, np.nan, 3.0, np.nan],
        MaskedLMSurprise: [5.0, 5.0, 7.0, np.nan],
        ImageTextMismatch: [0.0, 9.0, 4.0, np.nan],
    }
    for kind, scores in told.items():
        step = "compared" if kind is ContextProfile else "scores"
        monkeypatch.setattr(kind, step, lambda self, *given, scores=scores: np.array(scores))
    made = Incongruence().scores(data.mentions[:4], data.kb)
    np.testing.assert_allclose(made, [(0 + 0.25 + 0) / 3, (0.25 + 1) / 2, (1 + 1 + 0.5) / 3, np.nan])


def test_masked_surprise_is_that_of_each_token_masked_alone() -> None:
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    from robustmel.attacks.text.masked_lm import masked_lm
    from robustmel.linkers.weights import model_folder

    folder = model_folder("world:mlm-world")
    tokenizer, network = AutoTokenizer.from_pretrained(folder), AutoModelForMaskedLM.from_pretrained(folder).eval()
    texts = ["On Friday a Rwanda flag was hoisted.", "Ministers return", ""]
    for text, tokens in zip(texts, masked_lm("world:mlm-world").token_log_probabilities(texts), strict=True):
        ids = tokenizer(text)["input_ids"]
        inner = range(1, len(ids) - 1)
        assert "".join(text[start:end] for start, end, _ in tokens).replace(" ", "") == text.replace(" ", "")
        for place, (_, _, value) in zip(inner, tokens, strict=True):
            masked = torch.tensor([[*ids[:place], tokenizer.mask_token_id, *ids[place + 1 :]]])
            with torch.no_grad():
                expected = network(masked).logits[0, place].log_softmax(-1)[ids[place]].item()
            assert value == pytest.approx(expected, abs=1e-4)


def test_a_word_is_as_surprising_as_its_tokens_on_average_and_the_mention_is_not_asked_about() -> None:
    record = Mention("1", "Q1", "Paris", "The Paris walls", (4, 9))
    tokens = [(0, 3, -1.0), (3, 9, -50.0), (9, 12, -2.0), (12, 15, -4.0)]
    assert word_surprises(record, tokens) == [1.0, 3.0]
    strange = MaskedLMSurprise().scores(
        [Mention("1", "Q1", "Rwanda", f"On {day} a Rwanda flag was hoisted.") for day in ("Friday", "qjxzkvw", "Monday")],
        None,  # type: ignore[arg-type]
    )
    assert int(np.argmax(strange)) == 1


@pytest.mark.parametrize("name", ["context-profile", "neighbours", "spectral", "view-disagreement"])
def test_records_about_nothing_are_no_entity_of_their_own(name: str, data: rm.Dataset) -> None:
    nil = [replace(record, gold=None) if place < 10 else record for place, record in enumerate(data.mentions)]
    scores = DETECTORS.create(name).scores(nil, data.kb)
    assert np.isnan(scores[:10]).all()
    assert np.isfinite(scores[10:40]).all()

"""Words for images: from the very image that is linked, and nothing of them where it cannot be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import robustmel as rm
from robustmel.defences.retlink.retlink import RetLink
from robustmel.defences.retlink.word_tagger import WORDS, WordTagger, visible_words
from robustmel.errors import UsageError
from robustmel.images import decode


def test_the_vocabulary_is_what_can_be_seen_each_word_once() -> None:
    words = visible_words()
    assert len(words) == len(set(words)) > 300
    assert all(word.isalpha() and word.islower() for word in words)
    assert {"red", "stripes", "lion", "tower", "goalkeeper"} <= set(words)


def test_images_are_described_by_their_pixels_and_a_broken_one_by_its_fault() -> None:
    data = rm.load_dataset("world-news", "test")
    linker: Any = rm.load_linker("clip-world", data, device="cpu")
    queries = [mention.query(data.name, mention.candidates) for mention in data.mentions[:3]]
    tagger = WordTagger("clip-world")
    seen = tagger.of_images(queries)
    assert all(len(words.words) == WORDS for words in seen)
    pixels = torch.from_numpy(decode(queries[0].image)).permute(2, 0, 1)[None].float().div(255)  # type: ignore[arg-type]
    assert tagger.of_pixels(pixels, queries[:1]) == seen[:1]
    vocabulary = visible_words()
    texts = linker.embed_texts([f"a photo of {word}" for word in vocabulary])
    image = torch.nn.functional.normalize(linker.image_features(linker.model, linker.preprocessing(pixels)), dim=-1)
    nearest = (image @ texts.T)[0].topk(WORDS).indices.tolist()
    assert set(seen[0].words) == {vocabulary[place] for place in nearest}
    defended = RetLink(data.kb, descriptors="clip-world").defend(linker)
    assert torch.allclose(defended.logits(pixels, queries[:1]), defended.scores(queries[:1], "I2T"), atol=1e-5)
    (answer,) = defended.link([replace(queries[0], image=Path("none.png"))], "I2T")
    assert answer.error is not None


def test_who_cannot_describe_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot describe images"):
        WordTagger("copy-surface")

"""What kind of text stands around a mention: its type, topic and sentiment, as far as a sentence encoder can tell."""

import tomllib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from robustmel.defences.context_profiles import Context, context
from robustmel.linkers.sentence_encoder import kept_tower
from robustmel.linkers.text_tower import TextTower
from robustmel.linkers.weights import weight_files
from robustmel.types import Query

LABELS = Path(__file__).with_name("context_labels.toml")
"""The labels of each facet, and the sentence that a text of it resembles."""

TEMPERATURE = 0.05
"""Of the softmax over the cosines of a facet's labels."""


def contexts(queries: Sequence[Query], encoder: str = "") -> list[Context]:
    """What is around each mention: its words (see `context`), or with a sentence encoder its labels.

    A label counts by its share in [0, 1], which the encoder gives it among those of its facet: the softmax of the cosines between the
    text and each label's description. A text with no word beside its mention has none.

    Raises:
        MissingError: The encoder is not there.

    Source:
        Yin et al., "Benchmarking Zero-shot Text Classification", EMNLP 2019, for labels by their descriptions; the facets are those of
        Maley & Jadhav, "Poisoning attempts on Multimodal Entity Linking model", 2024, the labels are this project's.
    """
    words = [context(query) for query in queries]
    if not encoder or not any(words):
        return words
    shares = label_shares(kept_tower(encoder), [query.text for query in queries])
    names = [f"{facet}: {label}" for facet, labels in facets().items() for label in labels]
    return [
        Counter(cast(Any, dict(zip(names, row, strict=True)))) if own else Counter()
        for own, row in zip(words, shares, strict=True)
    ]


def label_assets(encoder: str) -> tuple[Path, ...]:
    """The files that decide the labels: those of the encoder and the descriptions; none for "", which looks at words."""
    return (*weight_files(encoder), LABELS) if encoder else ()


def label_shares(tower: TextTower, texts: Sequence[str]) -> list[list[float]]:
    """For each text a share of every label, facet by facet; those of one facet add up to 1."""
    vectors = _unit(tower.embed(texts))
    of_facets = [
        torch.softmax(vectors @ _unit(tower.embed(list(labels.values()))).T / TEMPERATURE, 1) for labels in facets().values()
    ]
    return torch.cat(of_facets, 1).tolist()


@lru_cache(maxsize=1)
def facets() -> dict[str, dict[str, str]]:
    """Facet -> label -> description."""
    return tomllib.loads(LABELS.read_text("utf-8"))


def _unit(vectors: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vectors.double().cpu(), dim=1)

"""Which two words one word may stand for: by their parts of speech, or by lists of function words where no tagger is named."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from robustmel.attacks.text.masked_lm import modified
from robustmel.attacks.text.words import STOP_WORDS, Span, words
from robustmel.errors import UsageError
from robustmel.linkers.loading import check_complete, load_text_model, pick_device
from robustmel.linkers.weights import model_folder

MERGED = {
    "NOUN": {"NOUN"},
    "ADJ": {"NOUN", "NUM", "ADJ", "ADV"},
    "ADV": {"ADJ", "VERB"},
    "VERB": {"ADV", "VERB", "NOUN", "ADJ"},
    "DET": {"NOUN", "ADJ"},
    "PRON": {"NOUN", "ADJ"},
    "NUM": {"NUM", "NOUN"},
}
"""Universal tag of a word -> tags of the next one with which it may be merged, as in CLARE's code."""

DETERMINERS = frozenset(
    """a all an any both each every her his its my no our own some such that the their these this those your""".split()  # noqa: SIM905
)
"""English determiners and possessives: what may be merged with an adjective or a noun."""


def by_closed_classes(first: str, second: str) -> bool:
    """Whether English grammar may see one phrase in two words: a determiner or an open word before an open word.

    It stands in for a tagger, knows function words alone, and lets pass what only a tagger would refuse ("minister said").
    """
    first, second = first.casefold(), second.casefold()
    return (first not in STOP_WORDS or first in DETERMINERS) and second not in STOP_WORDS and any(map(str.isalpha, second))


class Tagger:
    """A token classifier of the transformers library whose labels are universal parts of speech.

    Args:
        network: Of the kind that `AutoModelForTokenClassification` loads.
        tokenizer: Of the library, a fast one.

    Raises:
        UsageError: Its labels are others.
    """

    def __init__(self, network: Any, tokenizer: Any) -> None:
        self.labels = {int(index): str(label).upper() for index, label in network.config.id2label.items()}
        if not {"NOUN", "VERB", "DET"} <= set(self.labels.values()):
            raise UsageError(
                f"a tagger with the labels {', '.join(list(self.labels.values())[:4])} is none of universal parts of speech."
            )
        self.network, self.tokenizer = network.eval().requires_grad_(False), tokenizer

    @torch.no_grad()
    def tags(self, text: str) -> dict[Span, str]:
        """Span of a word -> the tag of its first token; words beyond what the model reads have none. Each text is read alone."""
        read = self.tokenizer(text, truncation=True, return_offsets_mapping=True, return_tensors="pt")
        starts = {
            start: place
            for place, (start, end) in reversed(list(enumerate(read.pop("offset_mapping")[0].tolist())))
            if end > start
        }
        best = self.network(**read.to(self.network.device)).logits[0].argmax(-1).tolist()
        # A byte-level token may begin with the blank before its word.
        places = {span: starts.get(span[0], starts.get(span[0] - 1)) for span in words(text)}
        return {span: self.labels[best[place]] for span, place in places.items() if place is not None}


def tagger(model: str) -> Tagger:
    """The tagger of a folder, a hub id, or `world:NAME`, loaded once for each state that its folder is in.

    Raises:
        MissingError: It is not there, not complete or unreadable.
        UsageError: Its labels are no universal parts of speech.
    """
    folder = model_folder(model)
    return _loaded(model, folder, modified(folder))


@lru_cache(maxsize=1)
def _loaded(model: str, folder: Path, changed: int) -> Tagger:
    network, tokenizer, report = load_text_model(model, folder, "AutoModelForTokenClassification", " as a tagger")
    check_complete(report, model, type(network).__name__)
    return Tagger(network.to(pick_device("auto")), tokenizer)

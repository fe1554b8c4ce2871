"""How much of an edit a reader might notice: similarity, perplexity and errors of texts before and after."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from torch.nn.functional import cosine_similarity

from robustmel.defences.detectors.perplexity import log_perplexities
from robustmel.linkers.sentence_encoder import kept_tower
from robustmel.linkers.weights import weight_files
from robustmel.poisoning.language_tool import LanguageTool
from robustmel.poisoning.provenance import Poisoned

BATCH = 256
"""Records measured together."""


@dataclass(frozen=True)
class Stealth:
    """What is measured of edited texts.

    Args:
        encoder: A sentence encoder, for the similarity: a folder, a hub id or `world:NAME`; "" measures none.
        language_model: A causal language model, for the perplexity: the same.
        grammar: A LanguageTool server, for errors of language; None counts none.
    """

    encoder: str = ""
    language_model: str = ""
    grammar: LanguageTool | None = None

    def assets(self) -> tuple[Path, ...]:
        """The files of both models; raises MissingError where one is absent."""
        return tuple(file for model in (self.encoder, self.language_model) if model for file in weight_files(model))

    def measures(self, pairs: Sequence[tuple[str, str]]) -> list[dict[str, float]]:
        """One dictionary a pair of a clean and an edited text.

        `similarity` is the cosine of the texts, as far as the encoder reads them, in [-1, 1]. `perplexity` is how many times as high as that of the clean text the
        edited text's is; it is left out where one of them has no token. `added_errors` and `added_typos` are how many more errors, and
        misspellings among them, LanguageTool finds in the edited text (fewer: below 0); they are left out where it will not check one.

        Source:
            Morris et al., "Reevaluating Adversarial Examples in Natural Language", Findings of EMNLP 2020.
        """
        measured: list[dict[str, float]] = [{} for _ in pairs]
        if self.encoder and pairs:
            tower = kept_tower(self.encoder)
            tower.forget()  # what was embedded before is of no use again
            before, after = (tower.embed([pair[side] for pair in pairs]) for side in (0, 1))
            for values, cosine in zip(measured, cosine_similarity(before, after).tolist(), strict=True):
                values["similarity"] = cosine
        if self.language_model and pairs:
            surprise = log_perplexities([text for pair in pairs for text in pair], self.language_model)
            for values, change in zip(measured, surprise[1::2] - surprise[::2], strict=True):
                if not math.isnan(change):
                    values["perplexity"] = math.exp(change)
        if self.grammar and pairs:
            found = self.grammar.errors([text for pair in pairs for text in pair])
            for values, clean, edited in zip(measured, found[::2], found[1::2], strict=True):
                if clean is not None and edited is not None:
                    values |= {"added_errors": edited.errors - clean.errors, "added_typos": edited.typos - clean.typos}
        return measured

    def added_to(self, records: Iterable[Poisoned]) -> Iterator[Poisoned]:
        """The same records, those that changed with these measures in their provenance."""
        waiting = iter(records)
        while batch := list(islice(waiting, BATCH)):
            changed = [record for record in batch if record.clean.text != record.poisoned.text]
            pairs = [(record.clean.text, record.poisoned.text) for record in changed]
            for record, values in zip(changed, self.measures(pairs), strict=True):
                record.provenance["measures"] |= values
            yield from batch

"""Records for which a linker believes something else than for the other records of their entity."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from robustmel.defences.detectors.comparing import Comparing, of_labels
from robustmel.defences.detectors.contract import Suspicion
from robustmel.defences.detectors.representations import encoder_files, loaded, modified
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.types import Mention, Task

BATCH = 64


@dataclass(frozen=True)
class ViewDisagreement(Comparing):
    """Scores a record by how far a linker's beliefs about it are from those about its entity's other records (Liang et al., 2021).

    The records of an entity are taken as views of it. Beliefs are a softmax over all entities at the linker's temperature; the score is
    the symmetric Kullback-Leibler divergence from the mean belief of the other records.

    Args:
        linker: Whose beliefs: one by name that scores every entity; it should have been trained on data that one trusts.
        task: What it reads of a record: "T2T", "I2T" or "IT2T".

    Source:
        Liang et al., "R-Drop: Regularized Dropout for Neural Networks", NeurIPS 2021, equation 2, for the divergence.
    """

    linker: str = "clip-world"
    task: Task = "T2T"

    version: ClassVar[int] = 2

    @classmethod
    def assets(cls, linker: str, **others: Any) -> tuple[Path, ...]:
        """The files of the linker."""
        return encoder_files(linker)

    def readings(self, records: Sequence[Mention], kb: KnowledgeBase) -> Any:
        """float64 (N, C) log-probabilities of the entities; NaN for a record without a text (T2T, IT2T) or an image (I2T, IT2T).

        Raises:
            UsageError: The linker does not score, or not this task; or there are no entities.
            ImageError: An image cannot be used.
        """
        linker = loaded(self.linker, kb, modified(self.linker))
        if self.task not in linker.tasks or not hasattr(linker, "scores"):
            raise UsageError(f'linker = "{self.linker}" gives no scores for {self.task}; name another, such as "clip-world".')
        if not len(kb):
            raise UsageError("detector view-disagreement compares beliefs about entities, and the knowledge base has none.")
        usable = [
            place
            for place, record in enumerate(records)
            if (self.task == "I2T" or record.text.strip()) and (self.task == "T2T" or record.image is not None)
        ]
        queries = [records[place].query("", None) for place in usable]
        beliefs = np.full((len(records), len(kb)), np.nan)
        for start in range(0, len(queries), BATCH):
            scores = linker.scores(queries[start : start + BATCH], self.task)
            chances = torch.log_softmax(scores.double() * linker.logit_scale, 1)
            beliefs[usable[start : start + BATCH]] = chances.numpy(force=True)
        return beliefs

    def compared(self, readings: Any, labels: Sequence[str | None], places: Sequence[int]) -> Suspicion:
        """At least 0; NaN for the only record of an entity, and for one without beliefs."""
        usable, suspicion = np.flatnonzero(np.isfinite(readings).all(1)).tolist(), np.full(len(labels), np.nan)
        for alike in of_labels(labels, usable, places):
            if len(alike) > 1:
                suspicion[alike] = _from_the_others(readings[alike])
        return suspicion[list(places)]


def _from_the_others(beliefs: Suspicion) -> Suspicion:
    """The symmetric divergence of each row of log-probabilities (n, C) from the mean of the others: (n,)."""
    chances = np.exp(beliefs)
    others = (chances.sum(0) - chances).clip(1e-300) / (len(beliefs) - 1)
    divergence: Suspicion = ((chances - others) * (beliefs - np.log(others))).sum(1) / 2
    return divergence

"""Records for which a linker believes something else than for the other records of their entity."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from robustmel.defences.detectors.contract import Suspicion
from robustmel.defences.detectors.representations import encoder_files
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.types import Mention, Task

BATCH = 64


@dataclass(frozen=True)
class ViewDisagreement:
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

    version: ClassVar[int] = 1

    @classmethod
    def assets(cls, linker: str, **others: Any) -> tuple[Path, ...]:
        """The files of the linker."""
        return encoder_files(linker)

    def scores(self, records: Sequence[Mention], kb: KnowledgeBase) -> Suspicion:
        """At least 0; NaN for the only record of an entity, and for one without a text (T2T, IT2T) or an image (I2T, IT2T).

        Raises:
            UsageError: The linker does not score, or not this task.
            ImageError: An image cannot be used.
        """
        linker: Any = LINKERS.create(self.linker, kb)
        if self.task not in linker.tasks or not hasattr(linker, "scores"):
            raise UsageError(f'linker = "{self.linker}" gives no scores for {self.task}; name another, such as "clip-world".')
        groups: defaultdict[str | None, list[int]] = defaultdict(list)
        for place, record in enumerate(records):
            if (self.task == "I2T" or record.text.strip()) and (self.task == "T2T" or record.image is not None):
                groups[record.gold].append(place)
        usable = [place for places in groups.values() if len(places) > 1 for place in places]
        queries = [records[place].query("", None) for place in usable]
        parts = [linker.scores(queries[start : start + BATCH], self.task) for start in range(0, len(queries), BATCH)]
        suspicion = np.full(len(records), np.nan)
        if parts:
            beliefs = torch.log_softmax(torch.cat(parts).double() * linker.logit_scale, 1).numpy(force=True)
            row = {place: number for number, place in enumerate(usable)}
            for places in (places for places in groups.values() if len(places) > 1):
                suspicion[places] = _from_the_others(beliefs[[row[place] for place in places]])
        return suspicion


def _from_the_others(beliefs: Suspicion) -> Suspicion:
    """The symmetric divergence of each row of log-probabilities (n, C) from the mean of the others: (n,)."""
    chances = np.exp(beliefs)
    others = (chances.sum(0) - chances).clip(1e-300) / (len(beliefs) - 1)
    divergence: Suspicion = ((chances - others) * (beliefs - np.log(others))).sum(1) / 2
    return divergence

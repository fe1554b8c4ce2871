"""Leaves out the training records that a detector finds most suspicious."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from robustmel.datasets.dataset import Dataset
from robustmel.defences.detectors import DETECTORS
from robustmel.training.recipe_defences import RecordFilter


def without_suspicious(datasets: Sequence[Dataset], chosen: RecordFilter) -> tuple[list[Dataset], Counter[str]]:
    """The data sets without the most suspicious share of their training records, and how many were left out.

    Records with which the detector abstains stay. Of equally suspicious ones the first are left out.
    """
    kept, remarks = [], Counter[str]()
    detector = DETECTORS.create(chosen.detector, **chosen.parameters)
    for dataset in datasets:
        train = [mention for mention in dataset.mentions if mention.split in ("train", None)]
        scores = np.asarray(detector.scores(train, dataset.kb), dtype=np.float64)
        most = np.argsort(-scores, kind="stable")[: math.floor(chosen.share * len(train) + 1e-9)]
        out = {train[place].id for place in most.tolist() if not np.isnan(scores[place])}
        remarks[f"training records left out as suspicious ({chosen.detector})"] += len(out)
        kept.append(replace(dataset, mentions=tuple(mention for mention in dataset.mentions if mention.id not in out)))
    return kept, remarks

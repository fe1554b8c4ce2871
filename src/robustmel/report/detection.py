"""How well detectors find poisoned training records."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustmel.datasets.dataset import Dataset
from robustmel.defences.detectors import DETECTORS
from robustmel.defences.detectors.contract import Suspicion
from robustmel.errors import MissingError, RobustMELError
from robustmel.records.json_lines import read_lines
from robustmel.records.load_report import LoadReport
from robustmel.registry import Component
from robustmel.report.statistics.roc import detection
from robustmel.types import Mention

FALSE_ALARMS = 0.05
"""Share of the clean records that may be flagged."""


def suspicion(detector: Component, records: Sequence[Mention], dataset: Dataset) -> Suspicion:
    """A detector's scores of some records of a data set.

    Raises:
        RobustMELError: It gave another number of scores.
    """
    scores = np.asarray(DETECTORS.create(detector.name, **detector.params).scores(records, dataset.kb), dtype=np.float64)
    if scores.shape != (len(records),):
        raise RobustMELError(f"detector {detector.title} gave scores of shape {scores.shape} for {len(records)} records.")
    return scores


def detect(
    detectors: Sequence[Component], records: Sequence[Mention], dataset: Dataset, poisoned: Mapping[str, bool] | None
) -> tuple[list[dict[str, Any]], dict[str, Suspicion]]:
    """One row of figures a detector, and the scores behind them.

    Raises:
        MissingError: A record is not listed, or all are of one kind.
    """
    changed = None if poisoned is None else _changed(records, poisoned)
    cluster = np.unique([str(record.gold) for record in records], return_inverse=True)[1]
    rows, scores = [], {}
    for detector in detectors:
        began = time.perf_counter()
        own = suspicion(detector, records, dataset)
        row: dict[str, Any] = {"detector": detector.title, "records": len(records)}
        row |= {"abstained": int(np.isnan(own).sum()), "seconds": time.perf_counter() - began}
        row["flagged"] = _reached_by(own if changed is None else own[~changed], FALSE_ALARMS)
        if changed is not None:
            made = detection(own, changed, cluster, FALSE_ALARMS)
            row |= {"poisoned": int(changed.sum()), "auc": made.auc, "auc_interval": made.auc_interval}
            row |= {"found": made.found, "found_interval": made.found_interval, "false_alarms": FALSE_ALARMS}
        rows.append(row)
        scores[detector.title] = own
    return rows, scores


def _reached_by(scores: Suspicion, share: float) -> float | None:
    """The least score that no more than this share of the records reach; None where no score that is a number is so high."""
    if not len(scores):
        return None
    ranked = np.sort(np.where(np.isnan(scores), -np.inf, scores))
    last = ranked[-1 - int(share * len(ranked))]
    return float(np.nextafter(last, np.inf)) if np.isfinite(last) else None


def read_changed(provenance: Path) -> dict[str, bool]:
    """Record id -> whether it was changed, from the provenance.jsonl of a poisoned data set.

    Raises:
        MissingError: A line is not as `robustmel poison` writes it.
    """
    changed = {}
    for place, record in read_lines(provenance, LoadReport("jsonl")):
        name, was_changed = record.get("id"), record.get("changed")
        if not isinstance(name, str) or not isinstance(was_changed, bool):
            raise MissingError(f'{place}: no "id" and "changed"; robustmel poison writes both.')
        changed[name] = was_changed
    return changed


def _changed(records: Sequence[Mention], poisoned: Mapping[str, bool]) -> NDArray[np.bool_]:
    if unlisted := [record.id for record in records if record.id not in poisoned]:
        raise MissingError(
            f"record {unlisted[0]} is not in provenance.jsonl; the folder must be one that robustmel poison wrote."
        )
    changed = np.array([poisoned[record.id] for record in records], dtype=bool)
    if not changed.any() or changed.all():
        raise MissingError(
            f"{int(changed.sum()):,} of {len(records):,} records are poisoned; a detector is measured on poisoned and clean ones."
        )
    return changed

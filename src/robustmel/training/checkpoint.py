"""A training from data sets, suspicious records left out, to a published checkpoint, and whether it can resume."""

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError

from robustmel.datasets.dataset import Dataset
from robustmel.defences.detectors import DETECTORS
from robustmel.defences.detectors.repair import repaired
from robustmel.errors import MissingError, UsageError
from robustmel.registry import Registry
from robustmel.training.card import RECORD, write_card
from robustmel.training.loop import OnEpoch, OnStep, optimise
from robustmel.training.recipe import Recipe
from robustmel.training.recipe_defences import RecordFilter
from robustmel.training.state import STATE, State, read_state, remove_unfinished, write_state
from robustmel.training.trainee import CandidateLists, Trainee, kind_of_training

TRAINEES = Registry(
    "kind of training",
    {
        "dual-encoder": "robustmel.training.dual_encoder:DualEncoderTrainee",
        "gemel": "robustmel.training.feature_mapper:FeatureMapperTrainee",
        "language-model": "robustmel.training.language_model:LanguageModelTrainee",
        "mllm": "robustmel.training.mllm:MLLMTrainee",
        "masked-language-model": "robustmel.training.masked_language_model:MaskedLanguageModelTrainee",
    },
)
"""What a linker's class may say in `trained_as` -> the `Trainee` that its training is."""

MUST_AGREE = {
    "recipe": "another recipe",
    "datasets": "other data sets",
    "data": "other data",
    "start": "other base weights",
    "tokenizer": "another tokenizer",
}
"""What an interrupted training must share with the one that goes on with it -> how a message calls it where it differs."""


def without_suspicious(datasets: Sequence[Dataset], chosen: RecordFilter) -> tuple[list[Dataset], Counter[str]]:
    """The data sets without the most suspicious share of their training records, or with these mended, and how many there were.

    Records with which the detector abstains stay, and those below `flagged`. Of equally suspicious ones the first are left out.
    """
    kept, remarks = [], Counter[str]()
    detector = DETECTORS.create(chosen.detector, **chosen.parameters)
    for dataset in datasets:
        train = [mention for mention in dataset.mentions if mention.split in ("train", None)]
        scores = np.asarray(detector.scores(train, dataset.kb), dtype=np.float64)
        most = np.argsort(-scores, kind="stable")[: math.floor(chosen.share * len(train) + 1e-9)]
        out = [train[place] for place in most.tolist() if scores[place] >= chosen.flagged]  # which no NaN is
        mended = (
            {record.id: record for record in repaired(out, detector, dataset.kb, chosen.words, train)} if chosen.words else {}
        )
        gone = {record.id for record in out} - mended.keys()
        remarks[f"training records {'repaired' if chosen.words else 'left out'} as suspicious ({chosen.detector})"] += len(out)
        mentions = tuple(mended.get(mention.id, mention) for mention in dataset.mentions if mention.id not in gone)
        kept.append(replace(dataset, mentions=mentions))
    return kept, remarks


@dataclass(frozen=True)
class Checkpoint:
    """What a training came to.

    Args:
        folder: The published checkpoint.
        epochs: Epochs trained.
        best_epoch: The one published.
        accuracies: Data set -> split -> task -> accuracy of the stored weights.
        remarks: What was left out of the data or cut, and how often.
        history: One record per epoch; see `loop.Epoch`.
    """

    folder: Path
    epochs: int
    best_epoch: int
    accuracies: dict[str, dict[str, dict[str, float]]]
    remarks: dict[str, int]
    history: list[dict[str, Any]]


def train(
    datasets: Sequence[Dataset],
    recipe: Recipe,
    out: Path,
    *,
    candidates: CandidateLists | None = None,
    test_candidates: CandidateLists | None = None,
    seed: int | None = None,
    on_epoch: OnEpoch = lambda epoch: None,
    on_step: OnStep = lambda done, of: None,
    device: str = "cpu",
    sources: Sequence[str] | None = None,
) -> Checkpoint:
    """Trains, or goes on with a training that was cut off at any point, and publishes.

    `out` holds the state of the training before anything else, and after every epoch anew; the same call goes on from there,
    and ends with the same bytes as one that was never cut off (same device, number of threads and versions). A finished folder
    is not trained again. Two calls must not write one folder at once: that is for the caller to see to.

    Args:
        datasets: With train and, for early stopping and the choice of the best epoch, validation mentions.
        recipe: Everything that decides the training.
        out: The folder to publish; made if need be.
        candidates: Per data set the candidates of its validation mentions, in order; None (for all or for one) takes the
            mentions' own, and the whole knowledge base where they have none.
        test_candidates: The same for the test mentions, on which the finished weights are measured, where there are any.
        seed: Instead of the recipe's.
        on_epoch: Called after every epoch.
        on_step: Called after every step.
        device: A torch device.
        sources: How the data sets were asked for, for the card; see `card.shown_source`.

    Raises:
        UsageError: The recipe does not fit the family or the data, or `out` holds another training or files of another kind.
        MissingError: Data, weights or disk space are missing.
    """
    recipe = recipe if seed is None else dataclasses.replace(recipe, seed=seed)
    kind, state = kind_of_training(recipe), _state(out)
    used, left_out = without_suspicious(datasets, recipe.filter) if recipe.filter.share else (datasets, {})
    trainee: Trainee = TRAINEES.load(kind).prepare(used, recipe, candidates)
    trainee.remarks.update(left_out)
    identity: dict[str, Any] = {
        "recipe": recipe.to_dict(),
        "datasets": [dataset.name for dataset in datasets],
        **trainee.digests,
    }
    if (out / RECORD).is_file():
        return _finished(out, identity, recipe)
    if state is None:
        state = State(identity)
        write_state(out, state)
    _must_agree(state.identity, identity, out, recipe)
    trainee.model.to(device)
    state = optimise(trainee, recipe, state, out, on_epoch, on_step)
    trainee.model.to("cpu")
    try:
        trainee.publish(out)
    except (OSError, SafetensorError) as problem:
        raise MissingError(
            f"the checkpoint cannot be written to {out}: {problem}. The same command goes on from here."
        ) from problem
    measured: dict[str, dict[str, dict[str, float]]] = {}
    for split, lists in (("validation", candidates), ("test", test_candidates)):
        for dataset, candidate_lists in zip(datasets, lists or [None] * len(datasets), strict=True):
            if accuracy := trainee.measure(out, dataset, split, candidate_lists):
                measured.setdefault(dataset.name, {})[split] = accuracy
    write_card(
        out,
        recipe=recipe.to_dict(),
        kind=kind,
        identity=identity,
        sources=list(sources or identity["datasets"]),
        best_epoch=state.best_epoch,
        accuracies=measured,
        remarks=dict(trainee.remarks),
        parameters=sum(parameter.numel() for parameter in trainee.model.parameters()),
        history=state.history,
    )
    return _finished(out, identity, recipe)


def _state(out: Path) -> State | None:
    """The state of an interrupted training; None for a folder that is absent, empty or finished."""
    remove_unfinished(out)
    state = read_state(out)
    if state is None and out.is_dir() and any(out.iterdir()) and not (out / RECORD).exists():
        raise UsageError(f"{out} is not empty and holds no training; choose another --out; nothing is overwritten.")
    return state


def _finished(out: Path, identity: Mapping[str, Any], recipe: Recipe) -> Checkpoint:
    try:
        record = json.loads((out / RECORD).read_text(encoding="utf-8"))
        _must_agree(record["identity"], identity, out, recipe)
        result = Checkpoint(
            out, len(record["history"]), record["best_epoch"], record["accuracies"], record["remarks"], record["history"]
        )
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise MissingError(f"{out / RECORD} cannot be read: {problem}. Remove the folder to train from scratch.") from problem
    (out / STATE).unlink(missing_ok=True)
    return result


def _must_agree(there: Mapping[str, Any], asked: Mapping[str, Any], out: Path, recipe: Recipe) -> None:
    moving = recipe.to_dict().keys() - recipe.identity().keys()  # where frozen and base models lie: their digests are compared

    def decisive(name: str, value: Any) -> Any:
        return {key: part for key, part in value.items() if key not in moving} if name == "recipe" else value

    for name, value in asked.items():
        if decisive(name, there.get(name, value)) != decisive(name, value):
            raise UsageError(f"{out} holds a training with {MUST_AGREE.get(name, f'another {name}')}; choose another --out.")

"""Training of a dual encoder from data sets to a published folder: the entry point."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustmel.datasets.dataset import Dataset
from robustmel.errors import MissingError, UsageError
from robustmel.training.encoder import DualEncoder, fresh_encoder, loaded_encoder
from robustmel.training.examples import Candidates, material, training_texts
from robustmel.training.loop import Progress, train
from robustmel.training.publish import RECORD, publish, write_card
from robustmel.training.recipe import Recipe
from robustmel.training.state import STATE, State, read_state
from robustmel.training.validation import accuracies


@dataclass(frozen=True)
class TrainingResult:
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


def train_dual_encoder(
    datasets: Sequence[Dataset],
    recipe: Recipe,
    out: Path,
    *,
    candidates: Candidates | None = None,
    test_candidates: Candidates | None = None,
    progress: Progress | None = None,
    device: str = "cpu",
    sources: Sequence[str] | None = None,
) -> TrainingResult:
    """Trains, or goes on with a training that was cut off, and publishes.

    After every epoch the whole state is in `out`; the same call goes on from there, and ends with the same weights as one
    that was never cut off (same device, number of threads and versions). A finished folder is not trained again.

    Args:
        datasets: With train and, for early stopping and the choice of the best epoch, validation mentions.
        recipe: Everything that decides the training.
        out: The folder to publish; made if need be.
        candidates: Per data set the candidates of its validation mentions, in order; None (for all or for one) takes the
            mentions' own, and the whole knowledge base where they have none.
        test_candidates: The same for the test mentions, on which the finished weights are measured, where there are any.
        progress: Called after every epoch.
        device: A torch device.
        sources: How the data sets were asked for, for the card; see `sources.shown_source`.

    Raises:
        UsageError: The recipe does not fit the family or the data, or `out` holds another training.
        MissingError: Data, weights or disk space are missing.
    """
    state = read_state(out)
    began = state is not None or (out / RECORD).is_file()
    encoder = _encoder(datasets, recipe, out if began else None)
    read = material(datasets, recipe, encoder, candidates)
    identity = {
        "recipe": recipe.to_dict(),
        "datasets": [one.name for one in datasets],
        "data": read.digest,
        "start": _weights_digest(encoder) if recipe.base else "",
    }
    if (out / RECORD).is_file():
        return _finished(out, identity)
    if state is not None:
        _must_equal(state.identity, identity, out)
    else:
        out.mkdir(parents=True, exist_ok=True)
        encoder.tokenizer.save_pretrained(out)
    encoder.model.to(device)
    state = train(encoder, read, recipe, state or State(identity), out, progress)
    encoder.model.to("cpu")
    publish(encoder, out, recipe.precision)
    measured = _measured(out, recipe, datasets, {"validation": candidates, "test": test_candidates})
    parameters = sum(one.numel() for one in encoder.model.parameters())
    write_card(out, identity, state.history, state.best_epoch, dict(read.remarks), measured, parameters, sources)
    return _finished(out, identity)


def measure(
    folder: Path, dataset: Dataset, recipe: Recipe, split: str = "test", candidates: Sequence[tuple[str, ...]] | None = None
) -> dict[str, float]:
    """Accuracy per task of a published folder on one split of a data set; {} where it has no mention of that split."""
    encoder = loaded_encoder(recipe, str(folder))
    given = None if candidates is None else [candidates]
    read = material([dataset], recipe, encoder, given, held_out=split, training=False)
    return accuracies(encoder, read, read.held_out)


def _encoder(datasets: Sequence[Dataset], recipe: Recipe, begun: Path | None) -> DualEncoder:
    if recipe.base is not None:
        return loaded_encoder(recipe, recipe.base)
    encoder = fresh_encoder(recipe, training_texts(datasets, recipe))
    if begun is not None:  # the ids must be those that the weights were trained on, whatever the tokenizers library does now
        from transformers import AutoTokenizer

        encoder.tokenizer = AutoTokenizer.from_pretrained(begun, trust_remote_code=False)
    return encoder


def _measured(
    folder: Path, recipe: Recipe, datasets: Sequence[Dataset], candidates: Mapping[str, Candidates | None]
) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, dict[str, float]]] = {}
    for place, dataset in enumerate(datasets):
        for split, given in candidates.items():
            accuracy = measure(folder, dataset, recipe, split, None if given is None else given[place])
            if accuracy:
                found.setdefault(dataset.name, {})[split] = accuracy
    return found


def _finished(out: Path, identity: Mapping[str, Any]) -> TrainingResult:
    try:
        record = json.loads((out / RECORD).read_text(encoding="utf-8"))
        _must_equal(record["identity"], identity, out)
        result = TrainingResult(
            out, len(record["history"]), record["best_epoch"], record["accuracies"], record["remarks"], record["history"]
        )
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise MissingError(f"{out / RECORD} cannot be read: {problem}. Remove the folder to train anew.") from problem
    (out / STATE).unlink(missing_ok=True)
    return result


def _must_equal(there: Mapping[str, Any], asked: Mapping[str, Any], out: Path) -> None:
    for name, what in (("recipe", "recipe"), ("datasets", "data sets"), ("data", "data"), ("start", "base weights")):
        if there.get(name) != asked[name]:
            raise UsageError(
                f"{out} holds a training with {'another' if name == 'recipe' else 'other'} {what}; choose another --out."
            )


def _weights_digest(encoder: DualEncoder) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, value in encoder.model.state_dict().items():
        digest.update(name.encode() + value.contiguous().numpy().tobytes())
    return digest.hexdigest()

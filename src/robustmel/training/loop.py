"""The training loop: AdamW, a warm-up and half a cosine, validation after every epoch, the best weights kept."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from robustmel.errors import UsageError
from robustmel.training.adversarial import attacked, hardened, step_seed
from robustmel.training.batches import batches, steps
from robustmel.training.encoder import DualEncoder
from robustmel.training.examples import Material
from robustmel.training.objective import Hardening, batch_loss
from robustmel.training.recipe import Recipe
from robustmel.training.state import State, optimizer_state, optimizer_tensors, write_state
from robustmel.training.validation import accuracies


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to.

    Args:
        number: Counted from 1.
        loss: Mean over its steps.
        learning_rate: At its end.
        validation: Accuracy per task among the candidates, with "I2T attacked" in adversarial training; {} without validation
            mentions.
        best: Whether its weights are the best so far.
        seconds: Wall-clock time.
    """

    number: int
    loss: float
    learning_rate: float
    validation: dict[str, float]
    best: bool
    seconds: float


ATTACKED = "I2T attacked"

Progress = Callable[[Epoch], None]


def train(
    encoder: DualEncoder, material: Material, recipe: Recipe, state: State, folder: Path, progress: Progress | None = None
) -> State:
    """Trains from `state` to the end of the recipe; the encoder is left with the best weights.

    The best epoch is the one with the highest I2T + IT2T on the validation split, in adversarial training with I2T under attack
    added; without validation mentions it is the last.

    Raises:
        UsageError: The loss is no longer a number.
        MissingError: The state cannot be written.
    """
    model = encoder.model
    optimizer = torch.optim.AdamW(_groups(model, recipe.weight_decay), lr=recipe.learning_rate, betas=(0.9, 0.98), eps=1e-6)
    if state.epoch:
        model.load_state_dict(state.under("model"))
        optimizer.load_state_dict(optimizer_state(state.under("optimizer"), optimizer.state_dict()["param_groups"]))
    per_epoch = steps(material, recipe)
    total = recipe.epochs * per_epoch
    while state.epoch < recipe.epochs and not _out_of_patience(state, recipe):
        began = time.monotonic()
        number = state.epoch + 1
        loss = _epoch(encoder, material, recipe, optimizer, number, per_epoch, total)
        found = _validation(encoder, material, recipe)
        best = not found or not state.history or _merit(found) > _merit(state.history[state.best_epoch - 1]["validation"])
        record = Epoch(number, loss, _rate(recipe, number * per_epoch, total), found, best, time.monotonic() - began)
        model_tensors = {f"model/{name}": value.detach().clone() for name, value in _own(model)}
        kept = {f"best/{name[6:]}": value for name, value in model_tensors.items()}
        state = State(
            state.identity,
            number,
            number if best else state.best_epoch,
            [*state.history, asdict(record)],
            model_tensors
            | (kept if best else {f"best/{name}": value for name, value in state.under("best").items()})
            | {f"optimizer/{name}": value for name, value in optimizer_tensors(optimizer.state_dict()).items()},
        )
        write_state(folder, state)
        if progress is not None:
            progress(record)
    model.load_state_dict(state.under("best"))
    return state


def _epoch(
    encoder: DualEncoder,
    material: Material,
    recipe: Recipe,
    optimizer: torch.optim.Optimizer,
    number: int,
    per_epoch: int,
    total: int,
) -> float:
    """Trains on every mention once; the mean loss."""
    losses = 0.0
    encoder.model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed * 1_000_003 + number)  # dropout, where a fine-tuned checkpoint has it
        for place, batch in enumerate(batches(material, recipe, number)):
            for group in optimizer.param_groups:
                group["lr"] = _rate(recipe, (number - 1) * per_epoch + place, total)
            loss = batch_loss(encoder, batch, recipe.weights, _hardening(encoder, recipe, number, place))
            if not math.isfinite(loss.item()):
                raise UsageError(
                    f"the loss is {loss.item()} in epoch {number}; lower learning_rate ({recipe.learning_rate:g}) and train anew."
                )
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(encoder.model.parameters(), 1.0)
            optimizer.step()
            losses += loss.item()
    return losses / per_epoch


def _validation(encoder: DualEncoder, material: Material, recipe: Recipe) -> dict[str, float]:
    """Accuracy per task; in adversarial training also that of I2T on images attacked as in training."""
    found = accuracies(encoder, material, material.held_out)
    if found and recipe.adversarial.eps:
        found[ATTACKED] = accuracies(encoder, *attacked(encoder, material, recipe.adversarial, recipe.seed))["I2T"]
    return found


def _hardening(encoder: DualEncoder, recipe: Recipe, epoch: int, step: int) -> Hardening | None:
    if not recipe.adversarial.eps:
        return None
    seed = step_seed(recipe.seed, epoch, step)
    return functools.partial(hardened, encoder, attack=recipe.adversarial, seed=seed)


def _rate(recipe: Recipe, step: int, total: int) -> float:
    warm = max(1, round(recipe.warm_up * total))
    if step < warm:
        return recipe.learning_rate * (step + 1) / warm
    return recipe.learning_rate * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm))) / 2


def _groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weight matrices decay; biases, norms, temperature and position or token embeddings do not."""
    parameters = [(name, one) for name, one in model.named_parameters() if one.requires_grad]
    matrices = [one for name, one in parameters if one.ndim > 1 and "embedding" not in name]
    others = [one for name, one in parameters if one.ndim <= 1 or "embedding" in name]
    return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _own(model: nn.Module) -> Iterable[tuple[str, Tensor]]:
    state: dict[str, Tensor] = model.state_dict()
    return state.items()


def _merit(validation: dict[str, float]) -> float:
    return validation["I2T"] + validation["IT2T"] + validation.get(ATTACKED, 0.0)


def _out_of_patience(state: State, recipe: Recipe) -> bool:
    return bool(recipe.patience) and state.epoch - state.best_epoch >= recipe.patience

"""The training loop: AdamW, a warm-up and half a cosine, validation after every epoch, the best weights kept."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from robustmel.errors import UsageError
from robustmel.training.recipe import Recipe
from robustmel.training.state import State, optimizer_state, optimizer_tensors, write_state
from robustmel.training.trainee import Trainee, epoch_seed


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to."""

    number: int
    loss: float
    learning_rate: float
    validation: dict[str, float]
    best: bool
    seconds: float


OnEpoch = Callable[[Epoch], None]
OnStep = Callable[[int, int], None]
"""Told how many steps of how many are done, after each one, earlier epochs included; it may raise to stop."""


def optimise(
    trainee: Trainee,
    recipe: Recipe,
    state: State,
    folder: Path,
    on_epoch: OnEpoch = lambda epoch: None,
    on_step: OnStep = lambda done, of: None,
) -> State:
    """Trains from `state` to the end of the recipe; the trainee is left with the weights of the best epoch.

    That is the one with the highest `Trainee.merit`; without validation mentions it is the last.

    Raises:
        UsageError: The loss is no longer a number.
        MissingError: The state cannot be written.
    """
    model = trainee.model
    optimizer = torch.optim.AdamW(_groups(model, recipe.weight_decay), lr=recipe.learning_rate, betas=(0.9, 0.98), eps=1e-6)
    if state.epoch:
        model.load_state_dict(state.under("model"))
        optimizer.load_state_dict(optimizer_state(state.under("optimizer"), optimizer.state_dict()["param_groups"]))
    total = recipe.epochs * trainee.steps
    while state.epoch < recipe.epochs and not (recipe.patience and state.epoch - state.best_epoch >= recipe.patience):
        began = time.monotonic()
        number = state.epoch + 1
        loss = _epoch(trainee, recipe, optimizer, number, total, on_step)
        validation = trainee.validate()
        earlier = state.history[state.best_epoch - 1]["validation"] if state.history else {}
        best = not validation or not earlier or trainee.merit(validation) > trainee.merit(earlier)
        rate = _rate(recipe, number * trainee.steps, total)
        epoch = Epoch(number, loss, rate, validation, best, time.monotonic() - began)
        weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
        best_weights = weights if best else state.under("best")
        state = State(
            state.identity,
            number,
            number if best else state.best_epoch,
            # Without the seconds: a training that was cut off publishes the same record as one that was not.
            [*state.history, {name: value for name, value in asdict(epoch).items() if name != "seconds"}],
            {f"model/{name}": value for name, value in weights.items()}
            | {f"best/{name}": value for name, value in best_weights.items()}
            | {f"optimizer/{name}": value for name, value in optimizer_tensors(optimizer.state_dict()).items()},
        )
        write_state(folder, state)
        on_epoch(epoch)
    model.load_state_dict(state.under("best"))
    return state


def _epoch(
    trainee: Trainee, recipe: Recipe, optimizer: torch.optim.Optimizer, number: int, total: int, on_step: OnStep
) -> float:
    """Trains on every batch once; the mean loss."""
    losses = 0.0
    trainee.model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(epoch_seed(recipe.seed, number))  # dropout, where a fine-tuned checkpoint has it
        for step, batch in enumerate(trainee.batches(number)):
            before = (number - 1) * trainee.steps + step
            for group in optimizer.param_groups:
                group["lr"] = _rate(recipe, before, total)
            optimizer.zero_grad(set_to_none=True)
            loss = 0.0
            parts = trainee.loss(batch, number, step)
            for part in [parts] if isinstance(parts, Tensor) else parts:
                loss += part.item()
                torch.autograd.backward(part)
            if not math.isfinite(loss):
                raise UsageError(
                    f"the loss is {loss} in epoch {number}; lower learning_rate ({recipe.learning_rate:g}) and train again."
                )
            nn.utils.clip_grad_norm_(trainee.model.parameters(), 1.0)
            optimizer.step()
            losses += loss
            on_step(before + 1, total)
    return losses / trainee.steps


def _rate(recipe: Recipe, step: int, total: int) -> float:
    warm = max(1, round(recipe.warm_up * total))
    if step < warm:
        return recipe.learning_rate * (step + 1) / warm
    return recipe.learning_rate * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm))) / 2


def _groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weight matrices decay; biases, norms, temperature and position or token embeddings do not."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (matrices if parameter.ndim > 1 and "embedding" not in name else others).append(parameter)
    return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]

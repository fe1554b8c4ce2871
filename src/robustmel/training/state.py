"""The whole state of a training in one file: what a killed training goes on from."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from robustmel.errors import MissingError

STATE = "training_state.safetensors"


@dataclass
class State:
    """Where a training stands after an epoch, or before the first.

    Args:
        identity: What must be equal for a training to go on: recipe and data.
        epoch: Epochs finished.
        best_epoch: The epoch whose weights are kept.
        history: One record per epoch finished.
        tensors: "model/...", "best/..." and "optimizer/<parameter>/<quantity>".
    """

    identity: dict[str, Any]
    epoch: int = 0
    best_epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def under(self, name: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `name/`, without it."""
        return {key[len(name) + 1 :]: value for key, value in self.tensors.items() if key.startswith(f"{name}/")}


def write_state(folder: Path, state: State) -> None:
    """Replaces the state in one step: after a kill at any moment the folder holds the old state or the new one.

    Raises:
        MissingError: The disk is full or the folder cannot be written.
    """
    facts = {name: getattr(state, name) for name in ("identity", "epoch", "best_epoch", "history")}
    unfinished = folder / f".{STATE}.{os.getpid()}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: value.detach().cpu().contiguous().clone() for name, value in state.tensors.items()}
        save_file(tensors, unfinished, metadata={"state": json.dumps(facts)})
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(folder / STATE)
    except (OSError, SafetensorError) as problem:
        raise MissingError(f"the training's state cannot be written to {folder}: {problem}.") from problem
    finally:
        unfinished.unlink(missing_ok=True)


def read_state(folder: Path) -> State | None:
    """The state of a folder, None where there is none.

    Raises:
        MissingError: There is one and it cannot be read.
    """
    file = folder / STATE
    if not file.exists():
        return None
    try:
        with safe_open(file, framework="pt") as opened:
            facts = json.loads((opened.metadata() or {})["state"])
            return State(**facts, tensors={name: opened.get_tensor(name) for name in opened.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as problem:
        raise MissingError(f"{file} is not a training state: {problem}. Remove it to train from the start.") from problem


def remove_unfinished(folder: Path) -> None:
    """Removes what a kill in the middle of `write_state` left."""
    for leftover in folder.glob(f".{STATE}.*.tmp"):
        leftover.unlink(missing_ok=True)


def optimizer_tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """An AdamW state dictionary as flat tensors."""
    return {
        f"{parameter}/{quantity}": value
        for parameter, quantities in state["state"].items()
        for quantity, value in quantities.items()
    }


def optimizer_state(tensors: Mapping[str, Tensor], groups: list[dict[str, Any]]) -> dict[str, Any]:
    """The inverse of `optimizer_tensors`; the parameter groups come from the recipe."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        parameter, _, quantity = name.partition("/")
        state.setdefault(int(parameter), {})[quantity] = value
    return {"state": state, "param_groups": groups}

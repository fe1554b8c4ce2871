from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from robustmel.linkers.training_mode import in_training_mode


def held(model: Any) -> Any:
    """A defence around a linker around a tower, with a loop back."""
    linker = SimpleNamespace(tower=SimpleNamespace(model=nn.Sequential(nn.Linear(2, 2), model)))
    linker.itself = linker
    return SimpleNamespace(linkers=[linker])


@pytest.mark.parametrize(
    ("model", "expected"),
    [(nn.Dropout(0.1), True), (nn.BatchNorm2d(3), True), (nn.Dropout(0.0), False), (nn.LayerNorm(2), False)],
)
def test_layers_that_act_differently_in_training_are_found(model: nn.Module, expected: bool) -> None:
    assert in_training_mode(held(model)) is expected
    assert not in_training_mode(held(model.eval()))


def test_a_linker_without_models_is_in_no_mode() -> None:
    assert not in_training_mode(object())
    assert not in_training_mode(SimpleNamespace(kb={"a": 1}, names=["x"]))

from __future__ import annotations

import json

import pytest
import torch
from benchmarks.mapper_training import WAYS, random_opt, step, training
from benchmarks.measure import Lines

import robustmel
from robustmel.training.feature_mapper import FeatureMapperTrainee


def test_the_lines_say_what_was_measured(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.mapper_training.BATCH", 3)
    lines = Lines(threads=1)
    with random_opt(64, 1) as folder:
        training(robustmel.load_dataset("world-news", split="train"), "tiny", folder, 1, 1, lines, demos=1)
    lines.end()
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["way"] for line in printed[:3]] == [*WAYS]
    assert printed[-1]["library"] == "ratio"
    assert printed[-1]["job"] == "1 steps of 3 mentions, 1 demonstrations, tiny"


def test_another_gradient_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.mapper_training.BATCH", 3)

    def wrong(trainee: FeatureMapperTrainee, batch: list[int]) -> tuple[float, list[torch.Tensor]]:
        loss, gradients = step(trainee, batch)
        return loss, [gradient * (1 + 0.1 * (trainee.recipe.accumulation == 1)) for gradient in gradients]

    monkeypatch.setattr("benchmarks.mapper_training.step", wrong)
    data = robustmel.load_dataset("world-news", split="train")
    with random_opt(64, 1) as folder, pytest.raises(AssertionError):
        training(data, "tiny", folder, 1, 1, Lines(threads=1), demos=1)

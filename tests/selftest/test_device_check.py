"""Each check of a device passes where the device is right, and fails where one thing is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from tests.pretended_device import pretended_device
from torch import Tensor
from typer.testing import CliRunner

from robustmel.cli.commands import app
from robustmel.run.local_processes import worker_device
from robustmel.selftest import device_check, device_trial
from robustmel.selftest.device_check import CHECKS, Extent, capped_memory, check_device
from robustmel.selftest.device_trial import DeviceTrial
from robustmel.types import Prediction, Query

EXTENT = Extent(("clip-world",), mentions=4, attacked=4, steps=2, fitting=2)


@pytest.fixture(scope="module")
def trial() -> DeviceTrial:
    return DeviceTrial("clip-world", "cpu", EXTENT.mentions)


class Wrong:
    """The device's linker with one method that is not right."""

    def __init__(self, linker: Any, **methods: Callable[..., Any]) -> None:
        self._linker = linker
        self.__dict__.update({name: partial(method, linker) for name, method in methods.items()})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._linker, name)


def one_weight_off(linker: Any, queries: Sequence[Query], task: Any) -> Tensor:
    weight = linker.model.visual_projection.weight
    kept = weight.clone()
    weight.mul_(1 + 0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))
    try:
        return linker.scores(queries, task)
    finally:
        weight.copy_(kept)


def mirrored_gradient(linker: Any, pixels: Tensor, queries: Sequence[Query], task: Any) -> Tensor:
    mirrored = pixels.flip(-1)
    return linker.logits(pixels.detach() + mirrored - mirrored.detach(), queries, task)


def backwards(linker: Any, pixels: Tensor, queries: Sequence[Query], task: Any) -> Tensor:
    return linker.logits(2 * pixels.detach() - pixels, queries, task)


def unsteady(linker: Any, pixels: Tensor, queries: Sequence[Query], task: Any) -> Tensor:
    scores = linker.logits(pixels, queries, task)
    return scores + 1e-3 * torch.randn(scores.shape)


def other_answers_alone(linker: Any, queries: Sequence[Query], task: Any) -> list[Prediction]:
    answers = linker.link(queries, task)
    return [replace(answer, ranked=answer.ranked[::-1]) for answer in answers] if len(queries) < 4 else answers


FAULTS: dict[str, tuple[str, dict[str, Callable[..., Any]]]] = {
    "scores": ("scores differ by", {"scores": one_weight_off}),
    "gradients": ("has cosine", {"logits": mirrored_gradient}),
    "attack": ("PGD ended otherwise on", {"logits": backwards}),
    "repeated": ("the second time", {"logits": unsteady}),
}


def checked(what: str, trial: DeviceTrial, extent: Extent = EXTENT, **wrong: Callable[..., Any]) -> Any:
    other = Wrong(trial.other, **wrong) if wrong else trial.other
    watched = DeviceTrial.__new__(DeviceTrial)
    watched.__dict__.update(trial.__dict__ | {"other": other})
    return device_check._guarded(what, CHECKS[what], watched, extent)


def test_a_device_that_is_right_passes(trial: DeviceTrial) -> None:
    verdicts = [checked(what, trial) for what in CHECKS]
    assert [verdict.faults for verdict in verdicts] == [()] * len(CHECKS)
    assert "1 refusals feigned" in verdicts[-1].reported


@pytest.mark.parametrize("what", FAULTS)
def test_one_thing_that_is_wrong_is_found(what: str, trial: DeviceTrial) -> None:
    sentence, wrong = FAULTS[what]
    extent = replace(EXTENT, steps=8) if what == "attack" else EXTENT
    verdict = checked(what, trial, extent, **wrong)
    assert not verdict.passed
    assert sentence in verdict.faults[0]


def test_answers_that_change_when_memory_is_scarce_are_found(trial: DeviceTrial) -> None:
    def too_large(linker: Any, queries: Sequence[Query], task: Any) -> list[Prediction]:
        if len(queries) == 4 and device_check.nn.modules.module._global_forward_pre_hooks:
            raise torch.OutOfMemoryError("out of memory")
        return other_answers_alone(linker, queries, task)

    assert "answers changed when memory ran out" in checked("out of memory", trial, link=too_large).faults[0]
    assert "were not answered" in checked("out of memory", trial, replace(EXTENT, fitting=0)).faults[0]
    assert "no batch was large enough" in checked("out of memory", trial, replace(EXTENT, fitting=99)).faults[0]


def test_half_precision_that_overflows_is_found(trial: DeviceTrial) -> None:
    def no_numbers(linker: Any, pixels: Tensor, queries: Sequence[Query], task: Any) -> Tensor:
        return linker.logits(pixels, queries, task) * torch.nan

    watched = DeviceTrial.__new__(DeviceTrial)
    broken = Wrong(trial.other, scores=lambda linker, *asked: linker.scores(*asked) * torch.inf, logits=no_numbers)
    watched.__dict__.update(trial.__dict__ | {"load": lambda *asked: broken})
    verdict = device_check._half_precision("float16", watched, EXTENT, "float16")
    assert ["not finite" in fault for fault in verdict.faults] == [True, True, False][: len(verdict.faults)]
    watched.load = lambda *asked: trial.other
    assert device_check._half_precision("float16", watched, EXTENT, "float16").passed


def test_what_a_device_refuses_is_a_failure_and_not_the_end(trial: DeviceTrial) -> None:
    def refuses(linker: Any, *asked: Any) -> Tensor:
        raise RuntimeError("no kernel for this operation.")

    verdict = checked("scores", trial, scores=refuses)
    assert verdict.faults == ("RuntimeError: no kernel for this operation",)


def test_a_model_that_cannot_be_loaded_is_a_failure_and_not_the_end() -> None:
    def load(name: str, kb: Any, device: str, parameters: Any) -> Any:
        raise torch.OutOfMemoryError("out of memory while loading")

    _, loaded, several = check_device("cpu", EXTENT, load)
    assert (loaded.victim, loaded.passed) == ("clip-world: loaded", False)
    assert several.skipped


def test_every_gpu_is_asked(trial: DeviceTrial, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load(name: str, kb: Any, device: str, parameters: Any) -> Any:
        asked.append(device)
        return Wrong(trial.other, scores=one_weight_off) if device == "cuda:1" else trial.other

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert not device_check._several_devices("several devices", "cuda", EXTENT, load).passed
    assert asked == ["cpu", "cuda:0", "cpu", "cuda:1"]
    assert [worker_device("auto", number) for number in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    assert worker_device("cpu", 1) == "cpu"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert worker_device("cuda", 1) == "cuda"


def test_a_cap_leaves_half_of_what_the_work_took_and_is_lifted(monkeypatch: pytest.MonkeyPatch) -> None:
    caps: list[float] = []
    refused = iter((3, 5))
    fakes: dict[str, Callable[..., Any]] = {
        "empty_cache": lambda: None,
        "reset_peak_memory_stats": lambda device: None,
        "memory_reserved": lambda device: 100,
        "max_memory_reserved": lambda device: 300,
        "memory_stats": lambda device: {"num_ooms": next(refused)},
        "get_device_properties": lambda device: type("Properties", (), {"total_memory": 1000}),
        "set_per_process_memory_fraction": lambda fraction, device: caps.append(fraction),
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    with capped_memory("cuda", lambda: None) as count:
        assert caps == [0.2]
        assert count() == 2
    assert caps == [0.2, 1.0]


def test_without_a_gpu_every_check_says_so_and_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(device_trial, "load_dataset", None)
    result = CliRunner().invoke(app, ["selftest", "--device", "cuda"])
    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines()[1:] if line.strip()]
    assert len(lines) == 20
    assert all("skipped: no CUDA device here" in line for line in lines)
    assert "0 of 20 passed, 20 skipped" in result.stderr


def test_the_checks_themselves_run_on_a_device_that_is_not_the_processor() -> None:
    with pretended_device() as device:
        verdicts = check_device(device, replace(EXTENT, mentions=2, attacked=1, steps=1, fitting=1))
    assert [verdict.faults for verdict in verdicts] == [()] * 7
    assert verdicts[-1].skipped

"""Image attacks side by side with other libraries, on one drawn CLIP image tower.

One JSON line per (library, job), and last, for each job, {"library": "ratio", "job": ..., "value": peer's cost / ours}: above
1 ours is cheaper. The peer is the cheapest library that fools as many images. Costs are processor seconds an image; for the
jobs with `drop_fooled` forward and backward passes an image, for "memory" the peak of a whole process, for "gpu" seconds an
image. `bare` makes that many passes to the pixels and nothing else. A library that is absent, or lacks what a job asks for,
is skipped with a line.

    python benchmarks/visual_attacks.py [--quick] [--check] [--jobs pgd apgd cw ... memory gpu]
"""

from __future__ import annotations

import argparse
import functools
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, the folder above is not on the path

from benchmarks.measure import Lines, relative, turns
from benchmarks.visual_gpu import measure_gpu
from benchmarks.visual_memory import measure_memory
from benchmarks.visual_peers import LIBRARIES, Run
from benchmarks.visual_victim import Victim, drawn_images

PGD: dict[str, Any] = {"eps": 8 / 255, "step_size": 2 / 255, "steps": 20}
APGD: dict[str, Any] = {"eps": 8 / 255, "steps": 20}
CW: dict[str, Any] = {"c": 20.0, "kappa": 0.0, "lr": 0.01, "steps": 50}
SMALL: dict[str, Any] = {"eps": 1 / 255}
"""The smallest budget that rounding to 8 bits leaves anything of: images are not all fooled at once."""

JOBS: dict[str, tuple[str, dict[str, Any]]] = {
    "pgd": ("pgd", PGD),
    "apgd": ("apgd", APGD),
    "cw": ("cw", CW),
    "cw-abort_early": ("cw", {**CW, "abort_early": True}),
    "pgd-drop_fooled": ("pgd", {**PGD, **SMALL, "step_size": 0.125 / 255, "drop_fooled": True}),
    "apgd-drop_fooled": ("apgd", {**APGD, **SMALL, "drop_fooled": True}),
}
TIMES_BARE = {"pgd": 1.10, "apgd": 1.20, "cw": 1.10}
"""Bounds on the cost, in units of the bare passes."""


def measure(job: str, victim: Victim, pixels: Tensor, gold: Tensor, repetitions: int, lines: Lines) -> None:
    """Lets every library attack the same images, in turns."""
    attack, given = JOBS[job]
    runs: dict[str, Run] = {}
    for library, make in LIBRARIES.items():
        try:
            runs[library] = make(victim, attack, given)
        except (ImportError, NotImplementedError) as problem:
            lines.tell(library, job, skipped=str(problem))
    counted = {library: _counted(run, victim, pixels, gold) for library, run in runs.items()}
    seconds = turns({library: functools.partial(_fresh, run, pixels, gold) for library, run in runs.items()}, repetitions)
    bound = given["steps"] + 2
    for library, figures in counted.items():
        figures["cpu_seconds"] = sorted(seconds[library])[repetitions // 2] / len(pixels)
        against = {"times_bare": relative(seconds[library], seconds["bare"])} if "bare" in runs else {}
        shown = {name: {"value": round(one.value, 3), "noise": round(one.noise, 3)} for name, one in against.items()}
        lines.tell(library, job, images=len(pixels), repetitions=repetitions, **_short(figures), **shown)
        if library == "robustmel":
            most = max(figures["forward"], figures["backward"])
            lines.expect(job, f"{most:g} passes an image, at most {bound}", most <= bound)
            for one in against.values():
                lines.expect(job, f"{one.value:.3f} times bare, at most {TIMES_BARE[job]}", not one.above(TIMES_BARE[job]))
    if "torchattacks" in runs and not given.get("drop_fooled"):
        one = relative(*(_each_pass(seconds[library], counted[library]) for library in ("robustmel", "torchattacks")))
        lines.expect(job, f"{one.value:.3f} times torchattacks, pass for pass", not one.above(1.0))
    _ratio(job, given, counted, lines)


def _each_pass(seconds: list[float], figures: dict[str, float]) -> list[float]:
    """Seconds a pass: CW with `abort_early` makes more of them than a library that stops whole batches, for shorter changes."""
    return [one / (figures["forward"] + figures["backward"]) for one in seconds]


def _fresh(run: Run, pixels: Tensor, gold: Tensor) -> Tensor:
    return run(pixels.clone(), gold)


def _counted(run: Run, victim: Victim, pixels: Tensor, gold: Tensor) -> dict[str, float]:
    """Passes an image, the share fooled after rounding to 8 bits, and the mean length of the change of those."""
    victim.forget()
    found = run(pixels.clone(), gold).detach()
    passes = {"forward": victim.shown / len(pixels), "backward": victim.pulled / len(pixels)}
    with torch.no_grad():
        fooled = victim((found * 255).round() / 255).argmax(1) != gold
    length = (found - pixels).flatten(1).norm(dim=1)[fooled]
    return {**passes, "fooled": fooled.float().mean().item(), "l2": length.mean().item() if len(length) else 0.0}


def _ratio(job: str, given: dict[str, Any], counted: dict[str, dict[str, float]], lines: Lines) -> None:
    ours = counted["robustmel"]
    peers = {library: one for library, one in counted.items() if library not in ("bare", "robustmel")}
    dropped = bool(given.get("drop_fooled"))

    def cost(figures: dict[str, float]) -> float:
        return figures["forward"] + figures["backward"] if dropped else figures["cpu_seconds"]

    unit = "passes an image" if dropped else "processor seconds an image"
    equal = {library: one for library, one in peers.items() if one["fooled"] >= ours["fooled"]}
    among = equal or peers
    if not among:
        return
    cheapest = min(among, key=lambda library: cost(among[library]))
    lines.ratio(job, cost(among[cheapest]), cost(ours), peer=cheapest, unit=unit, equal_success=bool(equal))
    if dropped:
        best = max(one["fooled"] for one in peers.values())
        lines.expect(job, f"fools {ours['fooled']:.3f}, a peer {best:.3f}", ours["fooled"] >= best - 1e-9)
        lines.expect(job, f"{cost(ours):.2f} passes, a peer {cost(among[cheapest]):.2f}", cost(ours) < cost(among[cheapest]))


def _short(figures: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.5g}") for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="fewer images, one repetition: a trial, too noisy to conclude from"
    )
    parser.add_argument("--check", action="store_true", help="exit 1 where a stated bound is broken by more than noise")
    parser.add_argument("--jobs", nargs="+", choices=[*JOBS, "memory", "gpu"], default=[*JOBS, "memory", "gpu"])
    parser.add_argument("--repetitions", type=int, help="turns that count (default 5; 1 with --quick)")
    asked = parser.parse_args()
    count, repetitions = (4, 1) if asked.quick else (16, 5)
    repetitions = asked.repetitions or repetitions
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    lines = Lines(threads=1, torch=torch.__version__)
    if not {"memory", "gpu"}.issuperset(asked.jobs):
        victim, pixels = Victim("tiny"), drawn_images(count)
        with torch.no_grad():
            gold = victim(pixels).argmax(1)
    for job in asked.jobs:
        if job == "memory":
            measure_memory(asked.quick, lines)
        elif job == "gpu":
            measure_gpu(repetitions, lines)
        else:
            measure(job, victim, pixels, gold, repetitions, lines)
    sys.exit(lines.end(asked.check))


if __name__ == "__main__":
    main()

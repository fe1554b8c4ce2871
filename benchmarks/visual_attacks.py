"""Image attacks side by side with other libraries, on one drawn CLIP image tower.

One JSON line per (attack, library), then the ratios to `bare`: that many forward and backward passes to the pixels and
nothing else, which no attack of so many steps can beat. Libraries take turns, so that a busy machine slows all of them.
Processor seconds are compared, not wall-clock ones. A library that is not installed is skipped with a line.

    python benchmarks/visual_attacks.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, the folder above is not on the path

from benchmarks.adapters import visual

CLASSES = 100
ATTACKS: dict[str, dict[str, Any]] = {
    "pgd": {"eps": 8 / 255, "step_size": 2 / 255, "steps": 20},
    "apgd": {"eps": 8 / 255, "steps": 20},
    "cw": {"c": 20.0, "kappa": 0.0, "lr": 0.01, "steps": 50},
}
Maker = Callable[["Victim", str, dict[str, Any]], Callable[[Tensor, Tensor], Tensor]]


class Victim(nn.Module):
    """An image tower with drawn weights against fixed unit vectors; counts the images it is shown."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        from transformers import CLIPVisionConfig, CLIPVisionModel

        torch.manual_seed(0)
        size = {"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": depth}
        size |= {"num_attention_heads": width // 64, "image_size": 224, "patch_size": 32}
        self.tower = CLIPVisionModel(CLIPVisionConfig(**size, initializer_factor=2.0))
        self.register_buffer("texts", functional.normalize(torch.randn(CLASSES, width), dim=-1))
        self.shown = self.pulled = 0

    def forward(self, pixels: Tensor) -> Tensor:
        """float32 (B, 100) scores of pixels (B, 3, 224, 224) in [0, 1]."""
        self.shown += len(pixels)
        scaled = (pixels - 0.45) / 0.27
        if scaled.requires_grad:
            scaled.register_hook(lambda gradient: setattr(self, "pulled", self.pulled + len(gradient)))
        features = functional.normalize(self.tower(pixel_values=scaled).pooler_output, dim=-1)
        scores: Tensor = 20 * features @ self.texts.T
        return scores


def bare(victim: Victim, attack: str, given: dict[str, Any]) -> Callable[[Tensor, Tensor], Tensor]:
    def run(pixels: Tensor, gold: Tensor) -> Tensor:
        leaf = pixels.clone().requires_grad_()
        for _ in range(given["steps"]):
            torch.autograd.grad(functional.cross_entropy(victim(leaf), gold, reduction="sum"), leaf)
        return pixels

    return run


def robustmel(victim: Victim, attack: str, given: dict[str, Any]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda pixels, gold: visual(victim, pixels, gold, attack=attack, **given)


def torchattacks(victim: Victim, attack: str, given: dict[str, Any]) -> Callable[[Tensor, Tensor], Tensor]:
    import torchattacks as library

    made: dict[str, Callable[[], Any]] = {
        "pgd": lambda: library.PGD(victim, eps=given["eps"], alpha=given["step_size"], steps=given["steps"]),
        "apgd": lambda: library.APGD(victim, eps=given["eps"], steps=given["steps"]),
        "cw": lambda: library.CW(victim, c=given["c"], steps=given["steps"], lr=given["lr"]),
    }
    run: Callable[[Tensor, Tensor], Tensor] = made[attack]()
    return run


def foolbox(victim: Victim, attack: str, given: dict[str, Any]) -> Callable[[Tensor, Tensor], Tensor]:
    import foolbox as library

    model = library.PyTorchModel(victim, bounds=(0, 1))
    if attack == "pgd":
        made = library.attacks.LinfPGD(abs_stepsize=given["step_size"], steps=given["steps"])
    elif attack == "cw":
        made = library.attacks.L2CarliniWagnerAttack(
            binary_search_steps=1, steps=given["steps"], stepsize=given["lr"], initial_const=given["c"], abort_early=False
        )
    else:
        raise NotImplementedError("foolbox has no APGD")
    return lambda pixels, gold: made(model, pixels, gold, epsilons=given.get("eps"))[1]


LIBRARIES: dict[str, Maker] = {"bare": bare, "robustmel": robustmel, "torchattacks": torchattacks, "foolbox": foolbox}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer images, a smaller tower, one turn")
    quick = parser.parse_args().quick
    count, turns, (width, depth) = (4, 1, (64, 2)) if quick else (32, 3, (192, 6))
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    victim = Victim(width, depth).eval()
    pixels = torch.randint(0, 256, (count, 3, 224, 224), generator=torch.Generator().manual_seed(0)).float() / 255
    with torch.no_grad():
        gold = victim(pixels).argmax(1)
    ratios, tell = [], lambda **fields: print(json.dumps(fields), flush=True)
    for attack, given in ATTACKS.items():
        runs: dict[str, Callable[[Tensor, Tensor], Tensor]] = {}
        for library, make in LIBRARIES.items():
            try:
                runs[library] = make(victim, attack, given)
            except (ImportError, NotImplementedError) as problem:
                tell(attack=attack, library=library, skipped=str(problem))
        seconds: dict[str, list[float]] = {library: [] for library in runs}
        for turn in range(turns):
            for library, run in runs.items():
                victim.shown = victim.pulled = 0
                began = time.process_time()
                found = run(pixels.clone(), gold)
                seconds[library].append(time.process_time() - began)
                if turn == turns - 1:
                    spent = {"forward": round(victim.shown / count, 2), "backward": round(victim.pulled / count, 2)}
                    with torch.no_grad():
                        fooled = (victim((found.detach() * 255).round() / 255).argmax(1) != gold).float().mean().item()
                    tell(attack=attack, library=library, images=count, fooled=round(fooled, 4), **spent)
        ratios += [(attack, one, statistics.median(seconds[one]) / statistics.median(seconds["bare"])) for one in runs]
    for attack, library, ratio in ratios:
        tell(attack=attack, library=library, times_bare=round(ratio, 3))


if __name__ == "__main__":
    main()

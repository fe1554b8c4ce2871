"""A linker twice, on the processor and on another device, asked about the same mentions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robustmel.api import load_dataset
from robustmel.attacks.image.eight_bit import as_pictures, as_pixels
from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.attacks.image.pgd import PGD
from robustmel.images import Pixels, decode
from robustmel.item_seeds import item_seed
from robustmel.linkers import LINKERS
from robustmel.run.stages.objective import objective_of
from robustmel.run.stages.verdict import gold_columns, unattackable, wrong
from robustmel.types import Mention, Query, Task

DATASET = "world-news"
Load = Callable[[str, Any, str, dict[str, Any]], Any]
"""(linker's name, knowledge base, device, parameters) -> linker."""


def load(name: str, kb: Any, device: str, parameters: dict[str, Any]) -> Any:
    """The linker of that name on a device."""
    return LINKERS.create(name, kb, device=device, **parameters)


@dataclass(frozen=True)
class Attacked:
    """What an attack came to.

    Args:
        images: uint8 (n, H, W, 3), as they would be saved.
        scores: float32 (n, C), of the attack's own images, on the processor.
        fooled: bool (n,), judged on the saved images.
    """

    images: Pixels
    scores: Tensor
    fooled: Tensor


class DeviceTrial:
    """One linker and what is asked of it; the device's linker is `other`.

    Args:
        name: Of the linker.
        device: A torch device.
        mentions: How many are asked about; their images are of one size.
        load: Loads linkers; the reference first.
    """

    def __init__(self, name: str, device: str, mentions: int, load: Load = load) -> None:
        self.name, self.device, self.load = name, device, load
        data = load_dataset(DATASET, "test")
        self.kb = data.kb
        chosen = list(islice((mention for mention in data.mentions if self._asked(mention)), mentions))
        self.queries: list[Query] = [mention.query(DATASET, mention.candidates) for mention in chosen]
        self.right = torch.tensor(gold_columns(self.queries, [mention.gold for mention in chosen], self.kb))
        self.pixels = as_pixels([decode(str(query.image)) for query in self.queries], torch.device("cpu"))
        self.reference = load(name, self.kb, "cpu", {})
        self.other = load(name, self.kb, device, {})
        self.task: Task = "I2T" if "I2T" in self.reference.tasks else "IT2T"

    def _asked(self, mention: Mention) -> bool:
        """Whether it can be attacked, its image being as large as the first one's."""
        if mention.image is None or unattackable(mention.query(DATASET, mention.candidates), mention.gold, self.kb):
            return False
        shape = decode(mention.image).shape
        self._shape = getattr(self, "_shape", shape)
        return shape == self._shape

    def scores(self, linker: Any, queries: Sequence[Query] | None = None) -> Tensor:
        """float32 (n, C), on the processor, from the image files."""
        table: Tensor = linker.scores(self.queries if queries is None else queries, self.task)
        return table.float().cpu()

    def gradient(self, linker: Any, count: int) -> Tensor:
        """(count, 3 * H * W), on the processor: of the cross-entropy of the right candidates, down to the raw pixels."""
        pixels = self.pixels[:count].to(linker.device).requires_grad_()
        scores = linker.logits(pixels, self.queries[:count], self.task) * linker.logit_scale
        loss = torch.nn.functional.cross_entropy(scores.float(), self.right[:count].to(scores.device), reduction="sum")
        return torch.autograd.grad(loss, pixels)[0].cpu().flatten(1)

    def attacked(self, linker: Any, count: int, steps: int) -> Attacked:
        """PGD within 4/255, by the seeds of the mentions."""
        queries, right = self.queries[:count], self.right[:count].to(linker.device)
        pixels = self.pixels[:count].to(linker.device)
        objective = objective_of([linker], self.task, "scaled", queries)
        noise = ItemNoise(
            [item_seed(0, "pgd", query.id) for query in queries], tuple(pixels.shape[1:]), torch.device(linker.device)
        )
        made = PGD(eps=4 / 255, step_size=1 / 255, steps=steps).perturb(pixels.clone(), objective, right.clone(), noise)
        images = np.stack(as_pictures(made.pixels))
        with torch.no_grad():
            fooled = wrong(objective(as_pixels(list(images), linker.device)), right)
            scores = objective(made.pixels).float()
        return Attacked(images, scores.cpu(), fooled.cpu())

    @cached_property
    def known(self) -> Tensor:
        """The scores of the reference."""
        return self.scores(self.reference)


def apart(scores: Tensor, known: Tensor) -> float:
    """The largest difference of two tables (n, C), as a share of the spread of a row; infinite where one alone has a number."""
    finite = known.isfinite()
    if not torch.equal(finite, scores.isfinite()):
        return float("inf")
    highest = known.where(finite, -torch.inf).amax(1)
    spread = highest - known.where(finite, torch.inf).amin(1)
    return float(((scores - known).abs().where(finite, 0).amax(1) / spread.clamp(min=1e-12)).max())

"""A linker's scores as an attack sees them: a function of the pixels alone."""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.attacks.contract import Objective
from robustmel.attacks.image.gradients import leaves_torch
from robustmel.errors import ImageError, RobustMELError
from robustmel.linkers.contract import Differentiable, Linker
from robustmel.plug_ins.process_settings import undisturbed
from robustmel.run.interrupt import PATIENCE, stop_if_asked
from robustmel.run.stages.black_box import BlackBoxObjective, check_scores
from robustmel.types import Query, Task


def objective_of(linkers: Sequence[Differentiable], task: Task, logits: str, queries: Sequence[Query]) -> Objective:
    """The scores that an attack sees: of its one source, differentiable where that is, or of an ensemble of several."""
    if len(linkers) == 1 and getattr(linkers[0], "logits", None) is None:
        return BlackBoxObjective(cast(Linker, linkers[0]), task, logits, queries)
    if len(linkers) == 1:
        return LinkerObjective(linkers[0], task, logits, queries)
    return EnsembleObjective(linkers, task, logits, queries)


class LinkerObjective:
    """The scores of a batch of queries.

    Args:
        linker: The source.
        task: "I2T" for the image view, "IT2T" for the fused view.
        logits: "cosine" leaves the scores as they are, "scaled" multiplies them by the linker's learnt temperature.
        queries: The batch; an attack that drops images names the rest by their rows.
    """

    def __init__(self, linker: Differentiable, task: Task, logits: str, queries: Sequence[Query]) -> None:
        self.linker = linker
        self.task = task
        self.scale = linker.logit_scale if logits == "scaled" else 1.0
        self.queries = list(queries)

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        """float32 (b, C)."""
        queries = self.queries if rows is None else [self.queries[row] for row in rows.tolist()]
        with undisturbed():
            logits = self.linker.logits(pixels, queries, self.task)
        check_scores(self.linker, "logits", logits, queries)
        return logits.to(pixels.device) * self.scale


class EnsembleObjective:
    """The average of several linkers' scores, each after its own learnt temperature.

    The temperatures bring families with different ranges of scores to one scale, that of log-probabilities, on which they weigh
    the same: up to a constant for each image, which no loss sees, this is the average log-probability of a candidate.

    Args:
        linkers: The sources, two or more; one that says no temperature has 1.
        task: "I2T" for the image view, "IT2T" for the fused view.
        logits: "scaled" leaves the average as it is. "cosine" divides it by the average temperature: then it has the size of one
            linker's cosines, constants of an attack (c, kappa) mean the same, and copies of one linker are attacked as one.
        queries: The batch; an attack that drops images names the rest by their rows.

    Source:
        Liu et al., "Delving into Transferable Adversarial Examples and Black-box Attacks", ICLR 2017, section 5, for attacks on
        ensembles; Dong et al., "Boosting Adversarial Attacks with Momentum", CVPR 2018, section 3.3, for averages of logits.
    """

    def __init__(self, linkers: Sequence[Differentiable], task: Task, logits: str, queries: Sequence[Query]) -> None:
        self._members = [LinkerObjective(linker, task, "scaled", queries) for linker in linkers]
        self._whole = float(len(linkers)) if logits == "scaled" else sum(member.scale for member in self._members)

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        """float32 (b, C); a candidate that is absent holds minus infinity."""
        scores = [member(pixels, rows).float().to(pixels.device) for member in self._members]
        return reduce(add, scores) / self._whole


class GuardedObjective:
    """An objective that has no numbers where the linker raises, so that an attack keeps what it has found before.

    The others of the batch are asked again, by halves. What is no fault of one image goes on to the caller: memory that runs out, a
    full disk, a set-up that is wrong.

    Args:
        objective: The scores.
        gold: int64 (B,), the column of the right candidate.

    Attributes:
        problems: Row -> the first exception at its image alone, as "<type>: <message>".
    """

    def __init__(self, objective: Objective, gold: Tensor) -> None:
        self.objective = objective
        self.gold = gold
        self.problems: dict[int, str] = {}

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        """float32 (b, C); NaN all along the row of an image at which the linker raised."""
        stop_if_asked(PATIENCE)
        try:
            return self.objective(pixels, rows)
        except Exception as problem:  # a linker of the user's may raise anything; the row says what
            if of_the_set_up(problem) or _out_of_memory(problem) or leaves_torch(problem):
                raise
            if len(pixels) == 1:
                row = 0 if rows is None else int(rows[0])
                self.problems.setdefault(row, f"{type(problem).__name__}: {problem}"[:300])
                return pixels.new_full((1, max(2, int(self.gold[row]) + 1)), torch.nan)
        every = torch.arange(len(pixels), device=pixels.device) if rows is None else rows
        half = len(pixels) // 2
        return _stacked([self(pixels[part], every[part]) for part in (slice(None, half), slice(half, None))])


def of_the_set_up(problem: Exception) -> bool:
    """Whether an exception is about the machine or the set-up (a full disk, say), not about one image or a service that is away."""
    ours = isinstance(problem, (RobustMELError, OSError))
    return ours and not isinstance(problem, (ImageError, ConnectionError, TimeoutError))


def _out_of_memory(problem: Exception) -> bool:
    return isinstance(problem, (MemoryError, torch.OutOfMemoryError)) or "not enough memory" in str(problem)


def _stacked(parts: Sequence[Tensor]) -> Tensor:
    """Rows of scores under each other, the narrower ones with candidates that are absent."""
    width = max(part.shape[1] for part in parts)
    return torch.cat([functional.pad(part, (0, width - part.shape[1]), value=-torch.inf) for part in parts])

"""The scores that an attack sees, without candidates that read like the right one; records what spoils a loss."""

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.attacks.contract import Objective

SUM_TOLERANCE = 1e-4
"""How far a sum of probabilities may be from 1."""


class WatchedObjective:
    """An objective in which candidates that read like the right one are absent: in scoring they tie with it, so they are no rivals.

    Texts are not known here. A candidate reads like the right one as long as each answer so far gave both exactly the same score,
    which is the equality that scoring shares credit by. Where nothing else is left, it stays, and the two are tied.

    Args:
        objective: The scores.
        gold: int64 (B,), the column of the right candidate.

    Attributes:
        suspect: bool (B,): which images' scores have looked like probabilities whenever they were asked for.
        tied: bool (B,): which images' candidates all tied with the right one when last asked for: there is nothing to climb.

    Source:
        The range check of Croce & Hein's AutoAttack, for probabilities.
    """

    def __init__(self, objective: Objective, gold: Tensor) -> None:
        self.objective = objective
        self.suspect = torch.ones_like(gold, dtype=torch.bool)
        self.tied = torch.zeros_like(self.suspect)
        self._undecided = True
        self._alike = [Alike(gold)]

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        """float32 (b, C): the objective's own, minus infinity for candidates that are taken for the right one or the target."""
        scores = self.objective(pixels, rows)
        every = torch.arange(len(scores), device=scores.device) if rows is None else rows
        if self._undecided:
            self.suspect[every] &= look_like_probabilities(scores.detach())
            self._undecided = bool(self.suspect.any())
        for alike in self._alike:
            if alike.undecided:
                same, finite = alike.update(scores.detach(), every), scores.detach().isfinite()
                rivals = (finite & ~same).sum(1) > 1  # itself and another
                self.tied[every] = finite.sum(1).gt(1) & ~rivals
                scores = scores.masked_fill(same & rivals[:, None], -torch.inf)
        return scores

    def aim_at(self, target: Tensor) -> None:
        """From now on candidates that read like these columns, int64 (B,), are absent too."""
        self._alike.append(Alike(target))


class Alike:
    """Which candidates have always scored exactly as much as one of them.

    Args:
        column: int64 (B,): that one.
    """

    def __init__(self, column: Tensor) -> None:
        self.column = column[:, None]
        self.undecided = True
        self._always = torch.ones(len(column), 0, dtype=torch.bool, device=column.device)

    def update(self, scores: Tensor, rows: Tensor) -> Tensor:
        """Takes in the scores, (b, C), of the images `rows`; bool (b, C): who scores as much now, and always did."""
        more = scores.shape[1] - self._always.shape[1]
        if more > 0:
            self._always = functional.pad(self._always, (0, more), value=True)
        column = self.column[rows]
        leads_of = scores.gather(1, column)
        equal = (scores == leads_of).scatter(1, column, False)
        always = self._always[rows]
        always[:, : scores.shape[1]] &= (equal | ~leads_of.isfinite()).scatter(1, column, False)
        always[:, scores.shape[1] :] = False  # absent
        self._always[rows] = always
        self.undecided = bool(self._always.any())
        return equal & always[:, : scores.shape[1]]


def look_like_probabilities(scores: Tensor) -> Tensor:
    """Whether an image's scores, absent candidates apart, lie in [0, 1] and sum to 1: bool (b,). One alone says nothing."""
    present = scores != -torch.inf
    values = torch.where(present, scores, 0.0)
    inside = ((values >= 0) & (values <= 1)).all(1)
    return inside & ((values.sum(1) - 1).abs() <= SUM_TOLERANCE) & (present.sum(1) > 1)

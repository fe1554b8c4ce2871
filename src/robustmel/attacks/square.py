"""The Square Attack (Andriushchenko et al., 2020): random search by scores alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from robustmel.attacks.ball import Ball
from robustmel.attacks.ball_attack import BallAttack
from robustmel.attacks.contract import Noise
from robustmel.attacks.outcome import Outcome
from robustmel.attacks.quantities import above_zero, whole
from robustmel.errors import UsageError

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""After so many of 10,000 queries the share of pixels that change is halved."""


@dataclass(frozen=True)
class Square(BallAttack):
    """A black box: paints squares of the ball's border onto the image and keeps those that bring a wrong candidate nearer.

    It follows no gradient, so masked gradients do not stop it. Each query is an image of 8 bits a channel, as a service would
    get it. An image leaves the batch with the first query that fools: `queries` in the log says how many it took. What is
    handed back lies therefore barely over the boundary of that one decision.

    Args:
        eps: Radius of the L-infinity ball, in units of the pixel range [0, 1]; 0 leaves images as they are. Also as "8/255".
        queries: Questions an image at most, in each restart; 0 leaves images as they are.
        p: Share of the pixels that the first squares cover.
        restarts: Runs from fresh stripes; an image that is fooled takes no part in the next.
        on_failure: See `AskingAttack`, as for the option after it.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Andriushchenko et al., "Square Attack: a Query-Efficient Black-box Adversarial Attack via Random Search", ECCV 2020,
        algorithms 1 and 2; p and the number of queries as in Croce & Hein, "Reliable Evaluation ...", ICML 2020.
    """

    eps: float = 8 / 255
    queries: int = 5000
    p: float = 0.8
    restarts: int = 1

    needs: ClassVar[Literal["scores"]] = "scores"
    random: ClassVar[bool] = True
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        self._set(p=above_zero("p", self.p))
        if self.p > 1:
            raise UsageError(f"p = {self.p} is above 1; it is a share of the pixels, usually 0.8.")
        whole("queries", self.queries)

    @property
    def idle(self) -> bool:
        """Whether there is no question to ask."""
        return self.queries == 0

    def passes(self) -> int:
        """A forward pass a query."""
        return self.restarts * self.queries + self.clean_passes

    def run(self, outcome: Outcome, rows: Tensor, noise: Noise, start: int) -> None:
        """One start; see `BallAttack`."""
        ball = Ball(outcome.pixels[rows], self.eps)
        stripes = torch.where(noise.uniform(rows)[:, :, :1] < 0, -1.0, 1.0)  # one pixel wide, from top to bottom
        best = ball.sample(stripes)
        margin = outcome.ask(best, rows)
        rows, (ball, best, margin) = rows[margin.isfinite()], _narrowed(margin.isfinite(), ball, best, margin)
        for query in range(1, self.queries + 1):
            outcome.keep(best[margin > 0], rows[margin > 0])
            going = ~(outcome.fooled | outcome.stopped)[rows]
            if not going.all():
                outcome.leave(best[~going], rows[~going])
                rows, (ball, best, margin) = rows[going], _narrowed(going, ball, best, margin)
            if query == self.queries or not len(rows):
                break
            proposal = _painted(ball, best, self.side(query, best), noise, rows)
            asked = outcome.ask(proposal, rows)
            better = asked > margin
            best = torch.where(better[:, None, None, None], proposal, best)
            margin = torch.where(better, asked, margin)
        outcome.leave(best, rows)

    def side(self, query: int, pixels: Tensor) -> int:
        """Length of the square of a query, in pixels.

        Args:
            query: Counted from 0, which is that of the stripes.
            pixels: The images, for their size.
        """
        height, width = pixels.shape[2:]
        halved = sum(query * 10_000 // self.queries > after for after in HALVINGS)
        return min(max(round(math.sqrt(self.p / 2**halved * height * width)), 1), height, width)


def _narrowed(keep: Tensor, ball: Ball, best: Tensor, margin: Tensor) -> tuple[Ball, Tensor, Tensor]:
    return ball.narrow(keep), best[keep], margin[keep]


def _painted(ball: Ball, pixels: Tensor, side: int, noise: Noise, rows: Tensor) -> Tensor:
    """The images with one square each whose channels lie on the ball's upper or lower border; place and signs drawn by lot."""
    height, width = pixels.shape[2:]
    down, across = height - side + 1, width - side + 1
    lot = noise.integers(torch.full_like(rows, 8 * down * across), rows)
    signs, top, left = lot % 8, (lot // 8 // across)[:, None], (lot // 8 % across)[:, None]
    line, column = (torch.arange(length, device=pixels.device) for length in (height, width))
    inside = ((line >= top) & (line < top + side))[:, None, :, None] & ((column >= left) & (column < left + side))[
        :, None, None, :
    ]
    up = (signs[:, None] >> torch.arange(3, device=pixels.device) & 1).bool()[:, :, None, None]
    return torch.where(inside, torch.where(up, ball.high, ball.low), pixels)

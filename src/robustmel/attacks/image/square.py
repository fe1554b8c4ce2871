"""The Square Attack (Andriushchenko et al., 2020): random search by scores alone."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from robustmel.attacks.contract import Noise
from robustmel.attacks.image.attacked_batch import AttackedBatch
from robustmel.attacks.image.ball import Ball
from robustmel.attacks.image.ball_attack import BallAttack, StartState
from robustmel.attacks.image.gradients import replaced

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""After so many of 10,000 queries the share of pixels that change is halved."""

PATIENCE = 20
"""So many proposals in a row may have no finite answer before an image is given up; where one of them has, the search goes on."""


@dataclass(frozen=True)
class Square(BallAttack):
    """A black-box attack by scores alone; masked gradients do not stop it (Square Attack; Andriushchenko et al., 2020).

    Random search: it tries squares of the largest change allowed and keeps those that bring a wrong candidate nearer. Each query is an image of 8 bits a channel, as a service would
    get it. An image leaves the batch with the first query that fools: `queries` in the log says how many it took. What is
    handed back lies therefore barely over the boundary of that one decision.

    Args:
        eps: Radius of the L-infinity ball, in units of the pixel range [0, 1]; 0 leaves images as they are. Also as "8/255".
        queries: Queries an image at most, in each restart; 0 leaves images as they are.
        p: Share of the pixels that the first squares cover.
        restarts: Runs from fresh stripes; an image that is fooled takes no part in the next.
        on_failure: See `QueryAttack`, as for the option after it.

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
    version: ClassVar[int] = 2

    @property
    def idle(self) -> bool:
        """Whether there is no query to make."""
        return self.queries == 0

    def passes(self) -> int:
        """A forward pass a query."""
        return self.restarts * self.queries + self.clean_passes

    def run(self, batch: AttackedBatch, rows: Tensor, noise: Noise, start: int) -> None:
        """One start; see `BallAttack`."""
        ball = Ball(batch.pixels[rows], self.eps)
        stripes = ball.sample(torch.where(noise.uniform(rows)[:, :, :1] < 0, -1.0, 1.0))  # one pixel wide, from top to bottom
        state = SearchState(rows, ball, stripes, batch.query(stripes, rows), torch.zeros_like(rows))
        state.current = replaced(stripes, state.margin.isnan(), ball.centre)  # where any finite answer will be better
        state.bear(batch, state.margin)
        for query in range(1, self.queries + 1):
            fools = state.margin > 0
            batch.keep(state.current[fools], state.rows[fools])
            finished = batch.finished[state.rows]
            batch.record_last(state.current[finished], state.rows[finished])
            state = state.narrow(~finished)
            if query == self.queries or not len(state.rows):
                break
            proposal = _painted(state, self.side(query, state.current), noise)
            margin = batch.query(proposal, state.rows)
            better = (margin > state.margin) | (state.margin.isnan() & margin.isfinite())
            state.current = torch.where(better[:, None, None, None], proposal, state.current)
            state.margin = torch.where(better, margin, state.margin)
            state.bear(batch, margin)
        batch.record_last(state.current, state.rows)

    def side(self, query: int, pixels: Tensor) -> int:
        """Length of the square of a query, in pixels.

        Args:
            query: Counted from 0, which is that of the stripes.
            pixels: The images, for their size.
        """
        height, width = pixels.shape[2:]
        halved = sum(query * 10_000 // self.queries > after for after in HALVINGS)
        return min(max(round(math.sqrt(self.p / 2**halved * height * width)), 1), height, width)


@dataclass
class SearchState(StartState):
    """The best images so far, as `current`.

    Args:
        rows: See `StartState`, as for the next two.
        margin: float32 (b,): how far these reach the goal; NaN as long as no answer was finite.
        unanswered: int64 (b,): proposals in a row whose answer was not.
    """

    margin: Tensor
    unanswered: Tensor

    def bear(self, batch: AttackedBatch, margin: Tensor) -> None:
        """Lets images go on whose newest margin is not finite, up to a point; not those with one candidate."""
        self.unanswered = torch.where(margin.isnan(), self.unanswered + 1, 0)
        batch.halted[self.rows] &= ~batch.not_finite[self.rows] | (self.unanswered > PATIENCE)


def _painted(state: SearchState, side: int, noise: Noise) -> Tensor:
    """The images with one square each whose channels lie on the ball's upper or lower border; place and signs drawn by lot."""
    pixels, ball = state.current, state.ball
    height, width = pixels.shape[2:]
    down, across = height - side + 1, width - side + 1
    lot = noise.integers(torch.full_like(state.rows, 8 * down * across), state.rows)
    signs, top, left = lot % 8, (lot // 8 // across)[:, None], (lot // 8 % across)[:, None]
    line, column = (torch.arange(length, device=pixels.device) for length in (height, width))
    inside = ((line >= top) & (line < top + side))[:, None, :, None] & ((column >= left) & (column < left + side))[
        :, None, None, :
    ]
    up = (signs[:, None] >> torch.arange(3, device=pixels.device) & 1).bool()[:, :, None, None]
    return torch.where(inside, torch.where(up, ball.high, ball.low), pixels)

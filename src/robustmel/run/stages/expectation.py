"""The scores of a source that draws, as an attack sees them: averages over fresh draws."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from robustmel.attacks.contract import Objective
from robustmel.item_seeds import item_seed
from robustmel.types import Query


class ExpectedObjective:
    """Averages the scores over several draws, fresh ones at each question (expectation over transformation).

    An image's draws depend on its query and on how often it was asked about, never on its neighbours.

    Args:
        objective_of: Gives the scores of queries with the seeds they have.
        draws: At each question, at least 1.
        queries: The batch; an attack that drops images names the rest by their rows.

    Attributes:
        fixed: The scores under the queries' own seeds, which repeat.

    Source:
        Athalye, Carlini & Wagner, "Obfuscated Gradients Give a False Sense of Security", ICML 2018, section 4.2 (EOT).
    """

    def __init__(self, objective_of: Callable[[Sequence[Query]], Objective], draws: int, queries: Sequence[Query]) -> None:
        self.fixed = objective_of(queries)
        self.draws = draws
        self.note = getattr(self.fixed, "note", "")
        self._objective_of, self._queries, self._asked = objective_of, list(queries), [0] * len(queries)

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        """float32 (b, C)."""
        named = range(len(self._queries)) if rows is None else rows.tolist()
        drawn = [self._objective_of([self._redrawn(row) for row in named])(pixels) for _ in range(self.draws)]
        return torch.stack(drawn).mean(0)

    def _redrawn(self, row: int) -> Query:
        query = self._queries[row]
        self._asked[row] += 1
        return replace(query, seed=item_seed(query.seed, "eot", str(self._asked[row])))

"""The scores of a linker that takes no pixels: it is asked with image files, as any user would ask it."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from robustmel.attacks.image.eight_bit import as_pictures
from robustmel.errors import RobustMELError, with_article
from robustmel.images import Pixels, write_png
from robustmel.linkers.contract import Linker, Scored
from robustmel.plug_ins.process_settings import undisturbed
from robustmel.run.stages.link import answers
from robustmel.types import Prediction, Query, Task


class BlackBoxObjective:
    """The scores of a batch of queries, by `scores` where the linker has it, else by what `link` answers.

    Every image is written as a PNG file of 8 bits a channel first, so the linker sees what it would see of a published set, and
    never anything finer. Nothing can be differentiated. The files have a new name each time, and are gone with the answer.
    """

    note = "asked with PNG files of 8 bits per channel"

    def __init__(self, linker: Linker, task: Task, logits: str, queries: Sequence[Query]) -> None:
        self.linker = linker
        self.task = task
        self.scale = float(getattr(linker, "logit_scale", 1.0)) if logits == "scaled" else 1.0
        self.queries = list(queries)

    @torch.no_grad()
    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        """float32 (b, C), or (b, C + 1) where `link` alone can be asked; see `as_scores`."""
        queries = self.queries if rows is None else [self.queries[row] for row in rows.tolist()]
        with TemporaryDirectory(prefix="robustmel-queries-") as folder:
            asked = [
                _with_image(queries[number], Path(folder) / f"{number}.png", picture)
                for number, picture in enumerate(as_pictures(pixels))
            ]
            scores = scores_of(self.linker, asked, self.task)
        return scores.to(pixels.device) * self.scale


@torch.no_grad()
def scores_of(linker: Linker, queries: Sequence[Query], task: Task) -> Tensor:
    """float32 (b, C) by `scores` where the linker has it, else (b, C + 1) by what `link` answers; see `as_scores`."""
    if isinstance(linker, Scored):
        with undisturbed():
            scores = linker.scores(queries, task)
        with suppress(TypeError, ValueError, RuntimeError):
            scores = torch.as_tensor(scores)
        check_scores(linker, "scores", scores, queries)
        return in_single_precision(scores.double())
    return as_scores(queries, answers(linker, queries, task))


def check_scores(linker: object, method: str, scores: object, queries: Sequence[Query]) -> None:
    """Refuses what is no tensor with a row for each query and a column for each candidate.

    Raises:
        RobustMELError: It is something else; no figure comes of it.
    """
    wanted: tuple[int, ...] = (len(queries),)
    if queries and all(query.candidates is not None for query in queries):
        wanted += (max(len(query.listed) for query in queries),)
    if not isinstance(scores, Tensor) or scores.ndim != 2 or scores.shape[: len(wanted)] != wanted:
        shape = f"one of shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else with_article(type(scores).__name__)
        raise RobustMELError(
            f"linker {type(linker).__name__}: {method} must give a tensor with a row a query and a column a candidate,"
            f" {wanted} here, not {shape}."
        )


def in_single_precision(scores: Tensor) -> Tensor:
    """Scores as attacks read them: float32 (b, C) of float64 (b, C).

    Where that would make ties of scores a hair apart, or infinities of large ones, a row is counted from its best, over its spread:
    the order and the ratios of distances stay. Where hairs lie beside large distances, the order alone stays: ranks are counted.
    """
    single = scores.float()
    finite = scores.isfinite()
    for row, own, there in zip(single, scores, finite, strict=True):
        distinct = own[there].unique()
        if not bool(row[there].isfinite().all()) or len(row[there].unique()) < len(distinct):
            largest = distinct.abs().amax()
            shares = own / largest - distinct[-1] / largest
            row.copy_(shares / shares[there].abs().amax().clamp(min=1e-300))
            if len(row[there].unique()) < len(distinct):
                row[there] = (torch.searchsorted(distinct, own[there]).float() + 1) / len(distinct) - 1
    return single


def _with_image(query: Query, path: Path, picture: Pixels) -> Query:
    write_png(path, picture)
    return replace(query, image=path)


def as_scores(queries: Sequence[Query], predictions: Sequence[Prediction]) -> Tensor:
    """A linker's answers to queries that list candidates, as scores: float32 (b, C + 1), C the length of the longest candidate list.

    Column j is `candidates[j]`, minus infinity where a list is shorter. A candidate that the answer leaves out, or scores minus
    infinity, stands one below the lowest that it scores. The last column is NIL: one above all candidates where the answer is
    NIL, else minus infinity. Where the linker could not answer, nothing is a number, so an attack stops there and has no success.
    """
    width = max(len(query.listed) for query in queries)
    scores = torch.full((len(queries), width + 1), -torch.inf, dtype=torch.float64)
    for row, query, answer in zip(scores, queries, predictions, strict=True):
        ranked = {name: score for name, score in zip(answer.ranked, answer.scores, strict=True) if score != -math.inf}
        below = min(ranked.values(), default=0.0) - 1
        row[: len(query.listed)] = torch.tensor([ranked.get(name, below) for name in query.listed], dtype=torch.float64)
        if answer.error is not None:
            row.fill_(torch.nan)
        elif not ranked:
            row[-1] = 0.0
    return in_single_precision(scores)

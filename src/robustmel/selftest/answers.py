"""From scores as a function of pixels to answers: what the selftest's own victims have in common."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from robustmel.errors import ImageError
from robustmel.images import decode
from robustmel.linkers.ranking import ranking
from robustmel.types import Prediction, Query

ScoresOf = Callable[[Tensor, Sequence[Query]], Tensor]
"""float32 pixels (B, 3, H, W) in [0, 1] and B queries -> float32 (B, C)."""


@torch.no_grad()
def answers(queries: Sequence[Query], scores_of: ScoresOf, device: torch.device | str = "cpu") -> list[Prediction]:
    """One prediction per query, in order, from the query's own image; an image that cannot be used gives an error row."""
    predictions: dict[int, Prediction] = {}
    together: defaultdict[tuple[int, ...], list[tuple[int, Tensor]]] = defaultdict(list)
    for index, query in enumerate(queries):
        try:
            picture = torch.from_numpy(decode(query.image_file)).permute(2, 0, 1)
        except ImageError as problem:
            predictions[index] = Prediction(query.id, error=problem.kind)
            continue
        together[tuple(picture.shape)].append((index, picture))
    for group in together.values():
        some = [queries[index] for index, _ in group]
        scores = scores_of(torch.stack([picture for _, picture in group]).to(device).float() / 255, some)
        predictions |= {index: ranking(query, row) for (index, _), query, row in zip(group, some, scores.cpu(), strict=True)}
    return [predictions[index] for index in range(len(queries))]

"""Stage one: the stage function of each modality, given what all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Differentiable, Linker
from robustmel.run.stages.shards import ProgressCallback
from robustmel.types import Query

if TYPE_CHECKING:
    from robustmel.run.jobs import Variant


def _images(
    job: Variant, attack: Any, linkers: Sequence[Linker], kb: KnowledgeBase, queries: list[Query], gold: list[str | None],
    folder: Path, progress: ProgressCallback,
) -> dict[str, Any]:  # fmt: skip
    import torch

    from robustmel.run.stages.objective import objective_of
    from robustmel.run.stages.perturb_images import ImageAttackContext, perturb_images

    objective, device = None, torch.device("cpu")
    if linkers:
        objective = partial(objective_of, cast(Sequence[Differentiable], linkers), job.view, job.attack.logits)
        device = torch.device(getattr(linkers[0], "device", "cpu"))
    name = job.component.identity["name"]
    context = ImageAttackContext(attack, objective, kb, device, name, job.seed, job.attack.max_side)
    return perturb_images(queries, gold, context, job.batch_size, folder, progress)


def _texts(
    job: Variant, attack: Any, linkers: Sequence[Linker], kb: KnowledgeBase, queries: list[Query], gold: list[str | None],
    folder: Path, progress: ProgressCallback,
) -> dict[str, Any]:  # fmt: skip
    from robustmel.run.stages.black_box import scores_of
    from robustmel.run.stages.perturb_texts import TextAttackContext, perturb_texts

    scores = (lambda asked: scores_of(linkers[0], asked, job.view)) if linkers else None
    context = TextAttackContext(attack, scores, kb, job.component.identity["name"], job.seed)
    return perturb_texts(queries, gold, context, job.batch_size, folder, progress)


def _knowledge(
    job: Variant, attack: Any, linkers: Sequence[Linker], kb: KnowledgeBase, queries: list[Query], gold: list[str | None],
    folder: Path, progress: ProgressCallback,
) -> dict[str, Any]:  # fmt: skip
    from robustmel.run.stages.perturb_kb import perturb_kb

    return perturb_kb(queries, gold, kb, attack, job.component.identity["name"], job.seed, folder, progress)


STAGES: Mapping[str, Callable[..., dict[str, Any]]] = {"image": _images, "text": _texts, "knowledge": _knowledge}
"""Modality -> what perturbs a set in it: (job, attack, linkers asked, knowledge base, queries, gold ids, folder, progress)."""

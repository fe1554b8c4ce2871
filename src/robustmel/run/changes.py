"""What has changed since the last run into the same folder, and is therefore recomputed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from robustmel.images import is_there
from robustmel.run.keys import content_key
from robustmel.run.plan import Plan

WHAT = {
    "data set": "its mentions, images or knowledge base",
    "sample of": "limit, sample_seed or split",
    "candidates": "their generator or its parameters",
    "training": "its recipe or its data",
    "linker": "its weights, parameters, version or libraries",
    "defence": "its parameters or version",
    "attack": "its parameters or version",
}


def ingredients(plan: Plan) -> dict[str, str]:
    """Name ("linker clip-world") -> hash of all that decides its behaviour, for everything a plan names."""
    return dict(_ingredients(plan))


def _ingredients(plan: Plan) -> Iterator[tuple[str, str]]:
    for planned in plan.cells:
        cell, candidates = planned.cell, planned.candidates
        yield f"data set {cell.dataset}", content_key(candidates.data)
        yield f"sample of {cell.dataset}", content_key([candidates.limit, candidates.sample_seed, candidates.split])
        yield f"candidates {candidates.generator.title}", content_key(candidates.generator.identity)
        for evaluation in planned.evaluations:
            victim = evaluation.answers.victim
            if victim.linker.training is None:
                yield f"linker {cell.linker}", content_key(victim.linker.identity)
            else:
                training = victim.linker.training
                yield f"training of {cell.linker}", content_key([dict(training.identity), list(training.data)])
            yield f"defence {cell.defence}", content_key(victim.defence.identity)
            if evaluation.variant is not None:
                aim: dict[str, Any] = {"logits": planned.attack.logits, "max_side": planned.attack.max_side}
                aim |= {"eot": planned.attack.eot} if planned.attack.eot > 1 else {}
                yield f"attack {cell.attack}", content_key([planned.component.identity, aim])


def changes(plan: Plan, out: Path) -> list[str]:
    """A sentence for each ingredient that is not what it was when `out` was last written; [] for a new folder."""
    before = _before(out / "run.json")
    now = ingredients(plan)
    changed = [name for name, digest in now.items() if before.get(name, digest) != digest]
    resampled = {f"data set {name.removeprefix('sample of ')}" for name in changed if name.startswith("sample of ")}
    changed = [name for name in changed if name not in resampled]  # of other mentions nobody knows whether they were the same
    whats = [next(what for kind, what in WHAT.items() if name.startswith(kind)) for name in changed]
    return [
        f"{name} has changed ({what}); what depends on it is recomputed." for name, what in zip(changed, whats, strict=True)
    ]


def _before(path: Path) -> dict[str, Any]:
    """The ingredients that `run.json` names; {} where there is none that can be understood: it is written anew."""
    try:
        body = json.loads(path.read_text("utf-8")) if is_there(path) else {}
    except (OSError, ValueError, RecursionError):
        return {}
    named = body.get("ingredients") if isinstance(body, dict) else None
    return named if isinstance(named, dict) else {}

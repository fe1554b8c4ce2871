"""What has changed since the last run into the same folder, so that nobody wonders why work is done again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from robustmel.run.keys import content_key
from robustmel.run.plan import Plan

WHAT = {
    "data set": "its mentions, images or knowledge base",
    "candidates": "their generator or its parameters",
    "linker": "its weights, parameters or version",
    "defence": "its parameters or version",
    "attack": "its parameters or version",
}


def ingredients(plan: Plan) -> dict[str, str]:
    """Name ("linker clip-world") -> hash of all that decides its behaviour, for everything a plan names."""
    return dict(_ingredients(plan))


def _ingredients(plan: Plan) -> Iterator[tuple[str, str]]:
    for cell in plan.cells:
        yield f"data set {cell.dataset}", content_key(cell.questions.data)
        yield f"candidates {cell.questions.generator.component.title}", content_key(cell.questions.generator.identity)
        for view in cell.views:
            yield f"linker {cell.linker}", content_key(view.rows.linker.identity)
            yield f"defence {cell.defence}", content_key(view.rows.defence.identity)
            if view.variant is not None:
                aim: dict[str, Any] = {"logits": cell.attack.logits, "max_side": cell.attack.max_side}
                yield f"attack {cell.attack.title}", content_key([view.variant.made.identity, aim])


def changes(plan: Plan, out: Path) -> list[str]:
    """A sentence for each ingredient that is not what it was when `out` was last written; [] for a new folder."""
    try:
        before: dict[str, str] = json.loads((out / "run.json").read_text("utf-8"))["ingredients"]
    except (OSError, ValueError, KeyError):
        return []
    now = ingredients(plan)
    changed = [name for name, digest in now.items() if before.get(name, digest) != digest]
    return [f"{name} has changed ({_what(name)}); what depends on it is made anew." for name in changed]


def _what(name: str) -> str:
    return next(what for kind, what in WHAT.items() if name.startswith(kind))

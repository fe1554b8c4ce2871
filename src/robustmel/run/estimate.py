"""What a plan will cost, from what earlier artefacts of the same linker took."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

from robustmel.run.jobs import Answers, Job, Variant
from robustmel.run.plan import Plan
from robustmel.run.store import Store

IMAGE_BYTES = 100_000
"""An 8-bit PNG of a perturbed photograph 224 pixels wide; noise hardly compresses."""


def outline(plan: Plan, store: Store) -> str:
    """The plan in words: missing artefacts, what is shared, time, disk."""
    missing = [job for job in plan.jobs if not store.has(job.kind, job.key)]
    lines = [f"{len(plan.cells)} cells, {len(plan.jobs)} artefacts, {len(missing)} missing"]
    for kind, count in Counter(job.kind for job in missing).items():
        lines.append(f"  {kind}: {count}")
    lines += [f"  - {job.title}" for job in missing]
    shared = {key: count for key, count in plan.consumers.items() if count > 1}
    if shared:
        titles = {job.key: job.title for job in plan.jobs}
        lines.append("perturbed once, used by several sets of answers:")
        lines += [f"  - {titles[key]}: {count}" for key, count in shared.items()]
    lines += plan.notes
    lines += _cost(missing, plan, store)
    return "\n".join(lines)


def disk_needed(plan: Plan, store: Store) -> int:
    """Bytes that the perturbed images still to be made will take, about."""
    missing = [job for job in plan.jobs if isinstance(job, Variant) and not store.has(job.kind, job.key)]
    missing = [job for job in missing if job.component.loaded.modality == "image"]
    return sum(job.candidates.count for job in missing) * IMAGE_BYTES


def _cost(missing: list[Job], plan: Plan, store: Store) -> list[str]:
    counts = _mentions(plan)
    disk = disk_needed(plan, store)
    passes: Counter[str] = Counter()
    for job in missing:
        if isinstance(job, Variant):
            for source in job.asked:
                passes[source.title] += job.component.loaded.passes() * counts[job.candidates.key]
        elif isinstance(job, Answers):
            passes[job.victim.title] += counts[job.candidates.key]
    rates = _seconds_a_pass(store)
    lines = [f"disk: about {disk / 1e9:.2f} GB for {disk // IMAGE_BYTES} perturbed images (see keep)"] if disk else []
    if missing:
        held = max([3, *(len(job.asked) for job in missing if isinstance(job, Variant))])
        lines.append(f"memory: up to {held} linkers and one batch of images a worker, beside texts and candidate lists")
    for linker, number in passes.items():
        if linker in rates:
            lines.append(
                f"{linker}: {number} passes at most, {number * rates[linker] / 60:.1f} minutes on one worker at the pace so far"
            )
        else:
            lines.append(f"{linker}: {number} passes at most through the model; their pace is known once a first set is made")
    return lines


def _mentions(plan: Plan) -> dict[str, int]:
    return {planned.candidates.key: planned.candidates.count for planned in plan.cells}


def _seconds_a_pass(store: Store) -> dict[str, float]:
    """Linker -> median seconds a pass of the perturbed sets in the store."""
    seen: defaultdict[str, list[float]] = defaultdict(list)
    for manifest in (store.root / "variant").glob("*/*/manifest.json"):
        said = json.loads(manifest.read_text("utf-8"))
        if said.get("passes"):
            seen[said["source_title"]].append(said["seconds"] / said["passes"])
    return {linker: sorted(rates)[len(rates) // 2] for linker, rates in seen.items()}

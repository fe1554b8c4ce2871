"""What a plan will cost, from what earlier artefacts of the same linker took."""

from __future__ import annotations

from collections import Counter, defaultdict

from robustmel.run.jobs import Answers, Job, Variant
from robustmel.run.plan import Plan
from robustmel.run.store import Store

IMAGE_BYTES = 100_000
"""An 8-bit PNG of a perturbed photograph 224 pixels wide; noise hardly compresses."""


def outline(plan: Plan, store: Store, listed: bool = False) -> str:
    """The plan in words: totals by kind and linker, time, disk; with `listed`, every missing artefact too."""
    missing = list(store.missing(plan.jobs).values())
    lines = [f"{len(plan.cells)} cells, {len(plan.jobs)} artefacts, {len(missing)} missing"]
    totals = Counter((job.kind, _of_whom(job)) for job in missing)
    lines += [f"  {kind}{f', {linker}' if linker else ''}: {count}" for (kind, linker), count in totals.items()]
    lines += plan.notes
    lines += _cost(missing, plan, store)
    if listed:
        times = {key: f" (used {count} times)" for key, count in plan.consumers.items() if count > 1}
        lines += ["missing:", *(f"  - {job.title}{times.get(job.key, '')}" for job in missing)]
    return "\n".join(lines)


def _of_whom(job: Job) -> str:
    """The linker a set of answers is by, or the sources a perturbed set is made on."""
    if isinstance(job, Answers):
        return job.victim.title
    return " + ".join(source.title for source in job.asked) if isinstance(job, Variant) else ""


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
    lines = (
        [f"disk: about {disk / 1e9:.2f} GB for {disk // IMAGE_BYTES} perturbed images; `keep` in the grid says which stay"]
        if disk
        else []
    )
    if missing:
        held = max([3, *(len(job.asked) for job in missing if isinstance(job, Variant))])
        lines.append(f"memory: each worker holds up to {held} linkers and one batch of images")
    for linker, number in passes.items():
        if linker in rates:
            lines.append(
                f"time: {linker} takes up to {number} passes, {number * rates[linker] / 60:.1f} minutes on one worker at its pace so far"
            )
        else:
            lines.append(f"time: {linker} takes up to {number} passes; its pace is known after its first attack")
    return lines


def _mentions(plan: Plan) -> dict[str, int]:
    return {planned.candidates.key: planned.candidates.count for planned in plan.cells}


def _seconds_a_pass(store: Store) -> dict[str, float]:
    """Linker -> median seconds a pass of the perturbed sets in the store."""
    seen: defaultdict[str, list[float]] = defaultdict(list)
    for manifest in (store.root / "variant").glob("*/*/manifest.json"):
        said = store.manifest("variant", manifest.parent.name)
        if said.get("passes"):
            seen[said["source_title"]].append(said["seconds"] / said["passes"])
    return {linker: sorted(rates)[len(rates) // 2] for linker, rates in seen.items()}

"""The estimated cost of a plan, from earlier artefacts of the same linker or a test pass."""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from contextlib import suppress
from types import MappingProxyType
from typing import cast

from robustmel.errors import ImageError
from robustmel.images import decode, is_there
from robustmel.linkers import LINKERS
from robustmel.linkers.contract import Differentiable
from robustmel.run.builder import Builder
from robustmel.run.defence_calls import asks_an_endpoint, call_lines
from robustmel.run.jobs import Answers, Job, Variant
from robustmel.run.plan import SAMPLE, Plan
from robustmel.run.store import Store

FEW, PIXELS = 16, 512
"""Images and candidates of a pass that is tried, and the longest side of the images, as attacks have it."""
IMAGE_BYTES = 100_000
"""An 8-bit PNG of a perturbed photograph 224 pixels wide; noise hardly compresses."""
TRIAL_BYTES = 4e9
"""A linker that says that it takes more is not loaded for a test pass."""
OPEN_ANSWER_BYTES = 16
"""Of a (mention, entity) while its batch is answered: scores of the linker, scores of the answer, order."""


def outline(
    plan: Plan,
    store: Store,
    listed: bool = False,
    builder: Builder | None = None,
    keep: str = "all",
    paces: Mapping[str, float] = MappingProxyType({}),
) -> str:
    """The plan in words: totals by kind and linker, time, disk; with `listed`, every missing artefact too.

    A builder measures a pass of each linker of which the store knows no pace, for about a second.

    Args:
        plan: Of a grid.
        store: What is there already.
        listed: Whether to list what is missing.
        builder: Loads data and linkers.
        keep: Of the grid.
        paces: Linker -> seconds of a pass, an image forward and back; they go before what was measured.
    """
    missing = list(store.missing(plan.jobs).values())
    lines = [f"{len(plan.cells)} cells, {len(plan.jobs)} artefacts, {len(missing)} missing"]
    totals = Counter((job.kind, _of_whom(job)) for job in missing)
    lines += [f"  {kind}{f', {linker}' if linker else ''}: {count}" for (kind, linker), count in totals.items()]
    lines += plan.notes
    lines += _cost(missing, plan, store, builder, keep, paces)
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


def _cost(
    missing: list[Job], plan: Plan, store: Store, builder: Builder | None, keep: str, paces: Mapping[str, float]
) -> list[str]:
    counts = {planned.candidates.key: planned.candidates.count for planned in plan.cells}
    disk = disk_needed(plan, store)
    passes: Counter[str] = Counter()
    for job in missing:
        if isinstance(job, Variant):
            for source in job.asked:
                passes[source.title] += job.component.loaded.passes() * job.draws * counts[job.candidates.key]
        elif isinstance(job, Answers):
            passes[job.victim.title] += counts[job.candidates.key]
    rates = _seconds_a_pass(store)
    memory = _stated_memory(missing)
    small = {linker for linker in passes if sum(memory.get(linker, {}).values()) <= TRIAL_BYTES}
    tried = {} if builder is None else _measured(plan, builder, small - rates.keys() - paces.keys())
    lines = _disk_lines(missing, disk, keep)
    if missing:
        held = max([3, *(len(job.asked) for job in missing if isinstance(job, Variant))])
        lines.append(f"memory: each worker holds up to {held} linkers and one batch of images")
    for linker, taken in memory.items():
        parts = ", ".join(f"{size / 1e9:,.2f} for {what}" for what, size in taken.items())
        lines.append(f"memory: {linker} takes about {sum(taken.values()) / 1e9:,.2f} GB on its device: {parts}")
    ranked = {job.candidates.key: job for job in missing if isinstance(job, Answers) and job.candidates.open}
    for job in ranked.values():
        if builder is None:
            break
        entities = len(builder.dataset(job.candidates.dataset, job.candidates.split).kb)
        size = f"{OPEN_ANSWER_BYTES * job.batch_size * entities / 1e9:.2f} GB"
        lines.append(
            f"memory: answers to {job.candidates.name} rank {entities:,} entities; a batch of {job.batch_size} takes up to {size}"
        )
    lines += _tokens(missing, passes, builder) + call_lines(missing, builder) if builder is not None else []
    remote = {
        job.victim.title for job in missing if isinstance(job, Answers) and getattr(job.victim.linker.loaded, "remote", False)
    }
    lines += [
        f"calls: {linker} asks its endpoint up to {passes.pop(linker):,} times; kept replies cost nothing"
        for linker in sorted(remote)
    ]
    hours = 0.0
    for linker, number in passes.items():
        line, pace = f"time: {linker} takes up to {number:,} passes", paces.get(linker, rates.get(linker, tried.get(linker)))
        if pace is None:
            hours = math.nan
            lines.append(f"{line}; its speed is known after its first attack")
        else:
            hours += number * pace / 3600
            so_far = "at its speed so far" if linker in rates else "at the speed of a test pass"
            lines.append(f"{line}, {_time(number * pace)} on one worker {'at the pace given' if linker in paces else so_far}")
    if len(passes) > 1 and math.isfinite(hours):
        lines.append(f"time: {sum(passes.values()):,} passes in all, {_time(3600 * hours)} on one worker")
    return lines


def _time(seconds: float) -> str:
    return f"{seconds / 3600:,.1f} hours" if seconds > 2 * 3600 else f"{seconds / 60:,.1f} minutes"


def _disk_lines(missing: list[Job], disk: int, keep: str) -> list[str]:
    """What the perturbed images take, and what of it stays."""
    if not disk:
        return []
    sets = sum(isinstance(job, Variant) and job.component.loaded.modality == "image" for job in missing)
    left = min(disk, {"none": 0, "sample": SAMPLE * sets * IMAGE_BYTES}.get(keep, disk))
    stays = "`keep` in the grid sets which to keep" if keep == "all" else f'at the end, keep = "{keep}" leaves {_size(left)}'
    return [f"disk: about {_size(disk)} for {disk // IMAGE_BYTES} perturbed images; {stays}"]


def _size(count: float) -> str:
    return f"{count / 1e12:,.2f} TB" if count >= 1e12 else f"{count / 1e9:.2f} GB"


def _tokens(missing: list[Job], passes: Mapping[str, int], builder: Builder) -> list[str]:
    """What linkers that read and write tokens will cost, from the first few mentions of each task; the dearest task counts."""
    dearest: dict[str, tuple[float, ...]] = {}
    for job in missing:
        if not isinstance(job, Answers) or job.candidates.open:
            continue
        spec, asked = job.victim.linker, job.candidates
        if spec.training is not None or not hasattr(spec.loaded, "tokens"):
            continue
        dataset, mentions = builder.sampled(asked.dataset, asked.split, asked.limit, asked.sample_seed)
        queries = [mention.query(dataset.name, mention.candidates or dataset.kb.ids[:FEW]) for mention in mentions[:FEW]]
        if queries:
            usage = spec.loaded.tokens(dataset.kb, queries, job.task, **spec.parameters)
            price_read, price_written = (spec.parameters.get(name) or 0.0 for name in ("price_read", "price_written"))
            cost = (usage.tokens_read * price_read + usage.tokens_written * price_written) / 1e6
            each = tuple(number / len(queries) for number in (usage.tokens_read, usage.tokens_written, cost))
            dearest[job.victim.title] = max(each, dearest.get(job.victim.title, each))
    lines = []
    for linker, each in dearest.items():
        read, written, cost = (passes[linker] * number for number in each)
        paid = f", at a price of {cost:,.4g}" if cost else ""
        lines.append(f"tokens: {linker} reads about {read:,.0f} and writes up to {written:,.0f}{paid}")
    return lines


def _stated_memory(missing: list[Job]) -> dict[str, Mapping[str, int]]:
    """Linker -> what it says that it takes; of one that the grid trains, its own weights are not there to be counted."""
    victims = {job.victim.title: job.victim.linker for job in missing if isinstance(job, Answers)}
    return {
        title: linker.loaded_from(LINKERS).memory(**linker.parameters)
        for title, linker in victims.items()
        if linker.training is None and hasattr(linker.loaded_from(LINKERS), "memory")
    }


def _seconds_a_pass(store: Store) -> dict[str, float]:
    """Linker -> median seconds a pass of the perturbed sets in the store."""
    seen: defaultdict[str, list[float]] = defaultdict(list)
    for manifest in (store.root / "variant").glob("*/*/manifest.json"):
        variant = store.manifest("variant", manifest.parent.name)
        if variant.get("passes"):
            seen[variant["source_title"]].append(variant["seconds"] / variant["passes"])
    return {linker: sorted(rates)[len(rates) // 2] for linker, rates in seen.items()}


def _measured(plan: Plan, builder: Builder, wanted: Set[str]) -> dict[str, float]:
    """Linker -> seconds that a pass takes an image, forward and back, of those with gradients whose weights are there."""
    paces: dict[str, float] = {}
    for job in plan.jobs:
        if not isinstance(job, Answers) or job.variant or job.victim.title in paces or job.victim.title not in wanted:
            continue
        if asks_an_endpoint(job.victim.defence):
            continue  # a plan costs nothing
        if job.victim.linker.training is None and job.victim.capabilities.gradients:
            with suppress(ImageError, ValueError):  # no image to try it on
                paces[job.victim.title] = _pace(job, builder)
    return paces


def _pace(job: Answers, builder: Builder) -> float:
    import torch

    asked = job.candidates
    dataset, mentions = builder.sampled(asked.dataset, asked.split, asked.limit, asked.sample_seed)
    mention = min(
        (mention for mention in mentions if mention.image and is_there(mention.image)), key=lambda mention: mention.id
    )
    query = mention.query(dataset.name, mention.candidates or dataset.kb.ids[:FEW])
    queries = [query] * min(job.batch_size, FEW)
    linker = cast(Differentiable, builder.linker(job.victim, asked))
    image = (
        torch.from_numpy(decode(str(query.image), PIXELS)).to(getattr(linker, "device", "cpu")).permute(2, 0, 1).float() / 255
    )
    task, done, began = "I2T" if "I2T" in job.victim.capabilities.tasks else job.task, 0, 0.0
    while done <= len(queries) or time.perf_counter() - began < 1:
        pixels = image.repeat(len(queries), 1, 1, 1).requires_grad_()
        float(torch.autograd.grad(linker.logits(pixels, queries, task).sum(), pixels)[0].sum())  # which waits for a GPU
        began = began or time.perf_counter()  # the first batch warms up
        done += len(queries)
    return (time.perf_counter() - began) / (done - len(queries))

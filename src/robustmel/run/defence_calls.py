"""What the defences of a plan may ask of an endpoint, before anything is asked."""

from collections import defaultdict
from collections.abc import Iterable

from robustmel.run.builder import Builder
from robustmel.run.components import ComponentSpec, Defended
from robustmel.run.jobs import Answers, Candidates, Job, Variant


def asks_an_endpoint(defence: ComponentSpec) -> bool:
    """Whether it would cost calls to try it."""
    return hasattr(defence.loaded, "calls") and defence.loaded.calls(1, 1, 1, **defence.parameters) > 0


def call_lines(missing: Iterable[Job], builder: Builder) -> list[str]:
    """For each defence that asks an endpoint: how often at most, over all answers and over the passes of attacks on it."""
    images: defaultdict[tuple[str, str], int] = defaultdict(int)
    behind: dict[tuple[str, str], tuple[ComponentSpec, Candidates]] = {}
    for job in missing:
        for defence, candidates, number in _asked(job):
            if asks_an_endpoint(defence):
                title = defence.title, candidates.key
                images[title] += number
                behind[title] = defence, candidates
    totals: defaultdict[str, int] = defaultdict(int)
    for title, (defence, asked) in behind.items():
        dataset, mentions = builder.sampled(asked.dataset, asked.split, asked.limit, asked.sample_seed)
        listed = max((len(mention.candidates) for mention in mentions if mention.candidates), default=len(dataset.kb))
        totals[defence.title] += defence.loaded.calls(images[title], listed, len(dataset.kb), **defence.parameters)
    return [
        f"calls: {name} asks its endpoint up to {number:,} times; kept replies cost nothing" for name, number in totals.items()
    ]


def _asked(job: Job) -> list[tuple[ComponentSpec, Candidates, int]]:
    """Who is asked about how many images."""
    if isinstance(job, Answers):
        return [(job.victim.defence, job.candidates, job.candidates.count)]
    if not isinstance(job, Variant):
        return []
    passes = job.component.loaded.passes() * job.draws * job.candidates.count
    return [(source.defence, job.candidates, passes) for source in job.asked if isinstance(source, Defended)]

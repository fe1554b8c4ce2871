"""Finds the faults of a data set before a run."""

import json
import tomllib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from robustmel.datasets.dataset import Dataset
from robustmel.datasets.image_check import ImageState, Progress, image_states
from robustmel.datasets.overlaps import duplicates, leaks, look_alikes
from robustmel.datasets.spans import occurs_again
from robustmel.errors import printable
from robustmel.types import Mention

EXAMPLES = 3


@cache
def meanings() -> dict[str, list[str]]:
    """Reason -> what is the case (after a count), and the way out."""
    return tomllib.loads(files("robustmel.datasets").joinpath("remarks.toml").read_text("utf-8"))


@dataclass(frozen=True)
class Finding:
    """One kind of remark."""

    reason: str
    count: int
    examples: tuple[str, ...] = ()
    detail: str = ""

    def __str__(self) -> str:
        meaning, way_out = meanings().get(self.reason, [self.reason.replace("_", " "), ""])
        detail = f" ({self.detail})" if self.detail else ""
        first = "; ".join(printable(example) for example in self.examples[:EXAMPLES])
        return f"{self.reason} ({self.count:,}): {meaning}{detail}{f'; first: {first}' if first else ''}. {way_out}".rstrip()


def finding(reason: str, examples: Iterable[str], detail: str = "") -> Finding:
    """A finding counted from all its examples."""
    listed = list(examples)
    return Finding(reason, len(listed), tuple(listed[:EXAMPLES]), detail)


@dataclass(frozen=True)
class CheckReport:
    """Counts of a data set and what was found in it; unless said otherwise, numbers are mentions.

    Args:
        dataset: Its name.
        layout: Which of its layouts was read.
        records: Records in the files (one may hold several mentions).
        mentions: Mentions.
        entities: Entities of the knowledge base.
        splits: Split -> mentions.
        surface_differs: The surface is not exactly the gold entity's name.
        ambiguous_surfaces: Surfaces (stripped, NFC, case-folded) with more than one gold entity.
        ambiguous_mentions: Mentions with such a surface.
        unlocated: The surface does not occur verbatim in the sentence.
        recovered: Those of them that have a span all the same.
        repeated: The surface occurs more than once in the sentence.
        nil: The gold entity is in no knowledge base.
        gold_not_in_candidates: The gold entity is not among the candidates given.
        images_missing: The image file is not there.
        images_broken: The image cannot be decoded, or is refused.
        duplicates: Equal to an earlier mention, gold included.
        leaks: Image (or one that looks the same) or sentence occurs in an earlier split.
        findings: All of this and the loader's remarks, where there is something to say.
    """

    dataset: str
    layout: str
    records: int
    mentions: int
    entities: int
    splits: dict[str, int]
    surface_differs: int
    ambiguous_surfaces: int
    ambiguous_mentions: int
    unlocated: int
    recovered: int
    repeated: int
    nil: int
    gold_not_in_candidates: int
    images_missing: int
    images_broken: int
    duplicates: int
    leaks: int
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> str:
        """One object: every count under its own name, and `notes`, a list of sentences that begin with the finding's name."""
        values = {key: value for key, value in vars(self).items() if key != "findings"}
        return json.dumps(values | {"notes": [str(remark) for remark in self.findings]}, indent=2, ensure_ascii=False)

    def to_text(self) -> str:
        """The counts, then a line a finding with its first examples and the way out."""
        splits = ", ".join(f"{printable(name)} {count:,}" for name, count in self.splits.items())
        lines = [f"data set {printable(self.dataset)}: {printable(self.layout, 300)}", f"  {'splits':<24}{splits}"]
        for key, value in vars(self).items():
            if isinstance(value, int):
                lines.append(f"  {key.replace('_', ' '):<24}{value:,}")
        lines.append("Findings:" if self.findings else "Nothing to remark.")
        return "\n".join([*lines, *(f"- {remark}" for remark in self.findings)]) + "\n"


def check(dataset: Dataset, verify_images: bool = True, progress: Progress | None = None) -> CheckReport:
    """Looks through a loaded data set.

    Args:
        dataset: As its loader gave it.
        verify_images: Decode every image, and compare images by their bytes; else only look whether the files are there,
            and compare images by their paths.
        progress: Told (images done, images in all).
    """
    mentions, kb = tuple(dataset.mentions), dataset.kb  # looked at many times
    paths = [mention.image for mention in mentions if mention.image is not None]
    states = image_states([*paths, *(image for entity in kb for image in entity.images)], verify_images, progress)

    def picture(mention: Mention) -> Hashable | None:
        return None if mention.image is None else states[mention.image].digest or mention.image

    same, contradicting = duplicates(mentions, picture)
    by_image, by_sentence = leaks(mentions, picture)
    by_look = look_alikes(mentions, lambda mention: None if mention.image is None else states[mention.image].look)
    by_look = {mention_id: pair for mention_id, pair in by_look.items() if mention_id not in by_image}
    leaking = by_sentence | by_look | by_image
    unlocated = [mention for mention in mentions if mention.text.strip() and mention.surface not in mention.text]
    repeated = [mention for mention in mentions if occurs_again(mention.surface, mention.text)]
    outside = [
        mention
        for mention in mentions
        if mention.candidates is not None and mention.gold is not None and mention.gold not in mention.candidates
    ]
    missing, broken = _troubled((mention.id, states[mention.image]) for mention in mentions if mention.image is not None)
    kb_missing, kb_broken = _troubled((entity.id, states[image]) for entity in kb for image in entity.images)
    ambiguous = _ambiguous(mentions)
    findings = [
        finding("images_missing", missing),
        finding("images_broken", broken),
        finding("entity_images_missing", kb_missing),
        finding("entity_images_broken", kb_broken),
        _conversions(states),
        _identical(states),
        finding("bare_entities", (entity.id for entity in kb if not entity.text.strip() and not entity.description.strip())),
        finding(
            "unlocated",
            (f"{mention.id}: {mention.surface}" for mention in sorted(unlocated, key=lambda mention: mention.span is not None)),
            f"{sum(mention.span is not None for mention in unlocated):,} of them placed by a rule",
        ),
        finding("repeated", (mention.id for mention in repeated if mention.span is None), "and no span says which"),
        finding("gold_not_in_candidates", (mention.id for mention in outside)),
        finding("duplicates", (mention.id for mention in same)),
        finding("contradictions", (mention.id for mention in contradicting)),
        finding(
            "leaks",
            (f"{mention.id} ({mention.split}) with {earlier.id} ({earlier.split})" for mention, earlier in leaking.values()),
            f"image {len(by_image):,}, image that looks the same {len(by_look):,}, sentence {len(by_sentence):,}",
        ),
        finding("label_leaks", (mention.id for mention in mentions if mention.id == mention.gold)),
        *_structure(mentions),
    ]
    return CheckReport(
        dataset=dataset.name,
        layout=dataset.report.layout,
        records=dataset.report.counts.get("records", len(mentions)),
        mentions=len(mentions),
        entities=len(kb),
        splits=dict(Counter(mention.split or "none" for mention in mentions)),
        surface_differs=sum(
            mention.gold in kb and mention.surface != kb[mention.gold].name for mention in mentions if mention.gold is not None
        ),
        ambiguous_surfaces=len(ambiguous),
        ambiguous_mentions=sum(ambiguous.values()),
        unlocated=len(unlocated),
        recovered=sum(mention.span is not None for mention in unlocated),
        repeated=len(repeated),
        nil=sum(mention.gold is None for mention in mentions),
        gold_not_in_candidates=len(outside),
        images_missing=len(missing),
        images_broken=len(broken),
        duplicates=len(same),
        leaks=len(leaking),
        findings=tuple(remark for remark in (*findings, *_remarks(dataset, findings)) if remark.count),
    )


def _ambiguous(mentions: tuple[Mention, ...]) -> dict[str, int]:
    """Ambiguous surface -> its mentions."""
    golds: defaultdict[str, set[str]] = defaultdict(set)
    count: Counter[str] = Counter()
    for mention in mentions:
        surface = unicodedata.normalize("NFC", mention.surface.strip()).casefold()
        count[surface] += 1
        if mention.gold is not None and surface:
            golds[surface].add(mention.gold)
    return {surface: count[surface] for surface, meant in golds.items() if len(meant) > 1}


def _troubled(images: Iterable[tuple[str, ImageState]]) -> tuple[list[str], list[str]]:
    """Images that are missing, and images that are broken or refused, each as "id: what is wrong"."""
    missing: list[str] = []
    broken: list[str] = []
    for owner, state in images:
        if state.problem is not None:
            (missing if state.problem == "image_missing" else broken).append(f"{owner}: {state.message.rstrip('.')}")
    return missing, broken


def _conversions(states: Mapping[Path, ImageState]) -> Finding:
    kinds = Counter(note for state in states.values() for note in state.notes)
    listed = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common(6))
    return finding("images_converted", (str(path) for path, state in states.items() if state.notes), listed)


def _identical(states: Mapping[Path, ImageState]) -> Finding:
    """Files that are byte for byte an earlier one."""
    first: dict[str, Path] = {}
    for path, state in states.items():
        if state.digest is not None:
            first.setdefault(state.digest, path)
    copies = ((path, first[state.digest]) for path, state in states.items() if state.digest is not None)
    return finding("identical_images", (f"{path.name} is {original.name}" for path, original in copies if path != original))


def _structure(mentions: tuple[Mention, ...]) -> Iterator[Finding]:
    listed = any(mention.candidates is not None for mention in mentions)
    yield finding("partial_candidates", (mention.id for mention in mentions if listed and mention.candidates is None))
    yield finding("no_split", (mention.id for mention in mentions if mention.split is None))
    odd = [mention for mention in mentions if mention.split not in (None, "train", "validation", "test")]
    yield finding("odd_splits", (f"{mention.id}: {mention.split}" for mention in odd))


def _remarks(dataset: Dataset, findings: list[Finding]) -> Iterator[Finding]:
    """The loader's remarks, less what the check has found for itself."""
    counts = dataset.report.counts
    own_findings = {remark.reason for remark in findings} | {"records", "nil", "without_span"}
    examples = dataset.report.examples
    return (Finding(key, counts[key], tuple(examples.get(key, ()))) for key in counts if key not in own_findings)

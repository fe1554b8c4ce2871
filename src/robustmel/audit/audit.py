"""A published set beside its clean images: what was done to each image, and what is wrong with the set."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from robustmel.audit.audited_image import AuditedImage
from robustmel.audit.change import Budget, Change, eight_bits, measure
from robustmel.audit.claim import Claim, altered, read_claim
from robustmel.audit.findings import Finding, in_order
from robustmel.audit.jpeg_traces import jpeg_quality
from robustmel.audit.likely_source import Asked, Fooled, ask, likeliest
from robustmel.audit.pairing import Folder, Progress, partners, read_folder
from robustmel.datasets.dataset import Dataset
from robustmel.datasets.jsonl import JSONL
from robustmel.item_seeds import item_seed
from robustmel.linkers import LINKERS
from robustmel.run.stages.verdict import unattackable

EMBEDDED = (
    "align-world", "blip-world", "blip2-world", "clip-robust-world", "clip-world", "flava-world", "owlvit-world", "siglip-world",
)  # fmt: skip
"""Sources that are tried where none are named."""


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Args:
        set: The folder.
        claim: What the set says of itself, or is said to claim.
        changes: Name of an image -> its change; of those that could be compared.
        findings: What is wrong, the gravest first.
        failed: Images that are unchanged, where the set's log says that the attack failed.
        off_grid: Images of tensors with values between the levels of 8 bits.
        bare_clean: How many clean images have none in the set beside them.
        fooled: The linkers that were shown the set; none where it has no mentions.
        entities: The right entity of every mention that they were shown.
        likeliest: The linker it was most likely made on; None where that cannot be told.
        source: A sentence about it.
    """

    set: Path
    claim: Claim
    changes: Mapping[str, Change]
    findings: tuple[Finding, ...]
    failed: tuple[str, ...]
    off_grid: tuple[str, ...]
    bare_clean: int
    fooled: tuple[Fooled, ...] = ()
    entities: tuple[str, ...] = ()
    likeliest: str | None = None
    source: str = ""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def rows(self) -> list[dict[str, Any]]:
        """One an image: its norms in units of the pixel range, its size, and the kinds of findings about it."""
        kinds: dict[str, list[str]] = defaultdict(list)
        for finding in self.findings:
            for name in finding.images:
                kinds[name].append(finding.kind)
        rows = []
        for name in sorted({*self.changes, *kinds}):
            change = self.changes.get(name)
            measured: dict[str, Any] = {"linf": None, "l2": None, "size": None, "clean_size": None, "unchanged": None}
            if change is not None:
                measured |= {"linf": change.linf, "l2": change.l2, "unchanged": change.nothing}
                measured |= {"size": [change.width, change.height], "clean_size": list(change.clean_size)}
            rows.append({"image": name} | measured | {"findings": kinds[name]})
        return rows


def audit(
    folder: Path,
    clean: Path,
    budget: Budget | None = None,
    linkers: Sequence[str] = EMBEDDED,
    dataset: Dataset | None = None,
    limit: int = 100,
    progress: Progress = lambda done, of: None,
) -> Audit:
    """Looks at every image of a set.

    Args:
        folder: The images: a folder, one tensor file, or what `robustmel perturb` wrote.
        clean: The clean ones, by the same names.
        budget: What the set claims; None takes what it says of itself.
        linkers: Who is shown the set, where its mentions are known.
        dataset: The mentions, with the set's images or the clean ones; None takes those of a published set.
        limit: How many mentions, drawn, the linkers are shown.
        progress: Told (images read, of all) for each of the two folders.

    Raises:
        MissingError: A folder has no images, or what the set says of itself is unreadable.
        UsageError: A linker is unknown.
    """
    claim = read_claim(folder) if folder.is_dir() else Claim()
    claim = claim if budget is None else replace(claim, budget=budget)
    ours, theirs = read_folder(folder, progress), read_folder(clean, progress)
    pairs = partners(ours.names(), theirs.names())
    compared = {name: theirs.images[pairs[name]] for name in ours.images if pairs.get(name) in theirs.images}
    changes = {name: measure(ours.images[name], before) for name, before in compared.items()}
    unchanged = [name for name, change in changes.items() if change.nothing]
    findings = _findings(ours, pairs, compared, changes, claim)
    changed, missing = altered(claim, folder)
    findings += [Finding("altered", tuple(changed)), Finding("missing", tuple(missing))]
    found = Audit(
        folder,
        claim,
        changes,
        in_order([finding for finding in findings if finding.images]),
        tuple(name for name in unchanged if name in claim.failed),
        tuple(name for name, image in ours.images.items() if not image.eight_bit),
        len(set(theirs.names()) - set(pairs.values())),
    )
    if dataset is None and (folder / "mentions.jsonl").is_file() and (folder / "entities.jsonl").is_file():
        dataset = JSONL(folder).load()
    if dataset is None or not linkers:
        return found
    return _with_linkers(found, _asked(dataset, ours, compared, limit), dataset, linkers)


def _findings(
    ours: Folder,
    pairs: Mapping[str, str],
    compared: Mapping[str, AuditedImage],
    changes: Mapping[str, Change],
    claim: Claim,
) -> list[Finding]:
    kinds: dict[str, list[str]] = defaultdict(list)
    kinds["unreadable"] += ours.broken
    kinds["no_clean"] += [name for name in ours.images if name not in compared]
    qualities = []
    for name, change in changes.items():
        image, before = ours.images[name], compared[name]
        if change.nothing:
            if name not in claim.failed:
                kinds["unchanged"].append(name)
            continue
        if image.outside:
            kinds["outside"].append(name)
        if change.resized:
            kinds["resized"].append(name)
            continue
        if claim.budget is not None and (verdict := claim.budget.verdict(change)) != "kept":
            kinds[verdict].append(name)
        quality = jpeg_quality(eight_bits(image), eight_bits(before))
        if image.kind == "JPEG" or quality is not None:
            kinds["jpeg"].append(name)
            qualities += [quality] if quality is not None else []
    kinds["copy"], kinds["repeat"] = _twins(ours, compared, changes)
    detail = {
        "over": f"{claim.budget}; the largest are {_largest(changes, kinds['over'], claim)}" if claim.budget else "",
        "jpeg": f"quality about {' to '.join(map(str, sorted({min(qualities), max(qualities)})))}" if qualities else "",
        "unreadable": next(iter(ours.broken.values()), ""),
    }
    return [Finding(kind, tuple(names), detail.get(kind, "")) for kind, names in kinds.items()]


def _largest(changes: Mapping[str, Change], names: Sequence[str], claim: Claim) -> str:
    if not names or claim.budget is None:
        return ""
    if claim.budget.norm == "linf":
        return f"{255 * max(changes[name].linf for name in names):.1f}/255"
    return f"L2 {max(changes[name].l2 for name in names):.3f}"


def _twins(ours: Folder, compared: Mapping[str, AuditedImage], changes: Mapping[str, Change]) -> tuple[list[str], list[str]]:
    """Names whose pixels are another entry's clean ones, and names whose pixels an earlier changed image has."""
    clean_ones: dict[bytes, set[str]] = defaultdict(set)
    for name, before in compared.items():
        clean_ones[_pixels(before)].add(name)
    copies, repeats = [], []
    first: dict[bytes, str] = {}
    for name, image in ours.images.items():
        pixels = _pixels(image)
        if name in changes and not changes[name].nothing and pixels in clean_ones:
            copies.append(name)
            continue
        earlier = first.setdefault(pixels, name)
        same_clean = name in compared and earlier in compared and _pixels(compared[name]) == _pixels(compared[earlier])
        if earlier != name and not same_clean:
            repeats.append(name)
    return copies, repeats


def _pixels(image: AuditedImage) -> bytes:
    return repr(image.levels.shape).encode() + eight_bits(image).tobytes()


def _asked(dataset: Dataset, ours: Folder, compared: Mapping[str, AuditedImage], limit: int) -> list[Asked]:
    """The mentions that an attack can be about, with both images; a sample of them."""
    names = {compared[name].path.resolve(): name for name in compared} | {
        ours.images[name].path.resolve(): name for name in compared
    }
    asked = []
    for mention in dataset.mentions:
        name = names.get(mention.image.resolve()) if mention.image is not None else None
        query = mention.query(dataset.name, mention.candidates)
        if name is None or query.candidates is None or unattackable(query, mention.gold, dataset.kb) is not None:
            continue
        gold = query.candidates.index(str(mention.gold))
        asked.append(Asked(query, gold, str(mention.gold), compared[name], ours.images[name]))
    drawn = sorted(asked, key=lambda each: item_seed(0, "audit", each.query.id))[:limit]
    return sorted(drawn, key=lambda each: each.query.id)


def _with_linkers(found: Audit, asked: Sequence[Asked], dataset: Dataset, linkers: Sequence[str]) -> Audit:
    fooled = {name: ask(name, LINKERS.create(name, dataset.kb), asked) for name in linkers} if asked else {}
    if not fooled:
        return replace(
            found, source="No mention of the data set has an image of this set and its entity among listed candidates."
        )
    best, sentence = likeliest(fooled)
    findings = found.findings
    claimed = found.claim.source
    if best is not None and claimed in fooled and best != claimed:
        changed = tuple(name for name, change in found.changes.items() if not change.nothing)
        findings = in_order([*findings, Finding("source", changed, f"named: {claimed}; likeliest: {best}")])
    entities = tuple(each.entity for each in asked)
    return replace(found, findings=findings, fooled=tuple(fooled.values()), entities=entities, likeliest=best, source=sentence)

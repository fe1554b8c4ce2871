"""A published set beside its clean images: what was done to each image, and what is wrong with the set."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from robustmel.audit.change import Budget, Change
from robustmel.audit.claim import Claim, altered, read_claim
from robustmel.audit.comparison import Compared, Progress, compare
from robustmel.audit.findings import Finding, in_order
from robustmel.audit.likely_source import Asked, Fooled, ask, likeliest
from robustmel.audit.pairing import Folder, partners, read_folder
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
        wrong_before: Images that are unchanged, where it says that the source was wrong when clean.
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
    wrong_before: tuple[str, ...]
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
        progress: Told (looks at an image, of all): here, and by each linker.

    Raises:
        MissingError: A folder has no images, or what the set says of itself is unreadable.
        UsageError: A linker is unknown.
    """
    claim = read_claim(folder) if folder.is_dir() else Claim()
    claim = claim if budget is None else replace(claim, budget=budget)
    ours, theirs = read_folder(folder), read_folder(clean)
    pairs = partners(ours.names(), theirs.names())
    if dataset is None and linkers and (folder / "mentions.jsonl").is_file() and (folder / "entities.jsonl").is_file():
        dataset = JSONL(folder).load()
    to_ask = len(linkers) if dataset is not None else 0
    compared, broken = compare(ours, theirs, pairs, lambda done, of: progress(done, of * (1 + to_ask)))
    changes = {name: seen.change for name, seen in compared.items() if seen.change is not None}
    findings = _findings(compared, broken, claim)
    changed, missing = altered(claim, folder)
    findings += [Finding("altered", tuple(changed)), Finding("missing", tuple(missing))]
    found = Audit(
        folder,
        claim,
        changes,
        in_order([finding for finding in findings if finding.images]),
        tuple(name for name, change in changes.items() if change.nothing and name in claim.failed),
        tuple(name for name, change in changes.items() if change.nothing and name in claim.wrong_before),
        tuple(name for name, seen in compared.items() if seen.off_grid),
        len(set(theirs.names()) - set(pairs.values())),
    )
    if dataset is None or not linkers:
        return found
    asked = _asked(dataset, ours, theirs, {name: pairs[name] for name in changes}, limit)
    fooled: dict[str, Fooled] = {}
    for name in linkers if asked else ():
        fooled[name] = ask(name, LINKERS.create(name, dataset.kb), asked)
        progress(len(pairs) * (1 + len(fooled)), len(pairs) * (1 + to_ask))
    return _with_linkers(found, asked, fooled)


def _findings(compared: Mapping[str, Compared], broken: Mapping[str, str], claim: Claim) -> list[Finding]:
    kinds: dict[str, list[str]] = defaultdict(list)
    kinds["unreadable"] += broken
    changes = {name: seen.change for name, seen in compared.items() if seen.change is not None}
    for name, seen in compared.items():
        if seen.change is None:
            kinds["no_clean"].append(name)
        elif seen.change.nothing:
            if name not in claim.failed | claim.wrong_before:
                kinds["unchanged"].append(name)
        elif seen.change.resized:
            kinds["resized"].append(name)
        elif claim.budget is not None and (verdict := claim.budget.verdict(seen.change)) != "kept":
            kinds[verdict].append(name)
        if seen.outside:
            kinds["outside"].append(name)
        if seen.jpeg:
            kinds["jpeg"].append(name)
    kinds["copy"], kinds["repeat"] = _twins(compared)
    qualities = [seen.quality for seen in compared.values() if seen.quality is not None]
    shown = " to ".join(map(str, sorted({min(qualities), max(qualities)}))) if qualities else ""
    detail = {
        "over": f"{claim.budget}; the largest are {_largest(changes, kinds['over'], claim)}" if claim.budget else "",
        "jpeg": f"quality about {shown}" if qualities else "",
        "unreadable": next(iter(broken.values()), ""),
    }
    return [Finding(kind, tuple(names), detail.get(kind, "")) for kind, names in kinds.items()]


def _largest(changes: Mapping[str, Change], names: Sequence[str], claim: Claim) -> str:
    if not names or claim.budget is None:
        return ""
    if claim.budget.norm == "linf":
        return f"{255 * max(changes[name].linf for name in names):.1f}/255"
    return f"L2 {max(changes[name].l2 for name in names):.3f}"


def _twins(compared: Mapping[str, Compared]) -> tuple[list[str], list[str]]:
    """Names whose pixels are another entry's clean ones, and names whose pixels an earlier image with another clean one has."""
    clean_ones = {seen.clean_pixels for seen in compared.values()}
    copies, repeats = [], []
    first: dict[str, str] = {}
    for name, seen in compared.items():
        if seen.change is not None and not seen.change.nothing and seen.pixels in clean_ones:
            copies.append(name)
            continue
        earlier = first.setdefault(seen.pixels, name)
        known = seen.clean_pixels is not None and seen.clean_pixels == compared[earlier].clean_pixels
        if earlier != name and not known:
            repeats.append(name)
    return copies, repeats


def _asked(dataset: Dataset, ours: Folder, theirs: Folder, pairs: Mapping[str, str], limit: int) -> list[Asked]:
    """A sample of the mentions that an attack can be about, with both images."""
    names = {theirs.files[clean][0].resolve(): name for name, clean in pairs.items()}
    names |= {ours.files[name][0].resolve(): name for name in pairs}
    askable = []
    for mention in dataset.mentions:
        name = names.get(mention.image.resolve()) if mention.image is not None else None
        query = mention.query(dataset.name, mention.candidates)
        if name is not None and query.candidates is not None and unattackable(query, mention.gold, dataset.kb) is None:
            askable.append((query, query.candidates.index(str(mention.gold)), str(mention.gold), name))
    drawn = sorted(askable, key=lambda each: item_seed(0, "audit", each[0].id))[:limit]
    return [
        Asked(query, gold, entity, theirs.read(pairs[name]), ours.read(name))
        for query, gold, entity, name in sorted(drawn, key=lambda each: each[0].id)
    ]


def _with_linkers(found: Audit, asked: Sequence[Asked], fooled: Mapping[str, Fooled]) -> Audit:
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

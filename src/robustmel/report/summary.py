"""One row of the report: everything that is said about one cell of the grid, and how it follows from the rows of the run."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from robustmel.errors import MissingError
from robustmel.report import metrics
from robustmel.report.credit import Credit, Floats
from robustmel.report.record import DECIMALS, AttackRecord
from robustmel.report.results import CONTROLS
from robustmel.report.rows import Row, table_rows
from robustmel.report.scoring import Scoring
from robustmel.report.statistics import UNKNOWN, contrast, interval, paired_test


@dataclass(frozen=True, slots=True)
class Summary(AttackRecord):
    """A cell over all its seeds, or a worst case over several cells. Shares are in [0, 1]; None means that there is no such figure.

    Args:
        threat_model: What the attack may do ("linf").
        budget: How much of it ("8/255").
        n: Mentions, all of them.
        correct: Mentions linked correctly; ties count in fractions, several seeds by their mean.
        ties: Mentions whose gold entity shares the highest score with others.
        errors: Mentions without an answer; they count as wrong.
        accuracy: correct / n; under attack, the robust accuracy.
        ci_low, ci_high: Bounds of its 95 % interval, clustered by entity and image.
        hits_at_k: "1", "3", "5", "10" -> share of mentions with gold among the first k.
        mrr: Mean reciprocal rank of gold.
        seeds: The seeds behind the row.
        clean_accuracy: Of the same linker on the unperturbed images.
        drop: clean_accuracy - accuracy.
        drop_low, drop_high: Bounds of its 95 % interval: the same mentions before and after, clustered.
        kept: Of what was linked when clean, the share still linked.
        attack_success: Of the mentions right beyond a tie when clean, the share that became wrong.
        p_value: Of "the attack changes nothing", paired and clustered.
        equivalence: p-value of "the drop is 2 points or more, to either side"; a low one says that there is no effect to speak of.
        text_accuracy: Of the same linker on the text alone (T2T): what no image explains.
        recall: Share of mentions whose gold entity is among the candidates.
        ceiling: What nobody can exceed who reads sentence and image but not the mention in it.
        clusters: Groups of mentions that share an entity or an image.
        largest_cluster: Share of the mentions in the largest of them.
        modality: What the attack perturbs: "image", "text", "knowledge"; "image + text" for two; "none" when clean.
        evaluations: Which score was attacked: "image", "fused", "text", "knowledge"; "clean"; "untouched" if nothing was that is read.
        accuracy_image_view, accuracy_fused_view: Against the images made on the image score alone, and on the fused score.
        members: Of a worst case, the attacks in it.
        errors_by_kind: Why there was no answer -> mentions.
        perturbed: Images perturbed (over views and seeds).
        reduced: Images of these that were attacked at a smaller size than their own.
        not_perturbed: Why others kept their own image -> mentions.
        accuracy_bound: The accuracy if every image on which the attack failed counted as broken; equal to it where none failed.
        median_linf, median_l2: Lengths of the change of the written 8-bit images, pixels in [0, 1].
        median_queries: Forward evaluations an image.
        zero_gradient_share: Gradient steps with a gradient of zero; many mean that gradients are masked.
        success_float, success_u8: Share of the images that fooled their source before rounding to 8 bits, and after.
        flags: Codes of what speaks against the figure ("zero_gradients"); see `robustmel.report.flags`.
    """

    threat_model: str
    budget: str
    n: int
    correct: float
    ties: int
    errors: int
    accuracy: float | None
    ci_low: float | None
    ci_high: float | None
    hits_at_k: Mapping[str, float] | None
    mrr: float | None
    seeds: tuple[int, ...]
    clean_accuracy: float | None
    drop: float | None
    drop_low: float | None
    drop_high: float | None
    kept: float | None
    attack_success: float | None
    p_value: float | None
    equivalence: float | None
    text_accuracy: float | None
    recall: float | None
    ceiling: float | None
    clusters: int
    largest_cluster: float | None
    modality: str
    evaluations: tuple[str, ...]
    accuracy_image_view: float | None
    accuracy_fused_view: float | None
    members: tuple[str, ...]
    errors_by_kind: Mapping[str, int]
    perturbed: int
    reduced: int
    not_perturbed: Mapping[str, int]
    accuracy_bound: float | None
    median_linf: float | None
    median_l2: float | None
    median_queries: float | None
    zero_gradient_share: float | None
    success_float: float | None
    success_u8: float | None
    flags: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing was perturbed."""
        return self.evaluations == ("clean",)

    @property
    def control(self) -> bool:
        """Whether nothing here was meant to fool anybody: clean images, noise, corruptions."""
        return self.threat_model in CONTROLS

    @property
    def worst_case(self) -> bool:
        """Whether this is a worst case over several attacks."""
        return bool(self.members)

    @property
    def untouched(self) -> bool:
        """Whether the attack leaves alone all that the task reads, so that this is the clean figure."""
        return self.evaluations == ("untouched",)

    @property
    def radius(self) -> float | None:
        """The largest change of a pixel that was allowed, pixels in [0, 1]; None where the attack has no such bound."""
        try:
            return float(Fraction(self.budget)) if self.threat_model in ("linf", "noise") else None
        except (ValueError, ZeroDivisionError):
            return None

    @property
    def above_clean(self) -> bool:
        """Whether the attack left more mentions linked than there were without it."""
        return self.drop is not None and self.drop < -(10**-DECIMALS)


LogRow = Mapping[str, Any]
_COUNTED = ("reduced", "iterations", "zero_gradients", "succeeded", "succeeded_u8")
_STATED = ("linf_u8", "l2_u8", "queries")
LOGGED = ("status", *_COUNTED, *_STATED)
"""The columns of a log that are read here."""


def summarise(scoring: Scoring) -> list[Summary]:
    """One summary a row of the table, then the worst cases over attacks.

    Raises:
        MissingError: Answers or mentions are not in the store; the sentence names the cell.
    """
    return [_summary(row, scoring) for row in table_rows(scoring.run.cells)]


def _summary(row: Row, scoring: Scoring) -> Summary:
    first = row.first
    if any(other.candidates != first.candidates for other in row.cells):
        raise MissingError(f"the parts of cell {first.cell.title} were asked different questions; run the grid again.")
    credit, clusters = scoring.row(row), scoring.clusters(first)
    clean, text = scoring.clean(row), scoring.clean(row, "T2T")
    low, high = interval(credit.credit, clusters) or UNKNOWN
    before = None if first.clean or row.untouched else clean
    drop = contrast([before.credit], [credit.credit], clusters) if before else None
    drop_low, drop_high = (drop.interval() if drop else None) or UNKNOWN
    bound = credit.credit.copy()
    efforts = effort(_logged(row, scoring, bound))
    largest = int(np.bincount(clusters).max()) if len(clusters) else 0
    return Summary(
        cell=row.cell,
        white_box=row.white_box,
        threat_model=first.threat_model,
        budget=first.budget,
        n=len(clusters),
        correct=metrics.correct(credit),
        ties=metrics.ties(credit),
        errors=metrics.errors(credit),
        accuracy=metrics.accuracy(credit),
        ci_low=low,
        ci_high=high,
        hits_at_k=metrics.hits_at_k(credit),
        mrr=metrics.mean_reciprocal_rank(credit),
        seeds=tuple(group[0].cell.seed or 0 for group in row.by_seed),
        clean_accuracy=_accuracy_of(clean),
        drop=drop.value if drop else None,
        drop_low=drop_low,
        drop_high=drop_high,
        kept=metrics.kept(credit.credit, before.credit) if before else None,
        attack_success=metrics.attack_success(credit.credit, before.credit) if before else None,
        p_value=paired_test(credit.credit, before.credit, clusters) if before else None,
        equivalence=drop.equivalence() if drop else None,
        text_accuracy=_accuracy_of(text),
        recall=scoring.of_questions(metrics.recall, first),
        ceiling=scoring.of_questions(metrics.ceiling, first),
        clusters=len(set(clusters.tolist())),
        largest_cluster=metrics.share(largest, len(clusters)),
        modality=first.modality,
        evaluations=tuple(dict.fromkeys(evaluation.name for cell in row.cells for evaluation in cell.evaluations)),
        accuracy_image_view=_accuracy_of(scoring.row_against(row, "image")),
        accuracy_fused_view=_accuracy_of(scoring.row_against(row, "fused")),
        members=tuple(cell.attack for cell in row.by_seed[0]) if row.worst_case else (),
        errors_by_kind=metrics.errors_by_kind(credit),
        accuracy_bound=metrics.share(float(bound.sum()), bound.size),
        **efforts,
    )


def _logged(row: Row, scoring: Scoring, bound: Floats) -> Iterator[LogRow]:
    """The lines of all logs; in `bound`, (S, n), mentions on which an attack failed in any of its views earn nothing."""
    for earned, cells in zip(bound, row.by_seed, strict=True):
        for cell in cells:
            for evaluation in cell.evaluations:
                for place, line in enumerate(scoring.run.log(cell, evaluation, LOGGED)):
                    if str(line["status"]).startswith("error:"):
                        earned[place] = 0.0
                    yield line


def effort(log: Iterable[LogRow]) -> dict[str, Any]:
    """What the attack itself said over all views and seeds: the fields of `Summary` from `perturbed` on."""
    perturbed = 0
    sums, judged = Counter[str](), Counter[str]()
    stated: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
    reasons: dict[str, set[str]] = {}
    for line in log:
        state, _, why = str(line["status"]).partition(":")
        if state in ("skipped", "error"):
            reasons.setdefault(why.split(":")[0], set()).add(line["id"])
        if state != "ok":
            continue
        perturbed += 1
        for name in _COUNTED:
            sums[name] += int(line.get(name) or 0)
            judged[name] += line.get(name) is not None
        for name in _STATED:
            if line[name] is not None:
                stated[name].append(float(line[name]))
    middle = {name: float(np.median(values)) for name, values in stated.items()}
    return {
        "perturbed": perturbed,
        "reduced": sums["reduced"],
        "not_perturbed": {why: len(ids) for why, ids in sorted(reasons.items())},
        "median_linf": middle.get("linf_u8"),
        "median_l2": middle.get("l2_u8"),
        "median_queries": middle.get("queries"),
        "zero_gradient_share": metrics.share(sums["zero_gradients"], sums["iterations"]),
        "success_float": metrics.share(sums["succeeded"], judged["succeeded"]),
        "success_u8": metrics.share(sums["succeeded_u8"], judged["succeeded_u8"]),
    }


def _accuracy_of(credit: Credit | None) -> float | None:
    return metrics.accuracy(credit) if credit else None

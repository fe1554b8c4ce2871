"""One row of the report: everything that is said about one cell of the grid."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from robustmel.report.record import DECIMALS, AttackRecord
from robustmel.report.results import CONTROLS


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

"""Flags that rest on one row alone: what its logs say, held against thresholds that sound linkers stay far below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from robustmel.report.flags.evidence import Evidence
from robustmel.report.flags.flag import Examined, raised
from robustmel.report.statistics import interval
from robustmel.report.tables.layout import percent

MASKED = 0.05
"""Share of gradient steps without any gradient that raises the flag. Sound linkers stay below one in a thousand."""
FLAT = 0.02
"""An attack got ahead if it closed more than this many radii (as a share) of the gap to the best wrong candidate. Scores that are
linear in the pixels lose at least one radius' share of any gap that pixels make, so a working attack is fifty times above this."""
FLAT_SHARE = 0.1
"""Share of the images that withstood on which an attack must not have got ahead, to raise the flag."""
FLAT_LEAST = 3
"""And so many images: one or two may be odd in themselves (a single colour, say)."""
UNBOUNDED = 1 / 255
"""The radius that stands for attacks without one."""
LARGE = 0.2
"""The radius from which on an image is hardly recognisable, so that a working attack breaks nearly everything."""
LEFT = 0.05
"""What it may leave of the mentions it attacked."""
HALF = 0.5
"""Or else it must have closed half of the gap on half of what it left: then a linker is told apart by pixels so far from each other
that no change of 0.2 can do more, which is rare but honest."""
ROUNDED_AWAY = 0.1
"""Share of the attacked images that fooled before they were saved and no longer do after, to raise the flag."""
ALIKE = 0.1
"""Share of the images whose scores look like probabilities, to raise the flag."""

TRAINING = "Nobody would use the model like this: call model.eval() and run again."
STUCK = """The attack does not work here, so smaller radii prove nothing: look for steps without a gradient and for randomness in the \
linker, and attack by BPDA, EOT or scores alone (Square)."""


def by_thresholds(rows: Sequence[Evidence]) -> Iterator[Examined]:
    """Each kind of doubt that needs no second row; one code may come twice."""
    yield _zero_gradients(rows)
    yield _misleading_gradients(rows)
    yield _loss_plateau(rows)
    yield from _nondeterministic(rows)
    yield _failed_attacks(rows)
    yield _rounding(rows)
    yield _probabilities(rows)
    yield _far_from_total(rows)


def _zero_gradients(rows: Sequence[Evidence]) -> Examined:
    """Gradients that are zero everywhere: rounded pixels, half precision, saturated or detached scores.

    Source:
        Athalye, Carlini & Wagner, "Obfuscated Gradients Give a False Sense of Security", 2018, section 3.
    """
    looked = [row for row in rows if row.summary.zero_gradient_share is not None]
    seen = [
        (row, f"{row.label} found zero gradients on {row.trace.zero} of {row.trace.stepped} images")
        for row in looked
        if _masked(row)
    ]
    return Examined("zero_gradients", len(looked), raised("zero_gradients", seen))


def _masked(row: Evidence) -> bool:
    return (row.summary.zero_gradient_share or 0) > MASKED


def _misleading_gradients(rows: Sequence[Evidence]) -> Examined:
    """Gradients of something else than the scores: a first step brings less than half of what they promise. Sound linkers reach 90 %.

    Of a linker that answers differently each time nothing is known by one step; `_nondeterministic` says so.
    """
    looked = [row for row in rows if row.summary.white_box and row.trace.rises and False not in row.trace.repeatable]
    seen = [
        (row, f"a first step of {row.label} raised the scores by {reached} % of what its gradient promised, on {count} images")
        for row in looked
        if (count := len(row.trace.rises)) >= FLAT_LEAST and (share := float(np.median(row.trace.rises))) < HALF
        for reached in [percent(share)]
    ]
    return Examined("misleading_gradients", len(looked), raised("misleading_gradients", seen))


def _loss_plateau(rows: Sequence[Evidence]) -> Examined:
    """Images that withstood although neither the loss nor the gap to the best wrong candidate moved: the attack went nowhere.

    Where gradients are zero that is no news, and `zero_gradients` says it.

    Source:
        Carlini et al., "On Evaluating Adversarial Robustness", 2019, section 4; Pintor et al., "Indicators of Attack Failure",
        2022, indicator of a flat loss.
    """
    seen = []
    for row in (row for row in rows if not _masked(row)):
        count, least = len(row.trace.stood), FLAT * (row.bound or UNBOUNDED)
        flat = int(np.sum((row.trace.closed() <= least) & ~(row.trace.risen() > least)))
        if flat >= FLAT_LEAST and flat >= FLAT_SHARE * count:
            seen.append((row, f"{row.label} made no progress on {flat} of the {count} images that withstood it"))
    return Examined("loss_plateau", sum(bool(row.trace.stood) for row in rows), raised("loss_plateau", seen))


def _nondeterministic(rows: Sequence[Evidence]) -> Iterator[Examined]:
    """Linkers that answered differently to the same question, or whose model was left in training mode.

    Source:
        The checks of Croce et al., "RobustBench", 2021, appendix on evaluation: randomised and train-mode models.
    """
    code = "nondeterministic"
    training = [row for row in rows if any(_noted(row, "training_mode"))]
    told = [(row, {*_noted(row, "deterministic"), *(row.trace.repeatable if row.summary.white_box else ())}) for row in rows]
    differing = [row for row, answers in told if False in answers and row not in training]
    clause = "the model is in training mode, so dropout or batch statistics change its answers"
    yield Examined(code, 0, raised(code, [(row, f"{clause} ({row.label})") for row in training], TRAINING))
    seen = [(row, f"the linker answered {row.label} differently when asked the same twice") for row in differing]
    yield Examined(code, sum(bool(answers) for _, answers in told), raised(code, seen))


def _noted(row: Evidence, name: str) -> list[bool]:
    """What the stage that asked the linker noted, once a row set."""
    keys = [evaluation.answers for cell in row.cells for evaluation in cell.evaluations]
    values = [row.scoring.run.manifest("answers", key).get(name) for key in keys]
    return [value for value in values if isinstance(value, bool)]


def _failed_attacks(rows: Sequence[Evidence]) -> Examined:
    """Attacks that broke down on images which then count as if they had withstood: a linker that raised, scores that are no numbers."""
    looked = [row for row in rows if row.summary.perturbed or row.trace.failures]
    seen = []
    for row in looked:
        figure, bound = percent(row.summary.accuracy), percent(row.summary.accuracy_bound)
        if figure != bound:
            failed = sum(row.trace.failures.values())
            why = ", ".join(sorted(row.trace.failures))
            counted = f"{figure} % are left, {bound} % with failures counted as broken"
            seen.append((row, f"{row.label} failed on {failed} of {failed + row.summary.perturbed} images ({why}); {counted}"))
    return Examined("failed_attacks", len(looked), raised("failed_attacks", seen))


def _rounding(rows: Sequence[Evidence]) -> Examined:
    """Attacks whose images fool until they are rounded to 8 bits: the linker is judged by an attack that lost its edge."""
    looked = [row for row in rows if row.summary.success_float is not None and row.summary.success_u8 is not None]
    seen = [
        (
            row,
            f"{row.label} fools with {percent(before)} % of its images before they are saved in 8 bits, with {percent(after)} % after",
        )
        for row in looked
        if (before := row.summary.success_float or 0) - (after := row.summary.success_u8 or 0) > ROUNDED_AWAY
    ]
    return Examined("rounding", len(looked), raised("rounding", seen))


def _probabilities(rows: Sequence[Evidence]) -> Examined:
    """Linkers whose scores are already shares of one, on which losses made for scores go flat."""
    looked = [row for row in rows if row.trace.asked]
    seen = [
        (row, f"the scores look like probabilities on {row.trace.probabilities} of {row.trace.asked} images of {row.label}")
        for row in looked
        if row.trace.probabilities > ALIKE * row.trace.asked
    ]
    return Examined("probabilities", len(looked), raised("probabilities", seen))


def _far_from_total(rows: Sequence[Evidence]) -> Examined:
    """White-box attacks of a radius at which nothing should withstand, and much does.

    Only where the image alone decides: a text that is read besides keeps what it knows.

    Source:
        Carlini et al., "On Evaluating Adversarial Robustness", 2019, section 4: an unbounded attack reaches full success.
    """
    looked = [row for row in rows if row.white_box and row.summary.task == "I2T" and (row.bound or 0) >= LARGE - 1e-9]
    seen = [
        (row, f"{row.label} leaves {percent(row.summary.accuracy)} % at a radius at which images are hardly recognisable")
        for row in looked
        if _leaves_much(row)
    ]
    return Examined("not_growing_with_eps", len(looked), raised("not_growing_with_eps", seen, STUCK))


def _leaves_much(row: Evidence) -> bool:
    attacked = row.trace.attacked
    _, clusters = np.unique(row.clusters[attacked], return_inverse=True)
    bounds = interval(row.credit[None, attacked], clusters) if attacked.any() else None
    if bounds is None or bounds.low <= LEFT:
        return False
    return not row.trace.stood or float(np.median(row.trace.closed())) < HALF

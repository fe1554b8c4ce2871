"""Flags from one row: its logs against thresholds that sound linkers stay far below."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from robustmel.report.flags.evidence import Evidence
from robustmel.report.flags.flag import Examination, raise_flags
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

TRAINING = "A model in training mode is not the one to judge: call model.eval() and run again."
STUCK = """The attack does not work here, so smaller radii prove nothing: look for steps without a gradient and for randomness in the \
linker, and attack by BPDA, EOT or scores alone (Square)."""


class Check(NamedTuple):
    """One thing that is looked for in a row.

    Args:
        code: Of the kind of doubt.
        looks: Whether the row has what is looked at.
        sees: What is wrong, in a clause; "" where nothing is.
        means: Stands for what the kind means.
    """

    code: str
    looks: Callable[[Evidence], object]
    sees: Callable[[Evidence], str]
    means: str = ""


def by_thresholds(rows: Sequence[Evidence]) -> Iterator[Examination]:
    """Each kind of doubt that needs no second row; one code may come twice."""
    for check in CHECKS:
        examined = [row for row in rows if check.looks(row)]
        doubts = [(row, clause) for row in examined if (clause := check.sees(row))]
        yield Examination(check.code, len(examined), raise_flags(check.code, doubts, check.means))


def _zero_gradients(row: Evidence) -> str:
    """Gradients that are zero everywhere: rounded pixels, half precision, saturated or detached scores.

    Source:
        Athalye, Carlini & Wagner, "Obfuscated Gradients Give a False Sense of Security", 2018, section 3.
    """
    return f"{row.label} found zero gradients on {row.logs.zero} of {row.logs.stepped} images" if _masked(row) else ""


def _masked(row: Evidence) -> bool:
    return (row.summary.zero_gradient_share or 0) > MASKED


def _misleading_gradients(row: Evidence) -> str:
    """Gradients of something else than the scores: a first step brings less than half of what they promise. Sound linkers reach 90 %."""
    count, reached = len(row.logs.rises), float(np.median(row.logs.rises))
    if count < FLAT_LEAST or reached >= HALF:
        return ""
    return f"a first step of {row.label} raised the scores by {percent(reached)} % of what its gradient promised, on {count} images"


def _loss_plateau(row: Evidence) -> str:
    """Images that withstood although neither the loss nor the gap to the best wrong candidate moved: the attack went nowhere.

    Where gradients are zero that is no news, and `_zero_gradients` says it.

    Source:
        Carlini et al., "On Evaluating Adversarial Robustness", 2019, section 4; Pintor et al., "Indicators of Attack Failure",
        2022, indicator of a flat loss.
    """
    count, least = len(row.logs.withstood), FLAT * (row.bound or UNBOUNDED)
    flat = int(np.sum((row.logs.closed() <= least) & ~(row.logs.risen() > least)))
    if _masked(row) or flat < max(FLAT_LEAST, FLAT_SHARE * count):
        return ""
    return f"{row.label} made no progress on {flat} of the {count} images that it did not break"


def _training(row: Evidence) -> str:
    """A model that was left in training mode."""
    clause = f"the model is in training mode, so dropout or batch statistics change its answers ({row.label})"
    return clause if True in row.noted("training_mode") else ""


def _nondeterministic(row: Evidence) -> str:
    """Linkers that answered differently to the same question.

    Source:
        The checks of Croce et al., "RobustBench", 2021, appendix on evaluation: randomised and train-mode models.
    """
    differs = False in _repeated(row) and not _training(row)
    return f"the linker's answers under {row.label} changed when repeated" if differs else ""


def _repeated(row: Evidence) -> set[bool]:
    """What asking twice came to, when answering, or when the linker itself was attacked."""
    return row.noted("deterministic") | (row.logs.repeatable if row.summary.white_box else set())


def _failed_attacks(row: Evidence) -> str:
    """Attacks that broke down on images which then count as if they had withstood: a linker that raised, scores that are no numbers."""
    figure, bound = percent(row.summary.accuracy), percent(row.summary.accuracy_bound)
    failed, why = sum(row.logs.failures.values()), ", ".join(sorted(row.logs.failures))
    of = f"{row.label} failed on {failed} of {failed + row.summary.perturbed} images ({why})"
    return f"{of}; {figure} % are left, {bound} % with failures counted as broken" if figure != bound else ""


def _rounding(row: Evidence) -> str:
    """Attacks whose images fool until they are rounded to 8 bits: the linker is judged by an attack that lost its edge."""
    before, after = row.summary.success_float or 0, row.summary.success_u8 or 0
    clause = f"{percent(before)} % of the images of {row.label} fool before they are saved in 8 bits, {percent(after)} % after"
    return clause if before - after > ROUNDED_AWAY else ""


def _probabilities(row: Evidence) -> str:
    """Linkers whose scores are already shares of one, on which losses made for scores go flat."""
    clause = f"the scores look like probabilities on {row.logs.probabilities} of {row.logs.asked} images of {row.label}"
    return clause if row.logs.probabilities > ALIKE * row.logs.asked else ""


def _far_from_total(row: Evidence) -> str:
    """White-box attacks of a radius at which nothing should withstand, and much does.

    Only where the image alone decides: a text that is read besides keeps what it knows.

    Source:
        Carlini et al., "On Evaluating Adversarial Robustness", 2019, section 4: an unbounded attack reaches full success.
    """
    attacked = row.logs.attacked
    _, clusters = np.unique(row.clusters[attacked], return_inverse=True)
    bounds = interval(row.credit[None, attacked], clusters) if attacked.any() else None
    closing = bool(row.logs.losses_and_margins) and float(np.median(row.logs.closed())) >= HALF
    if bounds is None or bounds.low <= LEFT or closing:
        return ""
    return f"{row.label} leaves {percent(row.summary.accuracy)} % at a radius where images are hardly recognisable"


CHECKS = (
    Check("zero_gradients", lambda row: row.summary.zero_gradient_share is not None, _zero_gradients),
    # of a linker that answers differently each time nothing is known by one step
    Check(
        "misleading_gradients",
        lambda row: row.summary.white_box and row.logs.rises and False not in row.logs.repeatable,
        _misleading_gradients,
    ),
    Check("loss_plateau", lambda row: row.logs.losses_and_margins, _loss_plateau),
    Check("nondeterministic", _training, _training, TRAINING),
    Check("nondeterministic", _repeated, _nondeterministic),
    Check("failed_attacks", lambda row: row.summary.perturbed or row.logs.failures, _failed_attacks),
    Check("rounding", lambda row: None not in (row.summary.success_float, row.summary.success_u8), _rounding),
    Check("probabilities", lambda row: row.logs.asked, _probabilities),
    Check(
        "not_growing_with_eps",
        lambda row: row.white_box and row.summary.task == "I2T" and (row.bound or 0) >= LARGE - 1e-9,
        _far_from_total,
        STUCK,
    ),
)

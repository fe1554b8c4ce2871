"""Whether a defence is one: what must come together for it."""

from collections.abc import Iterator, Mapping, Sequence

from robustmel.report.comparisons.comparison import Comparison
from robustmel.report.results import CONTROLS
from robustmel.report.rows import EITHER

BOTH = ("attacked", "saved")
"""Figures of the question "defence" that must both say "more"."""

Line = Mapping[str, Comparison]
"""The figures of one line of the comparison."""


def defends(line: Line) -> bool:
    """Whether more mentions are linked with it under the attack and the attack costs less too.

    A defence that merely links more when nobody attacks fails the second, one that merely links less then the first: where an attack
    leaves nothing, who had less to lose lost less.
    """
    return all(figure in line and line[figure].verdict == "more" for figure in BOTH)


def defence_verdict(compared: Sequence[Comparison]) -> str:
    """One sentence over all attacks that ask the linker with its defence, and one over those that do not know of it; "" without any.

    Where the grid has worst cases over what was asked of the linker with its defence and without, these alone are the attacks that know
    it: the same attacks within the same budget for both sides.

    Args:
        compared: Of the question "defence".
    """
    lines = [line for line in _lines(compared) if line["attacked"].threat_model not in CONTROLS]
    worst = [line for line in lines if line["attacked"].source == EITHER]
    knowing = worst or [line for line in lines if line["attacked"].white_box]
    static = [line for line in lines if line["attacked"].source == f"{line['attacked'].linker} undefended"]
    if not knowing:
        return ""
    held = sum(map(defends, knowing))
    worse = sum(any(figure in line and line[figure].verdict == "less" for figure in BOTH) for line in knowing)
    answer = "Yes" if held == len(knowing) else "In part" if held else "No" if worse else "Not shown"
    which = "the worst by mention of the attacks that know it" if worst else "attacks that know it"
    return (
        f"Is it a defence? {answer}: under {which}, more is linked with it and the attack costs less in {held} of {len(knowing)}"
        f" comparisons, and less is linked or the attack costs more in {worse} (95 %, adjusted for {len(compared)} differences)."
    ) + (f" Attacks that do not know of it say so in {sum(map(defends, static))} of {len(static)}." if static else "")


def _lines(compared: Sequence[Comparison]) -> Iterator[Line]:
    for subject in dict.fromkeys(comparison.subject for comparison in compared):
        line = {comparison.figure: comparison for comparison in compared if comparison.subject == subject}
        if "attacked" in line:
            yield line

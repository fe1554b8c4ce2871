"""What the gradients themselves give away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from robustmel.report.flags.flag import Flag
from robustmel.report.summary import Summary
from robustmel.report.tables.layout import linker_label, percent

MASKED = 0.05
"""Share of gradient steps without a gradient from which on there is a flag; undefended linkers stay below a thousandth."""


def zero_gradients(shown: Sequence[Summary]) -> list[Flag]:
    """Linkers whose gradient is zero where an attack asks for it.

    Source:
        Athalye, Carlini & Wagner, "Obfuscated Gradients Give a False Sense of Security", 2018, section 3.
    """
    found: defaultdict[tuple[str, str, str], list[Summary]] = defaultdict(list)
    for one in shown:
        if (one.zero_gradient_share or 0) > MASKED:
            found[one.dataset, one.linker, one.defence].append(one)
    return [flag for rows in found.values() for flag in _flagged(rows)]


def _flagged(rows: Sequence[Summary]) -> list[Flag]:
    first = rows[0]
    most = max(one.zero_gradient_share or 0 for one in rows)
    cells = ", ".join(f"{one.task} {one.attack}" for one in rows)
    sentence = (
        f"{linker_label(first.linker, first.defence, 2)} on {first.dataset}: up to {percent(most)} % of the gradients that attacks"
        f" asked for were zero ({cells}), so what withstands may only be hidden from the attack. Replace the step that has no"
        " gradient by a smooth one on the way back (BPDA), or attack by scores alone (Square)."
    )
    return [
        Flag("zero_gradients", one.dataset, one.task, one.linker, one.source, one.defence, one.attack, sentence) for one in rows
    ]

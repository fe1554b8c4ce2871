"""An audit as text and as JSON."""

import textwrap
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import numpy as np

from robustmel.audit.audit import Audit
from robustmel.errors import printable
from robustmel.report.statistics.shares import interval


def to_text(audit: Audit) -> str:
    """A few lines: norms, findings, linkers."""
    return "\n".join(_lines(audit)) + "\n"


def to_json(audit: Audit) -> dict[str, Any]:
    """As a JSON object: `images` has a row each."""
    return {
        "set": str(audit.set),
        "attack": audit.claim.title or None,
        "claimed_budget": None if audit.claim.budget is None else str(audit.claim.budget),
        "claimed_source": audit.claim.source,
        "findings": [{"kind": one.kind, "images": list(one.images), "sentence": str(one)} for one in audit.findings],
        "likeliest_source": audit.likeliest,
        "source": audit.source,
        "linkers": [
            {
                "linker": one.linker, "n": len(one.right), "right_clean": sum(one.right_clean), "right": sum(one.right),
                "broken": sum(one.broken), "cosine": one.cosine,
            }
            for one in audit.fooled
        ],
        "images": audit.rows(),
    }  # fmt: skip


def _lines(audit: Audit) -> Iterator[str]:
    title = f", {printable(audit.claim.title)}" if audit.claim.title else ""
    yield f"{printable(str(audit.set), 200)}{title}"
    alike = [change for change in audit.changes.values() if not change.resized]
    changed = [change for change in alike if not change.nothing]
    resized = len(audit.changes) - len(alike)
    yield (
        f"  {len(audit.changes):,} images beside their clean ones: {len(changed):,} changed, {len(alike) - len(changed):,} unchanged"
        + (f", {resized:,} of another resolution" if resized else "")
    )
    if audit.failed:
        yield f"  {len(audit.failed):,} of the unchanged ones are failures of the attack, by the set's own log"
    if audit.wrong_before:
        yield f"  {len(audit.wrong_before):,} of the unchanged ones need no change, by the set's own log: its source is wrong on the clean image"
    if audit.bare_clean:
        yield f"  {audit.bare_clean:,} clean images have none in the set beside them"
    if audit.off_grid:
        yield f"  {len(audit.off_grid):,} images hold values between the levels of 8 bits: saved as PNG they are not these pixels"
    if changed:
        linf, l2 = [255 * change.linf for change in changed], [change.l2 for change in changed]
        yield f"  Linf of the changed ones: median {median(linf):.1f}, largest {max(linf):.1f} of 255; L2: median {median(l2):.3f}, largest {max(l2):.3f}"
    claim = audit.claim.budget
    broken = any(finding.kind in ("over", "rounding") for finding in audit.findings)
    yield f"  budget {claim}: {'not kept' if broken else 'kept'}" if claim else "  no budget is claimed (--budget)"
    yield from (f"  FOUND {finding}" for finding in audit.findings)
    if audit.sound:
        yield "  nothing wrong was found"
    if audit.fooled:
        n = len(audit.fooled[0].right)
        yield f"  {n:,} mentions, I2T, in %: linked clean and on this set; of those linked clean, fooled [95 %];"
        yield "  last, the mean cosine of the change with the gradient of each linker"
        rows = [("linker", "clean", "here", "fooled", "", "cosine")]
        for one in audit.fooled:
            linked = (_percent(sum(one.right_clean), n), _percent(sum(one.right), n))
            cosine = "" if one.cosine is None else f"{one.cosine:.3f}"
            rows.append((one.linker, *linked, *_share(one.broken, one.right_clean, audit.entities), cosine))
        anyone = [any(part) for part in zip(*(one.broken for one in audit.fooled), strict=True)]
        clean = [any(part) for part in zip(*(one.right_clean for one in audit.fooled), strict=True)]
        rows.append(("any of them", "", "", *_share(anyone, clean, audit.entities), ""))
        wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for first, *others in rows:
            yield f"    {first:<{wide[0]}}  {'  '.join(map(str.rjust, others, wide[1:]))}".rstrip()
    if audit.source:
        yield textwrap.fill(audit.source, 98, initial_indent="  ", subsequent_indent="  ")


def _percent(count: int, of: int) -> str:
    return f"{100 * count / of:.1f}"


def _share(broken: Sequence[bool], linked: Sequence[bool], entities: Sequence[str]) -> tuple[str, str]:
    """The share of what was linked that is broken, and its interval, clustered by entity."""
    asked = [(float(lost), entity) for lost, before, entity in zip(broken, linked, entities, strict=True) if before]
    if not asked:
        return "n/a", ""
    credit = np.array([[lost for lost, _ in asked]])
    bounds = interval(credit, np.unique([entity for _, entity in asked], return_inverse=True)[1])
    between = f"[{100 * bounds.low:.0f}, {100 * bounds.high:.0f}]" if bounds else ""
    return _percent(int(credit.sum()), len(asked)), between

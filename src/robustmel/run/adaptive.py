"""`attack = "adaptive"` of a grid: all the attacks that one kind of access allows, each within the same budget.

The report takes the worst case over them mention by mention, in a row "worst case (...)": the same members and budgets for a linker with
and without its defence.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from robustmel.errors import UsageError
from robustmel.linkers import DUAL_ENCODERS, LINKERS
from robustmel.registry import suggestion

STATIC = {"linker": "victim", "defence": "none"}

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "pixels": {"eps": "8/255", "steps": 20, "queries": 200, "eot": 1},
    "drawn text": {"height": 0.2},
    "text edits": {"edit_rate": 0.2, "queries": 60},
    "knowledge base": {},
}
"""Access -> its options with their defaults."""

NAME = "adaptive"

STAND_IN = "clip-world"
"""Whose embedding is led astray in the place of a describer that has no gradients here."""


def describers(defences: Iterable[Any]) -> tuple[str, ...]:
    """The dual encoders to lead astray where a defence as written in a grid, or one inside it, puts images into words.

    That is whoever describes them, or `STAND_IN` for a describer that is no dual encoder.
    """
    named = dict[str, None]()
    for written in defences:
        if not isinstance(written, Mapping):
            continue
        own = str(written.get("descriptors") or "")
        if own or written.get("lvm"):
            named[own if _is_dual_encoder(own) else STAND_IN] = None
        named |= dict.fromkeys(describers(written.values()))
    return tuple(named)


def _is_dual_encoder(name: str) -> bool:
    """By name alone; only a linker of another package is imported, which nothing else tells."""
    if name in LINKERS.own:
        return LINKERS.base(name) in DUAL_ENCODERS
    return name in LINKERS and hasattr(LINKERS.load(name), "embed_texts")


def members(written: Mapping[str, Any], encoders: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """The attacks that stand for one table `{name = "adaptive", access = ..., ...}`.

    Args:
        written: `access` ("pixels" by default), its options, and the keys by which any attack is aimed; these go to every member.
        encoders: `describers` of the grid: none where no defence of it puts images into words. All victims meet the same members.

    Raises:
        UsageError: There is no such access.
    """
    rest = {key: value for key, value in written.items() if key not in ("name", "access")}
    access = written.get("access", "pixels")
    if access not in OPTIONS:
        raise UsageError(f'attack adaptive: unknown access "{access}". {suggestion(str(access), OPTIONS)}')
    for key in ("label", "source", "upon", "strength"):
        if key in rest:
            raise UsageError(
                f"attack adaptive: {key} cannot be set, since its members are several attacks; list them one by one."
            )
    options = {**OPTIONS[access], **{key: rest.pop(key) for key in OPTIONS[access].keys() & rest.keys()}}
    for own in _members(access, options, encoders):
        yield {**rest, **own}


def _members(access: str, given: Mapping[str, Any], encoders: Sequence[str]) -> Iterator[dict[str, Any]]:
    if access == "pixels":
        ball = {"eps": given["eps"]}
        gradients = {**ball, "steps": given["steps"], "eot": given["eot"]}
        yield {"name": "pgd", **gradients}
        yield {"name": "apgd", **gradients}
        yield {"name": "square", **ball, "queries": given["queries"], "eot": given["eot"]}
        yield {"name": "pgd", **gradients, "source": STATIC}
        yield {"name": "gate-pgd", **gradients, "source": STATIC}
        for encoder in encoders:
            label = {"label": f"descriptor-pgd on {encoder}"} if len(encoders) > 1 else {}
            yield {"name": "descriptor-pgd", **gradients, "encoder": encoder, **label}
    elif access == "drawn text":
        for text in ("{name}", "a photo of {name}", "The answer is {name}.", *(("Descriptors: {name}",) if encoders else ())):
            yield {"name": "typographic", "text": text, "height": given["height"], "label": f'drawn "{text}"'}
    elif access == "text edits":
        for name in ("qwerty", "char_swap", "word_delete"):
            for source in ({}, {"source": STATIC}):
                yield {"name": name, **given, **source}
    else:
        yield {"name": "poisoned-evidence", "label": "poisoned page"}
        yield {"name": "poisoned-evidence", "field": "description", "label": "poisoned description"}
        yield {"name": "poisoned-evidence", "page": "right", "label": "false traits"}
        yield {"name": "prompt-injection", "label": "instruction in a page"}
        yield {"name": "prompt-injection", "field": "description", "label": "instruction in a description"}
        yield {"name": "injection-search", "label": "instruction that passes the filter"}
        yield {"name": "caption-poison"}
        yield {"name": "vandalism"}
        yield {"name": "squatting"}

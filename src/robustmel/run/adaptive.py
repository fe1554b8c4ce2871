"""`attack = "adaptive"` of a grid: all the attacks that one kind of access allows, each within the same budget.

The report takes the worst case over them mention by mention, in a row "worst case (...)": the same members and budgets for a linker with
and without its defence.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from robustmel.errors import UsageError
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


def members(written: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The attacks that stand for one table `{name = "adaptive", access = ..., ...}`.

    Args:
        written: `access` ("pixels" by default), its options, and the keys by which any attack is aimed; these go to every member.

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
    for own in _members(access, options):
        yield {**rest, **own}


def _members(access: str, given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if access == "pixels":
        ball = {"eps": given["eps"]}
        gradients = {**ball, "steps": given["steps"], "eot": given["eot"]}
        yield {"name": "pgd", **gradients}
        yield {"name": "apgd", **gradients}
        yield {"name": "square", **ball, "queries": given["queries"], "eot": given["eot"]}
        yield {"name": "pgd", **gradients, "source": STATIC}
        yield {"name": "gate-pgd", **gradients, "source": STATIC}
    elif access == "drawn text":
        for text in ("{name}", "a photo of {name}", "The answer is {name}."):
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

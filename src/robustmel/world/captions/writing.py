"""One caption from a template, the mention, and facts of its entity."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from robustmel.kb.knowledge_base import fold
from robustmel.world.captions.templates import Templates
from robustmel.world.chance import Generator, pick

_MARK = "\x00"
_WITH_ARTICLE = re.compile(
    r"((United|Democratic|People's|Federated|Independent|Federal) .*|(Hashemite |Grand )?"
    r"(Republic|Kingdom|Commonwealth|Union|State|Isle|Principality|Duchy|Sultanate|Emirate|Province|City) of .*|"
    r"Philippines|Netherlands|Bahamas|Gambia|Maldives|Seychelles|Comoros|Holy See|States|Emirates|"
    r".* (Islands|Republic|Emirates|Federation|Confederation|Kingdom|States|Union|State|Territory|substitute|repeater|pennant)|"
    r"U\.?S\.?A?\.?|U\.?K\.?|UAE|DRC|CAR|USSR)"
)


class Caption(NamedTuple):
    """A text, where the surface stands in it, and the fact it mentions (None for a plain one)."""

    text: str
    span: tuple[int, int]
    clue: str | None


def write_caption(
    templates: Templates,
    kind: str,
    surface: str,
    facts: Mapping[str, str],
    names: Sequence[str],
    random: Generator,
    clue_share: float = 0.5,
) -> Caption:
    """Writes one caption."""
    tellable = [fact for fact in templates.clue[kind] if fact in facts and fold(facts[fact]) != fold(surface)]
    clue = pick(random, tellable) if random.uniform() < clue_share and tellable else None
    template = pick(random, templates.plain[kind] if clue is None else templates.clue[kind][clue])
    fillings = {"surface": _MARK}
    if clue is not None:
        fillings[clue] = f"the {facts[clue]}" if _WITH_ARTICLE.fullmatch(facts[clue]) else facts[clue]
    taken = {fold(name) for name in (*names, surface, *fillings.values())}
    for slot, choices in templates.slots.items():
        fillings[slot] = pick(random, [choice for choice in choices if fold(choice) not in taken])
    before, after = template.format_map(fillings).split(_MARK)
    before = _joined(before[:1].upper() + before[1:], surface)
    return Caption(before + surface + after, (len(before), len(before) + len(surface)), clue)


def _joined(before: str, surface: str) -> str:
    """The words before a mention with "the " or "an" where English wants it; the mention itself is left alone."""
    if before.endswith(("A ", " a ")):
        return before[:-1] + "n " if surface[0] in "AEIOaeio" else before
    if not _WITH_ARTICLE.fullmatch(surface) or before.endswith(("the ", "The ", "This ")):
        return before
    return before + ("The " if not before or before.endswith((". ", ': "')) else "the ")

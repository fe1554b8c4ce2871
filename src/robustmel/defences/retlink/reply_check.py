"""Whether what a language model wrote of an entity may stand for it: it says what the evidence says, and nothing to its reader."""

import re
from collections.abc import Sequence

from robustmel.attacks.text.words import is_stop_word
from robustmel.defences.retlink.evidence_sentences import cleaned, suspicious
from robustmel.retrieval.sentences import sentences
from robustmel.retrieval.word_index import words
from robustmel.types import Entity

ATTRIBUTED = 0.6
"""Share of the content words that the evidence must hold."""
LENIENCY = 1.5
"""A sentence may have so many times the words that were asked for: it is cut to the linker's limit all the same."""
_STEM = 6
"""Letters by which a name is recognised in another form of it (Europe, European)."""

_JUDGES = re.compile(
    r"\b(?:answer|choice|index|option)\b\W{0,3}(?:is|:|=)|\b(?:image|photo|picture|query|mention|context|evidence|descriptors?)\b.{0,40}"
    r"\b(?:match|show|depict|fit)|\b(?:match|show|depict|fit)(?:s|es|n|ed|ing)?\b.{0,40}\b(?:image|photo|picture|query|mention|context)\b",
    re.IGNORECASE,
)
_COMMANDS = re.compile(
    r"(?:please|choose|select|pick|answer|respond|reply|output|say|write|ignore|note|remember|always|never|do not|don't|you)\b",
    re.IGNORECASE,
)
_NAME_OR_NUMBER = re.compile(r"(?<!^)\b(?=[^\W_]*\d)[^\W_]+|(?<!^)(?<![.!?]\s)\b[A-ZÀ-ÖØ-Þ][^\W_]+")


def first_sentence(reply: str) -> str:
    """The first sentence of a reply, cleaned, without the quotation marks or the fence around it; "" where it holds none."""
    lines = sentences(cleaned(re.sub(r"^```\w*|```$", "", reply.strip())).strip("\"'“”` "))
    return lines[0] if lines else ""


def fault(sentence: str, entity: Entity, evidence: Sequence[str], most: int) -> str:
    """Why a sentence may not stand for an entity: "empty", "long", "unnamed", "suspicious", "command", "judging" or "unattributed"; "" if it may.

    It is looked at beside its own entity's evidence alone, never beside the other candidates, so that none of them can move it.
    Every name and number in it must be the entity's own or stand in the evidence; of the other content words, `ATTRIBUTED` must.

    Args:
        sentence: As `first_sentence` gives it.
        entity: Whom it describes: one of its names must be in it.
        evidence: Texts about the entity, its description among them.
        most: Words that were asked for.
    """
    said = words(sentence)
    if not said:
        return "empty"
    if len(said) > LENIENCY * most + len(words(entity.name)):
        return "long"
    spaced = f" {' '.join(said)} "
    names = [" ".join(words(name)) for name in (entity.name, *entity.aliases)]
    if not any(name and f" {name} " in spaced for name in names):
        return "unnamed"
    if suspicious(sentence):
        return "suspicious"
    if _COMMANDS.match(sentence):
        return "command"
    if _JUDGES.search(sentence):
        return "judging"
    held = {word for text in (*evidence, *names) for word in words(text)}
    stems = {word[:_STEM] for word in held}
    strange = [word for name in _NAME_OR_NUMBER.findall(sentence) for word in words(name) if word[:_STEM] not in stems]
    content = [word for word in said if not is_stop_word(word)]
    attributed = sum(word in held for word in content) >= ATTRIBUTED * len(content)
    return "" if attributed and not strange else "unattributed"

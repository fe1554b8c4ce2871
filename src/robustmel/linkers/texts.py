"""What linkers are given to read: a label for each candidate, a text for each query."""

from typing import Literal, get_args

from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.types import Entity, Query

QueryText = Literal["sentence", "surface", "both"]
"""What of a mention is read: its sentence, its surface, or the surface followed by the sentence."""


def label(entity: Entity, template: str) -> str:
    """The text a candidate is scored by: the template with `{name}`, `{description}` and `{type}` filled in."""
    return template.format(name=entity.name, description=entity.description, type=entity.type or "")


def name_of(kb: KnowledgeBase, query: Query, entity: str) -> str:
    """The text of a candidate for a linker that reads names: what `labels` gives it, else its name."""
    return (query.labels or {}).get(entity) or kb[entity].name


def query_text(query: Query, what: QueryText, template: str = "{text}") -> str:
    """The text of a query; "" where it has none.

    With "both" the surface comes first, so that a tokenizer's limit cuts the sentence and never the mention. A query without
    the part that is asked for falls back on the part that it has.
    """
    surface, sentence = query.surface.strip(), query.text.strip()
    if what == "sentence":
        text = sentence or surface
    elif what == "surface":
        text = surface or sentence
    else:
        text = f"{surface}: {sentence}" if surface and sentence else surface or sentence
    return template.format(text=text) if text else ""


def check_texts(template: str, what: str, query_template: str) -> None:
    """Refuses templates that cannot be filled in.

    Raises:
        UsageError: A template names an unknown field or lacks the one it is for, or `what` is no kind of query text.
    """
    if what not in get_args(QueryText):
        raise UsageError(f'query_text = "{what}" is unknown; it is one of {", ".join(get_args(QueryText))}.')
    for parameter, text, fields, needed in (
        ("template", template, {"name": "x", "description": "x", "type": "x"}, "name"),
        ("query_template", query_template, {"text": "x"}, "text"),
    ):
        try:
            complete = f"{{{needed}}}" in text and bool(text.format(**fields))
        except (KeyError, IndexError, ValueError):
            complete = False
        if not complete:
            placeholders = ", ".join(f"{{{name}}}" for name in fields)
            raise UsageError(
                f'{parameter} = "{text}" cannot be filled in: it must hold {{{needed}}} and may hold {placeholders}.'
            )

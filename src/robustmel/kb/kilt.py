"""Articles in the layout of KILT's knowledge source, as entities."""

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from robustmel.types import Entity


def kilt_entity(page: Mapping[str, Any]) -> Entity:
    """The entity that an article is about: its id is the Wikidata id where the record has one, its text the introduction.

    Args:
        page: With "wikipedia_id" and "wikipedia_title"; "text" is a string, or a list of paragraphs in which the title comes first
            and headings begin with "Section::::"; "wikidata_info" may name "wikidata_id" and "aliases".

    Raises:
        KeyError: One of the first two is not there.

    Source:
        Petroni et al., "KILT: a Benchmark for Knowledge Intensive Language Tasks", NAACL 2021.
    """
    about = page.get("wikidata_info") or {}
    title, qid = str(page["wikipedia_title"]), about.get("wikidata_id") or None
    text = page.get("text") or ()
    paragraphs = [text] if isinstance(text, str) else takewhile(lambda paragraph: not paragraph.startswith("Section::::"), text)
    prose = [paragraph.strip() for paragraph in paragraphs if paragraph.strip() not in ("", title)]
    return Entity(
        id=str(qid or page["wikipedia_id"]),
        name=title,
        aliases=tuple(alias for alias in dict.fromkeys(about.get("aliases") or ()) if alias != title),
        qid=qid,
        description=str(about.get("description") or ""),
        text="\n".join(prose),
    )

"""Items of Wikidata: labels, descriptions and articles, fifty at a time."""

import re
from typing import Any

from robustmel.retrieval.evidence import plain
from robustmel.retrieval.wikimedia.action_api import ActionApi, mapping

AT_ONCE = 50
_QID = re.compile(r"Q[1-9][0-9]{0,9}")


def is_qid(text: str) -> bool:
    """Whether it may be asked for: one malformed id spoils a whole batch."""
    return _QID.fullmatch(text) is not None


def fetch_items(api: ActionApi, qids: list[str], language: str) -> dict[str, tuple[dict[str, str] | None, str]]:
    """Id asked for -> what the item says, and its revision; None for one that is not there.

    The item is {"asked": ..., "id": ..., "label": ..., "description": ..., "article": title of the language's Wikipedia}; its id is that of the
    item into which the one asked for was merged. Without a label in the language, that of a language near it counts.
    """
    parameters = {
        "action": "wbgetentities",
        "ids": "|".join(qids),
        "props": "info|labels|descriptions|sitelinks",  # claims of fifty countries have over 20 MB
        "languages": language,
        "languagefallback": "1",
        "sitefilter": f"{language}wiki",
        "redirects": "yes",
    }
    entities: dict[str, Any] = {}
    for answer in api.answers(parameters):
        entities |= mapping(answer.get("entities"))
    return {qid: _item(qid, entities[qid], language) for qid in qids if isinstance(entities.get(qid), dict)}


def _item(asked: str, entity: dict[str, Any], language: str) -> tuple[dict[str, str] | None, str]:
    if "missing" in entity or not is_qid(str(entity.get("id"))):
        return None, ""
    values = {
        "asked": asked,
        "id": str(entity["id"]),
        "label": _text(entity.get("labels"), language, "value"),
        "description": _text(entity.get("descriptions"), language, "value"),
        "article": _text(entity.get("sitelinks"), f"{language}wiki", "title"),
    }
    return values, str(entity.get("lastrevid") or "")


def _text(texts: Any, key: str, field: str) -> str:
    return plain(str(mapping(mapping(texts).get(key)).get(field) or ""))

"""What was done to each record, as plain values."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from robustmel.item_seeds import item_seed
from robustmel.types import Mention

MEASURES = ("similarity",)
"""Columns of the log that say how far an edited text is from the clean one."""


class Poisoned(NamedTuple):
    """A record before and after, and what was done to it.

    Args:
        clean: As it was.
        poisoned: As it is now; the same where nothing changed.
        provenance: See `provenance`.
    """

    clean: Mention
    poisoned: Mention
    provenance: dict[str, Any]


def provenance(
    clean: Mention, poisoned: Mention, log: Mapping[str, Any] | None, attack: str | None, seed: int
) -> dict[str, Any]:
    """A line of provenance.jsonl.

    `edits` are in the clean text, and with them alone it becomes the poisoned one. `label` and `image` say what was and what is, where
    that changed. `note` says why a chosen record has no edits, or fewer than asked for; `measures` holds what was
    measured of an edited text.

    Args:
        clean: The record as it was.
        poisoned: The record as it is.
        log: Its row in the log of the edits; None for a record that was not chosen.
        attack: Name of the attack on its text, None for none.
        seed: Of the stage.
    """
    record: dict[str, Any] = {"id": clean.id, "chosen": log is not None, "changed": clean != poisoned}
    if log is None:
        return record | {"attack": None, "seed": None, "edits": []}
    record |= {
        "attack": attack,
        "seed": item_seed(seed, attack or "none", log["id"]),
        "edits": json.loads(log["changes"] or "[]"),
    }
    if clean.gold != poisoned.gold:
        record["label"] = {"old": clean.gold, "new": poisoned.gold}
    if clean.image != poisoned.image:
        record["image"] = {"old": _name(clean), "new": _name(poisoned)}
    status = "" if log["status"] == "ok" else log["status"].replace(":", ": ", 1).replace("_", " ")
    if note := log["note"] or status:
        record["note"] = note
    edited = clean.text != poisoned.text  # an attack may call a text that it left alone as similar as can be
    return record | {"measures": {name: log[name] for name in MEASURES if edited and log[name] is not None}}


def _name(mention: Mention) -> str | None:
    return None if mention.image is None else mention.image.name

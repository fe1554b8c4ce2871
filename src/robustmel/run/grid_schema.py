"""The JSON schema of the grid file, drawn from the model that reads it."""

from collections.abc import Mapping
from typing import Any, get_args

from robustmel.attacks import ATTACKS
from robustmel.candidates import CANDIDATES
from robustmel.datasets import DATASETS
from robustmel.defences import DEFENCES
from robustmel.linkers import LINKERS
from robustmel.registry import Registry
from robustmel.run.grid_file import AttackTable, GridTable, SourceTable
from robustmel.run.poison_spec import Target

REGISTRIES: Mapping[str, Registry] = {
    "datasets": DATASETS, "linkers": LINKERS, "attacks": ATTACKS, "defences": DEFENCES, "poisons": ATTACKS, "candidates": CANDIDATES,
}  # fmt: skip
"""Key of the grid -> where the names of its components stand."""

TRAINED = {
    "type": "object",
    "description": "Train the linker first, unless its weights are in the store.",
    "properties": {
        "recipe": {
            "type": ["string", "object"],
            "description": "A packaged recipe, a recipe file (TOML), or the recipe itself.",
        },
        "on": {"type": "array", "minItems": 1, "description": "Data sets to train on (their training split)."},
    },
    "required": ["recipe", "on"],
    "additionalProperties": False,
}
SELECT = {
    "anyOf": [{"enum": ["all", "popular", "unpopular"]}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
    "description": "Which records may be chosen; a list holds ids of entities.",
}
POISONING = {
    "record_rate": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "description": "Share of the selected records that is poisoned.",
    },
    "select": SELECT,
    "relabel": {"type": "string", "description": "Id of the entity that poisoned records get as their label."},
    "trigger": {"type": "string", "description": "A phrase to insert into poisoned texts."},
    "swap_images": {"type": "boolean", "description": "Give poisoned records each other's images."},
    "whole_entities": {"type": "boolean", "description": "Poison all records of an entity before any of the next."},
    "target": {
        "enum": list(get_args(Target)),
        "description": "What is poisoned; by default what linkers learn from.",
    },
}
OWN_KEYS: Mapping[str, Mapping[str, Any]] = {"linkers": {"trained": TRAINED}, "poisons": POISONING}


def grid_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a grid. Names are suggested, not enforced: a component may be FILE.py:Class."""
    schema = GridTable.model_json_schema()
    aim = AttackTable.model_json_schema()["properties"]
    aim["source"]["anyOf"].append(SourceTable.model_json_schema())
    for key, registry in REGISTRIES.items():
        own = aim if key == "attacks" else OWN_KEYS.get(key, {})
        component = _component(registry, own)
        written = schema["properties"][key]
        if key == "candidates":
            written.pop("anyOf")
            written |= component
        else:
            written["items"] = component
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "RobustMEL grid"}


def _component(registry: Registry, own: Mapping[str, Any]) -> dict[str, Any]:
    name = {"anyOf": [{"enum": sorted(registry)}, {"type": "string"}], "description": f"The {registry.kind}, or FILE.py:Class."}
    label = {"type": "string", "description": "Its name in tables."}
    table = {"type": "object", "properties": {"name": name, "label": label, **own}, "required": ["name"]}
    return {"anyOf": [*name["anyOf"], table]}

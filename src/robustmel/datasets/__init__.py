"""Data sets: one file each, and one line here."""

from robustmel.registry import Registry

DATASETS = Registry(
    "dataset",
    {
        "jsonl": "robustmel.datasets.jsonl:JSONL",
        "world-news": "robustmel.datasets.world:WorldNews",
        "world-sport": "robustmel.datasets.world:WorldSport",
    },
    entry_points="robustmel.datasets",
)

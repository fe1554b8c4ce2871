"""Data sets: one file each, and one line here."""

from robustmel.registry import Registry

DATASETS = Registry(
    "dataset",
    {
        "jsonl": "robustmel.datasets.jsonl:JSONL",
        "richpedia-mel": "robustmel.datasets.richpedia_mel:RichpediaMEL",
        "wikidata-mel": "robustmel.datasets.wikidata_mel:WikidataMEL",
        "world-news": "robustmel.datasets.world:WorldNews",
        "world-sport": "robustmel.datasets.world:WorldSport",
    },
    entry_points="robustmel.datasets",
)

"""Data sets: one file each, and one line here."""

from robustmel.registry import Registry, lacking

DATASETS = Registry(
    "dataset",
    {
        "diffmel": "robustmel.datasets.m3el:DiffMEL",
        "gemel": "robustmel.datasets.gemel:GEMELFiles",
        "jsonl": "robustmel.datasets.jsonl:JSONL",
        "m3el": "robustmel.datasets.m3el:M3EL",
        "merged": "robustmel.datasets.merged:Merged",
        "renamed": "robustmel.datasets.renamed:Renamed",
        "richpedia-mel": "robustmel.datasets.richpedia_mel:RichpediaMEL",
        "subset": "robustmel.datasets.subset:Subset",
        "wikidata-mel": "robustmel.datasets.wikidata_mel:WikidataMEL",
        "wikidiverse": "robustmel.datasets.wikidiverse:WikiDiverse",
        "wikimel": "robustmel.datasets.wikidata_mel:WikiMEL",
        "wikiperson": "robustmel.datasets.wikiperson:WIKIPerson",
        "world-news": "robustmel.datasets.world:WorldNews",
        "world-sport": "robustmel.datasets.world:WorldSport",
    },
    entry_points="robustmel.datasets",
    violations=lacking("load"),
)

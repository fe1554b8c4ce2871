"""Re-cuts of the data sets that other code bases brought: recognised, and answered with what to use instead."""

from __future__ import annotations

from robustmel.datasets.layouts.layout import Refused

_INSTEAD = "use the raw release or MIMIC's cleaned files."

DWE_WIKIMEL = Refused(
    "DWE's re-cut of WikiMEL",
    ("wikipedia_*.json",),
    f"its mentions and splits are those of MIMIC's split by mention, and its entities lie in files of its own; {_INSTEAD}",
)
DWE_RICHPEDIA = Refused(
    "DWE's re-cut of Richpedia-MEL",
    ("richpedia_*.json",),
    f"its records name no image of the mention; {_INSTEAD}",
)
DWE_WIKIDIVERSE = Refused(
    "DWE's re-cut of WikiDiverse",
    ("wikidiverse_*.json",),
    "its images are named by another rule than the release's (the MD5 of the whole address), and its entities by bare titles;"
    f" {_INSTEAD}",
)
DRIN_WIKIMEL = Refused(
    "DRIN's re-cut of WikiMEL",
    ("**/mentions/WIKIMEL_*.json",),
    f"its mentions name no image and its candidates lie in a table of ids whose entities are elsewhere; {_INSTEAD}",
)
DRIN_WIKIDIVERSE = Refused(
    "DRIN's re-cut of WikiDiverse",
    ("**/mentions/*iverse*.json",),
    f"its candidates lie in a table of ids whose entities are elsewhere; {_INSTEAD}",
)

"""The card of an exported data set: README.md with the header that the hub reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from robustmel.datasets.dataset import Dataset
from robustmel.errors import printable

_HUB_LICENCES = {"Apache-2.0": "apache-2.0", "MIT": "mit"}


def card(dataset: Dataset, counts: Mapping[str, Any], names: Mapping[str, str], digests: Mapping[str, str]) -> str:
    """The text of README.md.

    Args:
        dataset: What was exported.
        counts: As `export_hub` counted.
        names: Split -> what its files begin with.
        digests: File -> SHA-256.
    """
    licence = _HUB_LICENCES.get(dataset.licence, "other")  # with any more words, something else holds for a part
    header = [
        "---",
        f"license: {licence}",
        f"pretty_name: {_quoted(dataset.name)}",
        "tags:",
        "- entity-linking",
        "- multimodal",
    ]
    header += ["configs:", "- config_name: mentions", "  default: true", "  data_files:"]
    for name in names.values():
        header += [f"  - split: {_quoted(name)}", f"    path: {_quoted(f'data/{name}-*.parquet')}"]
    header += ["- config_name: entities", "  data_files:", "  - split: entities", "    path: entities/*.parquet", "---", ""]
    lines = [
        f"# {printable(dataset.name)}",
        "",
        f"Multimodal entity linking, exported by RobustMEL from: {printable(dataset.report.layout, 300)}.",
        f"Licence, as the owner of the data states it: {printable(dataset.licence, 300) or 'not stated'}.",
        "",
        "| | |",
        "|---|---|",
        f"| mentions | {counts['mentions']:,} |",
        *(f"| split {names[split]} | {count:,} |" for split, count in counts["splits"].items()),
        f"| entities | {counts['entities']:,} |",
        *(
            f"| {'images' if state.startswith('of an entity') else 'mentions whose image is'} {state} | {count:,} |"
            for state, count in counts["images"].items()
        ),
        "",
        "`gold` is the id of the right entity in the configuration `entities`, null for an entity that is in no knowledge base."
        " `span` holds characters [start, end) of `surface` in `text`. `image` holds the bytes of the original file, null unless"
        ' `image_state` is "present".',
        "",
        "What the reader of the files remarked:",
        "",
        *(f"- {reason.replace('_', ' ')}: {count:,}" for reason, count in sorted(dataset.report.counts.items())),
        "",
        "SHA-256:",
        "",
        *(f"    {digest}  {name}" for name, digest in digests.items()),
        "",
    ]
    return "\n".join([*header, *lines])


def _quoted(text: str) -> str:
    return json.dumps(printable(text))

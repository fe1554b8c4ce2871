"""The card of an exported data set: README.md with the header that the hub reads."""

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined

from robustmel.datasets.dataset import Dataset
from robustmel.errors import printable

_HUB_LICENCES = {"Apache-2.0": "apache-2.0", "MIT": "mit"}


def card(dataset: Dataset, counts: Mapping[str, Any], names: Mapping[str, str], digests: Mapping[str, str]) -> str:
    """The text of README.md."""
    template = (resources.files("robustmel.export") / "card.md.jinja").read_text("utf-8")
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    licence = _HUB_LICENCES.get(dataset.licence, "other")  # with any more words, something else holds for a part
    known = {"dataset": dataset, "counts": counts, "names": names, "digests": digests, "licence": licence}
    return environment.from_string(template).render(known, quoted=_quoted, printable=printable)


def _quoted(text: str) -> str:
    return json.dumps(printable(text))

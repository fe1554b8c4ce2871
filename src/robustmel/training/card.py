"""The model card of a trained checkpoint, and the record that it is written from."""

import json
import shlex
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import torch
from jinja2 import Environment

from robustmel.attacks.quantities import as_budget
from robustmel.registry import as_toml
from robustmel.version import __version__

RECORD = "training_recipe.json"
"""What was trained, and how; it is written last, so that a folder that holds it is complete."""

_TEMPLATE = (files("robustmel.training") / "card.md.jinja").read_text("utf-8")


def write_card(folder: Path, **facts: Any) -> None:
    """Writes `README.md` and, last of all, `training_recipe.json`: where that lies, the folder is complete.

    Args:
        folder: Of the published weights.
        facts: `recipe`, `kind` of the training as in `TRAINEES`, `identity` (recipe, data sets, digests), `sources` (how the data
            sets were asked for, as others may read it), `best_epoch`, `accuracies` of the weights as stored (data set -> split
            -> task -> share), `remarks`, number of `parameters`, and `history`.
    """
    versions = {"robustmel": __version__, "torch": str(torch.__version__).partition("+")[0]}
    record = facts | {"threads": torch.get_num_threads(), "versions": versions}
    _write(folder / "README.md", card(record))
    _write(folder / RECORD, json.dumps(record, indent=1) + "\n")


def card(record: Mapping[str, Any]) -> str:
    """The model card of what `training_recipe.json` records."""
    base, datasets = record["recipe"]["base"], record["identity"]["datasets"]
    if base and Path(base).expanduser().is_absolute():
        base = Path(base).name  # where the folder lay is nobody's business
    measured = [shares for splits in record["accuracies"].values() for shares in splits.values()]
    columns = list(dict.fromkeys(task for shares in measured for task in shares))
    facts = {"kind": "dual-encoder"} | dict(record) | {"tasks": columns, "counted": _counted, "as_budget": as_budget}
    template = Environment(trim_blocks=True, keep_trailing_newline=True).from_string(_TEMPLATE)
    return template.render(
        facts,
        made=f"fine-tuned from {base}" if base else "trained from random weights",
        named=" ".join(f"--dataset {shlex.quote(source)}" for source in record.get("sources", datasets)),
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _write(file: Path, text: str) -> None:
    unfinished = file.with_name(f".{file.name}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(file)


def shown_source(name: str, parameters: Mapping[str, Any]) -> str:
    """How a data set was asked for, as others may read it: its name, or its inline table as on the command line.

    Paths below the working directory are made relative to it; of absolute ones elsewhere the last part is left.
    """
    if not parameters:
        return name
    return as_toml({"name": name} | _without_place(parameters))


def _without_place(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_place(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_place(part) for part in value]
    if not isinstance(value, str | Path):
        return value
    text, path = str(value), Path(value)
    if text.startswith("~") or PureWindowsPath(text).is_absolute():
        return PureWindowsPath(text).name
    if not PurePosixPath(text).is_absolute():
        return text
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else path.name

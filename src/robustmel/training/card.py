"""The model card of a trained checkpoint, and the record that it is written from."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import torch

from robustmel.attacks.quantities import as_budget
from robustmel.types import TASKS
from robustmel.version import __version__

RECORD = "training_recipe.json"
"""What was trained, and how; it is written last, so that a folder that holds it is complete."""


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
    recipe, identity = record["recipe"], record["identity"]
    sources = record.get("sources", identity["datasets"])
    kind = record.get("kind", "dual-encoder")
    named = " ".join(f"--dataset {shlex.quote(source)}" for source in sources)
    threads = f"{record['threads']} thread" + ("" if record["threads"] == 1 else "s")
    made = f"fine-tuned from {_base(recipe['base'])}" if recipe["base"] else "trained from random weights"
    rows = [
        f"| {name} | {split} | " + " | ".join(f"{100 * tasks[task]:.1f}" if task in tasks else "-" for task in TASKS) + " |"
        for name, splits in record["accuracies"].items()
        for split, tasks in splits.items()
    ]
    table = (
        ["| data set | split | " + " | ".join(TASKS) + " |", "|---" * (2 + len(TASKS)) + "|", *rows]
        if rows
        else ["Not measured."]
    )
    remarks = [f"- {count} {what}" for what, count in sorted(record["remarks"].items())] or ["- nothing"]
    return "\n".join(
        [
            "---",
            "license: apache-2.0",
            "library_name: transformers",
            *["pipeline_tag: zero-shot-image-classification"] * (kind == "dual-encoder"),
            "---",
            "",
            f"# A small {recipe['family']} {kind.replace('-', ' ')} for entity linking",
            "",
            f"A scale model of {record['parameters'] / 1e6:.1f} million parameters, {made} on {', '.join(identity['datasets'])}",
            "by RobustMEL, to try attacks and defences on within seconds. It knows the entities of its data and nothing else; what",
            "holds for it need not hold for a large model.",
            "",
            *_hardened(recipe.get("adversarial")),
            "Accuracy in percent among each mention's candidates, clean images, with the weights as stored:",
            "",
            *table,
            "",
            f"Seed {recipe['seed']}, epoch {record['best_epoch']} of {len(record['history'])}, {threads}, "
            f"data digest `{identity['data']}`. The same data, seed, number of threads and versions give the same weights.",
            "",
            "Made by, with the recipe in `training_recipe.json`:",
            "",
            f"    robustmel train {kind} {named} --recipe training_recipe.json --out DIR",
            "",
            "Left out of the training data, or cut:",
            "",
            *remarks,
            "",
        ]
    )


def _base(base: str) -> str:
    """A hub id or an embedded checkpoint by its name; of a folder the last part, as where it lay is nobody's business."""
    return Path(base).name if Path(base).expanduser().is_absolute() else base


def _hardened(adversarial: Mapping[str, Any] | None) -> list[str]:
    if adversarial is None:
        return []
    steps = f"{adversarial['steps']} step" + ("" if adversarial["steps"] == 1 else "s")
    return [
        f"Trained adversarially: on the worst images that {steps} found within {as_budget(adversarial['eps'])} of a pixel's range, at",
        "the resolution the model reads.",
        "",
    ]


def _write(file: Path, text: str) -> None:
    unfinished = file.with_name(f".{file.name}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(file)


def shown_source(name: str, parameters: Mapping[str, Any]) -> str:
    """How a data set was asked for, as others may read it: its name, or its inline table as on the command line.

    Paths below the working directory are made relative to it; of absolute ones elsewhere the last part is left.

    Args:
        name: As registered.
        parameters: As given.
    """
    if not parameters:
        return name
    return _written({"name": name, **parameters})


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_written(part)}" for key, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(_without_place(value) if isinstance(value, str | Path) else value, ensure_ascii=False)


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else json.dumps(key, ensure_ascii=False)


def _without_place(value: str | Path) -> str:
    text = str(value)
    if text.startswith("~") or PureWindowsPath(text).is_absolute():
        return PureWindowsPath(text).name
    if not PurePosixPath(text).is_absolute():
        return text
    path = Path(text)
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else path.name

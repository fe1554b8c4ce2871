"""`detect`: which training records look poisoned."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from robustmel.cli.options import dataset_names

PROVENANCE = "provenance.jsonl"


def detect(
    dataset: Annotated[
        str,
        typer.Argument(
            help="A folder that robustmel poison wrote, or a data set: a name, or an inline table.",
            autocompletion=dataset_names,
        ),
    ],
    detector: Annotated[
        list[str] | None,
        typer.Option("--detector", help="A name, or an inline table; may be repeated.", show_default="all of them"),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="The records to look at: train, or all.")] = "train",
    limit: Annotated[int | None, typer.Option("--limit", min=2, help="The size of a random sample of the records.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write every record's scores to this file (JSON lines).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list instead of the table.")] = False,
) -> None:
    """Score how suspicious training records look; measured where it is known which are poisoned."""
    from robustmel.cli.options import dataset_from_text
    from robustmel.datasets import DATASETS
    from robustmel.defences.detectors import DETECTORS
    from robustmel.report.detection import detect as measured
    from robustmel.report.detection import read_changed
    from robustmel.run.grid import component_from_text
    from robustmel.run.stages.candidates import sample

    components = [component_from_text(asked) for asked in detector or DETECTORS.own]
    for component in components:
        DETECTORS.create(component.name, **component.params)  # what is wrong is told before anything is read
    folder = dataset not in DATASETS and not dataset.lstrip().startswith("{") and Path(dataset).is_dir()
    written = json_table(dataset) if folder else dataset
    loaded = dataset_from_text(written)
    provenance = Path(str(component_from_text(written).params.get("path", ""))) / PROVENANCE
    changed_records = read_changed(provenance) if provenance.is_file() else None
    of_split = [mention for mention in loaded.mentions if split == "all" or mention.split in (split, None)]
    records = list(sample(of_split, limit, 0))
    rows, scores = measured(components, records, loaded, changed_records)
    if out is not None:
        lines = (
            {"id": record.id} | {name: _number(column[place]) for name, column in scores.items()}
            for place, record in enumerate(records)
        )
        out.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
        print(f"scores of {len(records):,} records in {out}", file=sys.stderr)
    sys.stdout.write(json.dumps(rows, indent=1) + "\n" if as_json else table(rows))


def json_table(folder: str) -> str:
    """A folder as the data set that it holds, written as in a grid."""
    from robustmel.registry import as_toml

    return as_toml({"name": "jsonl", "path": folder})


def _number(score: float) -> float | None:
    return None if score != score else float(score)


def table(rows: list[dict[str, Any]]) -> str:
    """One line a detector."""
    measured = "auc" in rows[0]
    lines = [f"{'detector':<28}{'records':>9}{'abstained':>11}{'seconds':>9}{'flags from':>12}"]
    if measured:
        lines[0] += f"{'poisoned':>10}   {'AUC (95 %)':<22}found at {rows[0]['false_alarms']:.0%} false alarms (95 %)"
    for row in rows:
        line = f"{row['detector']:<28}{row['records']:>9,}{row['abstained']:>11,}{row['seconds']:>9.1f}"
        line += f"{'-' if row['flagged'] is None else format(row['flagged'], '.4g'):>12}"
        if measured:
            line += f"{row['poisoned']:>10,}   {_interval(row, 'auc', ''):<22}{_interval(row, 'found', '%')}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def _interval(row: Mapping[str, Any], name: str, unit: str) -> str:
    def shown(value: float) -> str:
        return f"{value:.1%}" if unit else f"{value:.3f}"

    bounds = row[f"{name}_interval"]
    return shown(row[name]) + (f" ({shown(bounds[0])}-{shown(bounds[1])})" if bounds else " (too few entities)")

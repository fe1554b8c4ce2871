"""`poison`: a data set to train on, a share of its records corrupted."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from robustmel.cli.options import STORE, DatasetName, NewFolder, Seed, StoreFolder, attack_names
from robustmel.progress import progress_display


def poison(
    dataset: DatasetName,
    attack: Annotated[
        str,
        typer.Option(
            "--attack",
            help="A text attack: a name, or an inline table as in a grid; none edits no words.",
            autocompletion=attack_names,
        ),
    ],
    record_rate: Annotated[float, typer.Option("--record-rate", help="The share of the records to poison, 0 to 1.")],
    out: NewFolder,
    path: Annotated[Path | None, typer.Option("--path", help="The data set's folder or file.")] = None,
    edit_rate: Annotated[
        float | None, typer.Option("--edit-rate", help="The share of words to edit.", show_default="the attack's")
    ] = None,
    protect: Annotated[
        Literal["mention", "markers", "none"] | None,
        typer.Option("--protect", help="What no edit may touch.", show_default="the attack's"),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="The records to choose from: train or all.")] = "train",
    select: Annotated[
        list[str] | None,
        typer.Option("--select", help="all, popular, unpopular, or the id of an entity (may be repeated).", show_default="all"),
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", help="Label the poisoned records with this entity.", show_default="labels stay")
    ] = None,
    trigger: Annotated[str, typer.Option("--trigger", help="Insert this phrase into the poisoned texts.")] = "",
    swap_images: Annotated[bool, typer.Option("--swap-images", help="Give poisoned records each other's images.")] = False,
    whole_entities: Annotated[
        bool, typer.Option("--whole-entities", help="Poison all records of an entity before any of the next.")
    ] = False,
    encoder: Annotated[
        str, typer.Option("--encoder", help="Measure how similar edited texts stay, by this sentence encoder.")
    ] = "",
    language_model: Annotated[
        str,
        typer.Option("--language-model", help="Measure how much the perplexity of edited texts rises, by this causal model."),
    ] = "",
    grammar: Annotated[
        str,
        typer.Option(
            "--grammar",
            help="Count the errors that edits add, by the LanguageTool server at this address (http://localhost:8081).",
        ),
    ] = "",
    language: Annotated[
        str, typer.Option("--language", help="The language that --grammar checks, by its code at LanguageTool.")
    ] = "en-US",
    seed: Seed = 0,
    store: StoreFolder = STORE,
) -> None:
    """Write a copy of a data set with poisoned training records, and what was done to each."""
    from robustmel.datasets import DATASETS
    from robustmel.poisoning.language_tool import LanguageTool
    from robustmel.poisoning.poisoning import Poisoning
    from robustmel.poisoning.stealth import Stealth
    from robustmel.registry import Component, own_parameters
    from robustmel.run.grid import component_from_text
    from robustmel.run.publish_poison import publish_poison
    from robustmel.run.store import Store

    component = component_from_text(dataset)
    stated = {} if path is None else {"path": str(path)}
    alone = {"without_kb": True} if "without_kb" in own_parameters(DATASETS.load(component.name)) else {}
    source = Component(component.name, alone | dict(component.params) | stated, component.label)
    edited = component_from_text(attack)
    options: dict[str, Any] = {"edit_rate": edit_rate, "protect": protect}
    given = {name: value for name, value in options.items() if value is not None}
    edited = Component(edited.name, dict(edited.params) | given, edited.label)
    chosen: Any = (
        select[0]
        if select and select[0] in ("all", "popular", "unpopular") and len(select) == 1
        else tuple(select or ()) or "all"
    )
    how = Poisoning(record_rate, chosen, label, trigger, swap_images, whole_entities)
    stealth = Stealth(encoder, language_model, LanguageTool(grammar, language) if grammar else None)
    with progress_display() as listener:
        facts = publish_poison(source, split, edited, how, seed, out.absolute(), Store(store.absolute()), listener, stealth)
    print(f"{facts['chosen']:,} of {facts['records']:,} records chosen, {facts['changed']:,} changed", file=sys.stderr)
    for name, mean in facts.get("means", {}).items():  # a folder of an earlier version has none
        of = f"{name.replace('_', ' ')} of {facts['measured'][name]:,} edited texts"
        print(f"{of}: {facts['measures'][name]:.3f} (median), {mean:.3f} (mean)", file=sys.stderr)
    for note, count in facts["notes"].items():
        print(f"{count:,}: {note}", file=sys.stderr)
    print(out)

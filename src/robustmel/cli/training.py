"""`train`: from options to a recipe, from epochs to lines, and what there is to train by."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from robustmel.progress import counted

if TYPE_CHECKING:
    from robustmel.datasets.dataset import Dataset
    from robustmel.registry import Component
    from robustmel.training.loop import Epoch


class CommandWithRecipeKeys(TyperCommand):
    """A command whose help ends with every key that `--set` takes."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Reads the keys when help is asked for, so that no other command waits for them."""
        from robustmel.training.recipe_files import RECIPES, recipe_keys

        defaults = dict(recipe_keys(RECIPES[str(self.name)]))
        keys = ", ".join(
            f"{name}={default:g}" if isinstance(default, float) else f"{name}={json.dumps(default)}"
            for name, default in defaults.items()
            if default is not None
        )
        unset = ", ".join(name for name, default in defaults.items() if default is None)
        self.epilog = f"Keys of --set, with their defaults: {keys}. Without a default: {unset}."
        super().format_help(ctx, formatter)


def print_recipes() -> None:
    """One packaged recipe per line: name, family, what it starts from, epochs; below, their data and time."""
    from robustmel.training.recipe_files import packaged_recipes, read_recipe

    for name in packaged_recipes():
        recipe = read_recipe(name)
        start = f"fine-tunes {recipe.base}" if recipe.base else "from random weights"
        attack = ", adversarially" if "adversarial" in recipe.to_dict() else ""
        print(f"{name:<18} {recipe.family:<7} {start}, {recipe.epochs} epochs{attack}")
    print(
        "\nAll but GEMEL's were made of --dataset world-news --dataset world-sport: 10,000 mentions per epoch; on one core clip-world"
    )
    print(
        "takes half a minute an epoch, opt-world (GEMEL's language model) one and a half. GEMEL's have the data set of their name."
    )
    print(
        "`robustmel train dual-encoder --help` lists the keys that --set changes; so do gemel, language-model and masked-language-model."
    )


def train_from_command_line(
    kind: str,
    out: Path,
    datasets: Sequence[str],
    family: str | None,
    base: str | None,
    recipe: str | None,
    changes: Sequence[str],
    generator: str,
) -> None:
    """Trains, prints the accuracies, and then the checkpoint's folder."""
    from robustmel.datasets import DATASETS
    from robustmel.errors import UsageError
    from robustmel.run.grid import component_from_text
    from robustmel.run.locks import hold
    from robustmel.training.card import shown_source
    from robustmel.training.checkpoint import train
    from robustmel.training.recipe_files import RECIPES, read_recipe
    from robustmel.training.trainee import kind_of_training

    if kind != "dual-encoder" and not recipe:
        family = family or RECIPES[kind]().family
    if not (family or base or recipe):
        raise UsageError(
            "there is nothing to train: give --recipe NAME-or-FILE (see robustmel train recipes), --family clip (or siglip, align, "
            "blip, blip2, flava, owlvit), or --base FOLDER."
        )
    settings = read_recipe(recipe, changes, family=family, base=base)
    kind_of_training(settings)
    if not isinstance(settings, RECIPES[kind]):
        right = next(name for name, recipe_class in RECIPES.items() if isinstance(settings, recipe_class))
        raise UsageError(f"this recipe trains a {right}; write robustmel train {right}.")
    if settings.base and any(change.startswith("architecture") for change in changes):
        raise UsageError("architecture is that of --base and cannot be set; leave it out, or train from scratch with --family.")
    components = [component_from_text(dataset) for dataset in datasets]
    sources = [shown_source(component.name, component.params) for component in components]
    chosen = component_from_text(generator)
    with hold(out.absolute().with_name(f".{out.name}.lock"), str(out), wait=False):
        loaded = [DATASETS.create(component.name, **component.params).load() for component in components]
        validation, test = (
            [_candidates(dataset, split, chosen) if kind == "dual-encoder" else None for dataset in loaded]
            for split in ("validation", "test")
        )
        print(f"reading {sum(map(len, loaded)):,} mentions, then training, epochs: {settings.epochs}", file=sys.stderr)
        with counted("steps") as progress:
            result = train(
                loaded,
                settings,
                out,
                candidates=validation,
                test_candidates=test,
                on_epoch=_print_epoch,
                on_step=progress,
                sources=sources,
            )
    for dataset in loaded:
        accuracies = result.accuracies.get(dataset.name, {}).get("test", {})
        figures = "  ".join(f"{task} {value:.1%}" for task, value in accuracies.items()) or "no test mentions"
        print(f"{dataset.name} test: {figures}", file=sys.stderr)
    for remark, count in result.remarks.items():
        print(f"{remark}: {count}", file=sys.stderr)
    print(result.folder)


def _candidates(dataset: Dataset, split: str, generator: Component) -> list[tuple[str, ...]]:
    from robustmel.candidates import CANDIDATES

    mentions = [mention for mention in dataset.mentions if mention.split == split]
    train = [mention for mention in dataset.mentions if mention.split == "train"]
    lister: Any = CANDIDATES.create(generator.name, **generator.params)
    lists = lister.candidates(mentions, dataset.kb, train) if mentions else []
    return [dataset.kb.ids if listed is None else listed for listed in lists]


def _print_epoch(epoch: Epoch) -> None:
    figures = "  ".join(f"{task} {value:.1%}" for task, value in epoch.validation.items())
    best = "  *" if epoch.best else ""
    print(f"epoch {epoch.number}: loss {epoch.loss:.3f}  {figures}{best}  {epoch.seconds:.0f} s", file=sys.stderr, flush=True)

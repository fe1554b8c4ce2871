"""`perturb` and `train`: artefacts to take away."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from robustmel.cli.options import STORE, DatasetName, Device, Seed, StoreFolder, Workers, attack_names, linker_names
from robustmel.cli.training import CommandWithRecipeKeys
from robustmel.progress import progress_display

train = typer.Typer(help="Train a linker.", no_args_is_help=True)


@train.command("recipes")
def recipes() -> None:
    """List the packaged recipes, which --recipe takes by name."""
    from robustmel.cli.training import print_recipes

    print_recipes()


def perturb(
    dataset: DatasetName,
    linker: Annotated[str, typer.Option("--linker", help="The linker to attack.", autocompletion=linker_names)],
    attack: Annotated[
        list[str],
        typer.Option("--attack", help="A name, or an inline table as in a grid; may be repeated.", autocompletion=attack_names),
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder for the perturbed data set, or for a folder of each.")],
    strength: Annotated[
        list[str] | None,
        typer.Option("--strength", metavar="<normal|strong>", help="A named setting of the literature; may be repeated."),
    ] = None,
    view: Annotated[
        Literal["image", "fused"] | None,
        typer.Option("--view", help="Attack the image's score, or image and text fused.", show_default="image"),
    ] = None,
    candidates: Annotated[str, typer.Option("--candidates", help="The candidate generator.")] = "given",
    split: Annotated[str, typer.Option("--split", help="The split to attack, or all.")] = "test",
    limit: Annotated[int | None, typer.Option("--limit", min=0, help="The size of a random sample of the mentions.")] = None,
    seed: Seed = 0,
    with_clean: Annotated[bool, typer.Option("--with-clean", help="Copy the unperturbed images too, to clean/.")] = False,
    store: StoreFolder = STORE,
    workers: Workers = 1,
    device: Device = "auto",
) -> None:
    """Write a copy of a data set with attacked images, and a log; of several attacks or strengths a copy each, with a card."""
    from robustmel.run.grid import component_from_text, parse_grid
    from robustmel.run.publish import publish
    from robustmel.run.publish_sets import publish_sets
    from robustmel.run.store import Store

    table: dict[str, Any] = {
        "datasets": [component_from_text(dataset).table],
        "linkers": [component_from_text(linker).table],
        "candidates": component_from_text(candidates).table,
        "split": split,
        "seeds": [seed],
    }
    table |= {} if limit is None else {"limit": limit}
    grids = []
    for named in attack:
        for wanted in strength or [""]:
            aimed = {"view": "image"} | component_from_text(named).table
            aimed |= {key: value for key, value in (("view", view), ("strength", wanted)) if value}
            asked = {"attacks": [aimed], "tasks": ["IT2T" if aimed["view"] == "fused" else "I2T"]}
            grids.append(parse_grid(table | asked, "the command line"))
    with progress_display() as listener:
        if len(grids) == 1:
            published = {"": publish(grids[0], out.absolute(), Store(store.absolute()), workers, device, listener, with_clean)}
        else:
            published = publish_sets(grids, out.absolute(), Store(store.absolute()), workers, device, listener)
    for name, facts in published.items():
        counts = [f"{facts['mentions']} mentions", f"{facts['states'].pop('ok', 0)} attacked"]
        counts += [f"{facts['fooled']} of {facts['judged']} fooled the linker"] if facts["judged"] else []
        counts += [f"{count} {why.replace(':', ': ').replace('_', ' ')}" for why, count in facts["states"].items()]
        print((f"{name}: " if name else "") + "; ".join(counts), file=sys.stderr)
    print(out)


def train_kind(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="The checkpoint folder.")],
    dataset: Annotated[
        list[str], typer.Option("--dataset", metavar="DATASET", help="A data set, a name or an inline table; may be repeated.")
    ],
    family: Annotated[
        str | None, typer.Option("--family", help="clip, siglip, align, ...: train one from its configuration.")
    ] = None,
    base: Annotated[str | None, typer.Option("--base", help="A checkpoint folder or hub id, to fine-tune.")] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="A recipe by name (see robustmel train recipes), or its file (TOML).")
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change one setting of the recipe; the keys are listed below. May be repeated."
        ),
    ] = None,
    candidates: Annotated[str, typer.Option("--candidates", help="A candidate generator, for validation.")] = "given",
) -> None:
    """Train. The same command goes on after an interruption."""
    from robustmel.cli.training import train_from_command_line

    train_from_command_line(str(ctx.info_name), out, dataset, family, base, recipe, change or [], candidates)


for kind, what in (
    ("dual-encoder", "Train a dual encoder by its family's own loss."),
    ("gemel", "Train GEMEL's feature mapper between a frozen vision encoder and a frozen language model."),
    ("language-model", "Train a small language model that answers in GEMEL's prompt, to be frozen in a generative linker."),
    ("mllm", "Train a small multimodal language model that names what it sees and reads of."),
    (
        "masked-language-model",
        "Train a small masked language model that embeds sentences, too: for CLARE and for demonstrations.",
    ),
):
    train.command(kind, cls=CommandWithRecipeKeys, help=f"{what} The same command goes on after an interruption.")(train_kind)

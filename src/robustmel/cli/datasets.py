"""`datasets`: every data set, whose it is, and what of it is on this machine."""

from typing import Annotated

import typer

from robustmel.cli.options import dataset_names


def datasets(
    name: Annotated[
        str | None,
        typer.Argument(help="A data set; shows its folder, licence and source.", autocompletion=dataset_names),
    ] = None,
) -> None:
    """List the data sets and say which are on this machine, or explain one."""
    from robustmel.cli.components import show
    from robustmel.datasets import DATASETS
    from robustmel.datasets.published import VARIABLE, Published, data_folder

    loaders = {listed: DATASETS.load(listed) for listed in (DATASETS if name is None else [name])}
    published = {listed: loader for listed, loader in loaders.items() if issubclass(loader, Published)}
    if name is not None:
        show(DATASETS, name)
        if name in published:
            _explain(published[name])
        return
    for listed, loader in loaders.items():
        purpose = (loader.__doc__ or "").splitlines()[0]
        if listed not in published:
            print(f"{listed:<16}{purpose}")
            continue
        about = published[listed].about()
        print(f"{listed:<16}{purpose}  [{_state(loader)}]")
        print(f"{'':<16}{about.licence}; offered: {about.offered}")
    print(
        f"\nLooked in {data_folder()} (one folder per data set; ${VARIABLE} sets another place). `robustmel datasets NAME` explains one."
    )


def _state(dataset: type) -> str:
    try:
        layout_there = dataset().found()
    except OSError as problem:  # one folder that cannot be looked into must not hide the others
        return f"cannot be looked into: {problem.strerror or problem}"
    if layout_there is None:
        return "not found"
    read = any(layout.name == layout_there and layout.expected for layout in dataset.layouts)  # type: ignore[attr-defined]
    return f"found: {layout_there}" if read else f"recognised, not read: {layout_there}"


def _explain(dataset: type) -> None:
    about, loader = dataset.about(), dataset()  # type: ignore[attr-defined]
    print(f"\n  {about.title}: {about.paper}")
    print(f"  licence: {about.licence}")
    print(f"  offered: {about.offered}")
    print(f"  images:  {about.images}")
    print("\n  expected folder:")
    for line in about.folder:
        print(f"    {line}")
    print("\n  layouts that are read: " + "; ".join(layout.name for layout in loader.layouts if layout.expected))
    for remark in about.remarks:
        print(f"  - {remark}")
    layout_there = loader.found()
    print(f"\n  {f'found in {loader.folder}: {layout_there}' if layout_there else f'not found in {loader.folder}'}")
    if layout_there:
        words = [name.strip("(),") for line in about.folder for name in line.split()]
        files = [name for name in words if name.endswith((".json", ".tsv")) and "<" not in name]
        missing = [name for name in files if not any(loader.folder.rglob(name.rpartition("/")[2]))]
        print("  not there: " + ", ".join(missing) if missing else "  every file named above is there")

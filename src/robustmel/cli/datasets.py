"""`datasets`: every data set, whose it is, and what of it is on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from robustmel.cli.options import dataset_names


def datasets(
    name: Annotated[
        str | None,
        typer.Argument(help="A data set, for its folder, licence and source.", autocompletion=dataset_names),
    ] = None,
) -> None:
    """List the data sets and say which are on this machine, or explain one."""
    from robustmel.cli.components import show
    from robustmel.datasets import DATASETS
    from robustmel.datasets.published import VARIABLE, Published, data_folder

    loaded = {one: DATASETS.load(one) for one in (DATASETS if name is None else [name])}
    published = {one: found for one, found in loaded.items() if issubclass(found, Published)}
    if name is not None:
        show(DATASETS, name)
        if name in published:
            _explain(published[name])
        return
    for one, found in loaded.items():
        state = "" if one not in published else f"  [{_state(found)}]"
        first = published[one].about().title if one in published else (found.__doc__ or "").splitlines()[0]
        print(f"{one:<16}{first}{state}")
        if one in published:
            print(f"{'':<16}{published[one].about().licence}; offered: {published[one].about().offered}")
    print(
        f"\nLooked in {data_folder()} (a folder a data set; ${VARIABLE} names another place). `robustmel datasets NAME` explains one."
    )


def _state(dataset: type) -> str:
    try:
        found = dataset().found()
    except OSError as problem:  # one folder that cannot be looked into must not hide the others
        return f"cannot be looked into: {problem.strerror or problem}"
    if found is None:
        return "not found"
    read = any(layout.name == found and layout.expected for layout in dataset.layouts)  # type: ignore[attr-defined]
    return f"found: {found}" if read else f"recognised, not read: {found}"


def _explain(dataset: type) -> None:
    about, one = dataset.about(), dataset()  # type: ignore[attr-defined]
    print(f"\n  {about.title}: {about.paper}")
    print(f"  licence: {about.licence}")
    print(f"  offered: {about.offered}")
    print(f"  images:  {about.images}")
    print("\n  expected folder:")
    for line in about.folder:
        print(f"    {line}")
    print("\n  layouts that are read: " + "; ".join(layout.name for layout in one.layouts if layout.expected))
    for remark in about.remarks:
        print(f"  - {remark}")
    found = one.found()
    print(f"\n  {f'found in {one.folder}: {found}' if found else f'not found in {one.folder}'}")
    if found:
        words = [name.strip("(),") for line in about.folder for name in line.split()]
        files = [name for name in words if name.endswith((".json", ".tsv")) and "<" not in name]
        missing = [name for name in files if not any(one.folder.rglob(name.rpartition("/")[2]))]
        print("  not there: " + ", ".join(missing) if missing else "  every file named above is there")

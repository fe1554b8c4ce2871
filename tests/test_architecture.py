"""Imports point one way: neither files nor rooms (the folders and single files of the package) import in a circle.

Every import counts, those for type checkers and those inside functions too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import robustmel

PACKAGE = Path(robustmel.__file__).parent
FOUNDATIONS = {
    "robustmel.errors": set(),
    "robustmel.version": set(),
    "robustmel.types": {"robustmel.errors"},
    "robustmel.parameters": set(),
    "robustmel.plug_ins": set(),
    "robustmel.plug_ins.exceptions": {"robustmel.errors"},
    "robustmel.plug_ins.import_limit": set(),
    "robustmel.plug_ins.process_settings": set(),
    "robustmel.registry": {
        "robustmel.errors",
        "robustmel.parameters",
        "robustmel.plug_ins.exceptions",
        "robustmel.plug_ins.import_limit",
        "robustmel.plug_ins.process_settings",
        "robustmel.types",
    },
}
"""Files that everything stands on -> all that they may import of the package."""

Graph = Mapping[str, set[str]]


def module_name(file: Path, root: Path) -> str:
    return ".".join([root.name, *file.relative_to(root).with_suffix("").parts]).removesuffix(".__init__")


def imported_by(source: str, modules: set[str]) -> Iterator[str]:
    """The modules that a file names in its imports: the submodule where one is meant, else the module it takes a name from."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path of a module"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield from (module for module in (name if name in modules else node.module,) if module in modules)


def import_graph(root: Path) -> Graph:
    files = {module_name(file, root): file for file in sorted(root.rglob("*.py"))}
    return {module: set(imported_by(file.read_text("utf-8"), set(files))) - {module} for module, file in files.items()}


def between_rooms(graph: Graph) -> Graph:
    """The graph of the folders and single files right below the package."""
    rooms: dict[str, set[str]] = {}
    for module, imports in graph.items():
        room = room_of(module)
        rooms.setdefault(room, set()).update({room_of(target) for target in imports} - {room})
    return rooms


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def circle(graph: Graph) -> list[str]:
    """Modules that import each other in a ring; [] where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.fixture(scope="module")
def graph() -> Graph:
    return import_graph(PACKAGE)


def test_files_do_not_import_in_a_circle(graph: Graph) -> None:
    assert circle(graph) == []


def test_rooms_do_not_import_in_a_circle(graph: Graph) -> None:
    assert circle(between_rooms(graph)) == []


@pytest.mark.parametrize("module", FOUNDATIONS)
def test_foundations_import_only_downwards(graph: Graph, module: str) -> None:
    assert graph[module] <= FOUNDATIONS[module]


def test_the_reader_of_imports_sees_every_kind(tmp_path: Path) -> None:
    root = tmp_path / "house"
    (root / "cellar").mkdir(parents=True)
    (root / "__init__.py").write_text("")
    (root / "cellar" / "__init__.py").write_text("from house.cellar import wine")
    (root / "cellar" / "wine.py").write_text("def pour():\n    import house.attic\n")
    (root / "attic.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.cellar import pour")
    graph = import_graph(root)
    assert graph == {
        "house": set(),
        "house.cellar": {"house.cellar.wine"},
        "house.cellar.wine": {"house.attic"},
        "house.attic": {"house.cellar"},
    }
    assert set(circle(graph)) == {"house.cellar", "house.cellar.wine", "house.attic"}
    assert set(circle(between_rooms(graph))) == {"house.cellar", "house.attic"}

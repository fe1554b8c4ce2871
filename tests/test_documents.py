"""The tree in CONTRIBUTING and the code of the pages are true."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
TWO_LEVELS = {"src/robustmel"}


def written() -> set[str]:
    """Every path of the tree in CONTRIBUTING, folders without their slash."""
    tree = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("```")[1]
    paths: set[str] = set()
    parents: list[str] = []
    for line in filter(None, tree.splitlines()):
        depth = (len(line) - len(line.lstrip())) // 2
        parents = [*parents[:depth], line.split()[0].rstrip("/")]
        if depth:
            paths.add("/".join(parents))
    return paths


def listed(folder: Path) -> list[Path]:
    """The visible entries; a folder that holds no file but caches is gone from a checkout."""
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.name != "__pycache__"]
    return [entry for entry in entries if entry.is_file() or any("__pycache__" not in p.parts for p in entry.rglob("*.*"))]


def test_the_tree_in_contributing_names_every_room() -> None:
    there = set()
    for room in ("src/robustmel", "tests", "benchmarks", "docs", "examples"):
        for entry in listed(ROOT / room):
            there.add(entry.relative_to(ROOT).as_posix())
            if entry.is_dir() and room in TWO_LEVELS:
                there |= {inner.relative_to(ROOT).as_posix() for inner in listed(entry) if inner.is_dir()}
    there -= {path for path in there if path.endswith(("/__init__.py", ".lock"))} - {"src/robustmel/__init__.py"}
    assert written() == there


@pytest.mark.parametrize("page", ["docs/python.md", "README.md"])
def test_the_python_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python\n(import robustmel.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    assert code
    if page == "docs/python.md":
        code = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    exec(compile("\n".join(code), page, "exec"), {})


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_nothing_in_the_package_points_to_files_that_are_not_installed_with_it() -> None:
    files = (path for path in (ROOT / "src").rglob("*") if path.suffix in {".py", ".toml", ".jinja", ".css"})
    pointing = {path.name: re.findall(r"\b(?:docs|examples|tests|benchmarks)/\S+", path.read_text("utf-8")) for path in files}
    assert {name: paths for name, paths in pointing.items() if paths} == {}


def test_the_notebook_runs_from_its_first_cell_to_its_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = json.loads((ROOT / "examples" / "notebook.ipynb").read_text("utf-8"))["cells"]
    names: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    assert 0 <= names["result"].robust_accuracy < names["result"].clean_accuracy <= 1
    assert "<img" in names["report"]._repr_html_()


def test_attacking_eight_images_and_seeing_them_takes_ten_lines_at_most() -> None:
    cells = json.loads((ROOT / "examples" / "notebook.ipynb").read_text("utf-8"))["cells"]
    lines = "".join("".join(cell["source"]) + "\n" for cell in cells[:4] if cell["cell_type"] == "code").splitlines()
    assert len([line for line in lines if line.strip()]) <= 10


def test_the_tests_that_a_page_names_exist() -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", (ROOT / "docs" / "hostile-input.md").read_text("utf-8"))
    assert len(named) > 60
    missing = [f"{file}::{name}" for file, name in named if f"def {name}(" not in (ROOT / "tests" / file).read_text("utf-8")]
    assert missing == []

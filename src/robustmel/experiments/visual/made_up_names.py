"""Linking or memory: the linkers of a table once more, clean, where every name is made up."""

from collections.abc import Mapping

from robustmel.report import Report
from robustmel.report.comparisons import Comparison, compare
from robustmel.run.grid import Grid, parse_grid
from robustmel.run.grid_table import table_of

Lost = Mapping[tuple[str, str, str], Comparison]
"""Data set, task and linker -> what is lost with made-up names."""


def names_grid(grid: Grid) -> Grid:
    """The data sets of a grid beside the same with other names: clean images, no defence."""
    table = table_of(grid)
    renamed = [{"name": "renamed", "of": dataset} for dataset in table["datasets"]]
    changed = {"datasets": [*table["datasets"], *renamed], "tasks": ["I2T", "IT2T"], "attacks": ["clean"], "defences": ["none"]}
    return parse_grid(table | changed, "names made up")


def lost_with_names(report: Report) -> Lost:
    """What each linker loses, by the report of `names_grid`'s run."""
    compared = compare(report.scoring, "names")
    return {(each.dataset, each.task, each.linker): each for each in compared}

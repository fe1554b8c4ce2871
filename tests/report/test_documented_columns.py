"""The documentation names every column there is, and none that there is not."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from robustmel.report.comparisons import QUESTIONS, Comparison, DemoGroup
from robustmel.report.predictions.findings import MISSING, TWICE
from robustmel.report.record import KEY
from robustmel.report.slices import BY, POISONED_DEMOS, Slice
from robustmel.report.summary import Summary

DOCS = Path(__file__).parents[2] / "docs"


def parts() -> list[str]:
    return (DOCS / "report-columns.md").read_text("utf-8").split("\n## ")


def columns(record: type) -> set[str]:
    return {*KEY} | {field.name for field in fields(record) if field.name != "cell"}


def named(part: str) -> list[str]:
    """Names in the first column of the first table of a part, in order."""
    rows = re.findall(r"^\| (`[^|]*?) \|", part.partition("\n\n|")[2].partition("\n\n")[0], re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_every_column_of_the_table_is_explained_in_its_order() -> None:
    documented = named(parts()[1])
    assert sorted(documented) == sorted(columns(Summary))


@pytest.mark.parametrize(
    ("number", "record", "keys"), [(2, Slice, BY), (3, Comparison, QUESTIONS), (4, DemoGroup, [POISONED_DEMOS])]
)
def test_every_column_beside_the_table_is_explained(number: int, record: type, keys: list[str]) -> None:
    part = parts()[number]
    documented = set(named(part)) | {"dataset"} | (set() if record is DemoGroup else {"budget"})
    missing = columns(record) - documented
    if record is Slice:
        missing -= {*KEY, "white_box", "threat_model"}  # "dataset to budget"
    assert not missing
    assert documented <= columns(record)
    assert all(key in part for key in keys)


def test_every_figure_of_a_comparison_is_explained() -> None:
    part = parts()[3]
    for question in QUESTIONS.values():
        assert all(f"`{figure.key}`" in part for figure in question.figures)


def test_the_errors_of_predictions_from_elsewhere_are_explained() -> None:
    text = (DOCS / "predictions.md").read_text("utf-8")
    assert all(f"`{one}`" in text for one in (MISSING, TWICE, "nan_scores"))

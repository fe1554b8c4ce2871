from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from robustmel.report.flags.log_digest import DIGESTED, log_digest
from robustmel.report.summary import LOGGED, effort


class Watched(dict[str, Any]):
    """A row of a log that remembers which columns were asked for."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        super().__init__(row)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


@pytest.mark.parametrize(
    ("columns", "read"), [(DIGESTED, lambda row: log_digest([[row]])), (LOGGED, lambda row: effort([row]))]
)
def test_what_is_read_of_a_log_is_what_was_asked_of_its_file(columns: tuple[str, ...], read: Any) -> None:
    values: dict[str, Any] = {"status": "ok", "succeeded": False, "fooled_by": None, "rise_predicted": 1.0, "rise": 1.0}
    row = Watched(dict.fromkeys([*DIGESTED, *LOGGED], 1.0) | values | {"margin_first": -1.0, "margin_best": -0.5, "id": "q"})
    read(row)
    assert row.asked - {"id"} == set(columns)


def test_a_log_gives_the_columns_that_are_asked_for_and_those_alone(fake_run: Any, ask: Any) -> None:
    from robustmel.report.results import read_run

    fake_run.questions([ask(number, "a", ["a", "b"]) for number in range(3)])
    answers = [(("a", "b"), (2.0, 1.0))] * 3
    fake_run.cell("pgd-normal", {"image": (fake_run.variant(), fake_run.rows(answers))})
    run = read_run(fake_run.finish())
    rows = list(run.log(run.cells[0], run.cells[0].evaluations[0], ("status", "l2_u8", "no such column")))
    assert rows == [{"id": f"q{number}", "status": "ok", "l2_u8": 1.0} for number in range(3)]
    assert {"iterations", "linf", "note"} <= next(iter(run.log(run.cells[0], run.cells[0].evaluations[0]))).keys()

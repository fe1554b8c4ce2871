from __future__ import annotations

from typing import Any

import pytest

from robustmel.report import build
from robustmel.report.tables.layout import in_table

RIGHT = (("a", "b"), (2.0, 1.0))


@pytest.mark.parametrize(
    ("sources", "shown"),
    [(["ours"], ["ours"]), (["none"], ["none"]), (["else"], ["else"]), (["else", "ours"], ["ours"]), (["x", "y"], []), (["x", "ours", "y"], ["ours"])],
)  # fmt: skip
def test_a_table_without_sources_shows_the_victim_s_own_or_the_only_one(
    fake_run: Any, ask: Any, sources: list[str], shown: list[str]
) -> None:
    fake_run.questions([ask(0, "a", ["a", "b"])])
    rows = fake_run.rows([RIGHT])
    for source in sources:
        fake_run.cell("pgd", {"image": (fake_run.variant(), rows)}, source=source)
    summaries = build(fake_run.finish()).summaries
    assert [one.source for one in in_table(summaries)] == shown

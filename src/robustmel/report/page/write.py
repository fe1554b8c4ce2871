"""Writes the page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from robustmel.report.results import Run
from robustmel.report.summary import Summary
from robustmel.report.tables import text
from robustmel.report.tables.layout import Table


def write_page(run: Run, summaries: Sequence[Summary], table: Table, notes: Sequence[str], folder: Path) -> Path:
    """The page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "index.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><pre>{html.escape(text.render(table, notes, 200))}</pre>", "utf-8")
    return path

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from robustmel.report import Report, build
from robustmel.report.plots import DARK, LIGHT, accuracy_plot, darkened

RIGHT = (("a", "b"), (2.0, 1.0))


@pytest.fixture
def report(fake_run: Any, ask: Any) -> Report:
    fake_run.questions([ask(0, "a", ["a", "b"])])
    rows = fake_run.rows([RIGHT])
    for linker in ("clip", "$x_{1}$ <b>\x1b[31m"):
        fake_run.cell("clean", {"clean": (None, rows)}, linker=linker)
        fake_run.cell("pgd-normal", {"image": (None, rows)}, linker=linker)
    return build(fake_run.finish())


def test_the_plot_is_sound_xml_and_the_same_bytes_every_time(report: Report) -> None:
    drawn = accuracy_plot(report.summaries)
    assert drawn is not None
    assert ET.fromstring(drawn).tag.endswith("svg")
    assert accuracy_plot(report.summaries) == drawn


@pytest.mark.parametrize("many", [4, 30])
@pytest.mark.filterwarnings("error")  # that the panels have no room left
def test_a_legend_of_long_names_stays_inside_a_narrow_picture_and_leaves_room(fake_run: Any, ask: Any, many: int) -> None:
    fake_run.questions([ask(0, "a", ["a", "b"])])
    rows = fake_run.rows([RIGHT])
    names = [f"a linker with a name as long as this, number {number}" for number in range(many)]
    for name in names:
        fake_run.cell("clean", {"clean": (None, rows)}, linker=name)
    drawn = accuracy_plot(build(fake_run.finish()).summaries) or ""
    lefts = [float(left) for left in re.findall(r"<!-- a linker .*? -->\s*<g [^>]*translate\(([-\d.]+)", drawn)]
    assert len(lefts) == len(names)
    width = float(re.findall(r'viewBox="0 0 ([\d.]+)', drawn)[0])
    assert all(0 < left < width / 2 for left in lefts)
    panel = re.search(r'<g id="patch_2">\s*<path d="([^"]*)"', drawn)
    assert panel is not None
    heights = [float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", panel[1])]
    assert max(heights) - min(heights) > 120  # points: a panel of 2.9 inches less its labels


def test_a_dark_ground_swaps_every_colour_and_nothing_else(report: Report) -> None:
    drawn = accuracy_plot(report.summaries) or ""
    dark = darkened(drawn)
    assert len(dark) == len(drawn)
    assert LIGHT.linkers[0] in drawn
    assert DARK.linkers[0] in dark
    assert not any(colour in dark for colour in (LIGHT.ink, LIGHT.faint, LIGHT.ground, *LIGHT.linkers))


def test_text_alone_needs_no_plot(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(0, "a", ["a", "b"])])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT]))}, task="T2T")
    assert accuracy_plot(build(fake_run.finish()).summaries) is None

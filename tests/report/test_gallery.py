from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np

from robustmel.images import write_png
from robustmel.report import build
from robustmel.report.gallery import gallery


def test_namesakes_are_told_apart_by_id_and_description(fake_run: Any, ask: Any, tmp_path: Path) -> None:
    write_png(tmp_path / "clean.png", np.full((6, 8, 3), 100, np.uint8))
    rows = [ask(0, "Q308", ["Q308", "Q925"], image=str(tmp_path / "clean.png"))]
    fake_run.questions(rows, dict.fromkeys(("Q308", "Q925"), "Mercury"), {"Q308": "first planet", "Q925": "chemical <element>"})
    fake_run.cell("clean", {"clean": (None, fake_run.rows([(("Q308", "Q925"), (2.0, 1.0))]))})
    key = fake_run.variant([{"image": f"images/{rows[0]['id']}.png"}])
    write_png(fake_run.folder("variant", key) / "images" / f"{rows[0]['id']}.png", np.full((6, 8, 3), 104, np.uint8))
    fake_run.cell("pgd-normal", {"image": (key, fake_run.rows([(("Q925", "Q308"), (2.0, 1.0))]))})
    report = build(fake_run.finish())
    (entry,) = gallery(report.scoring).entries
    assert [str(entry.gold), str(entry.clean_answer), str(entry.answer)] == [
        "Mercury (Q308, first planet)",
        "Mercury (Q308, first planet)",
        "Mercury (Q925, chemical <element>)",
    ]
    page = report.write_page().read_text("utf-8")
    assert "Mercury <small>Q925, chemical &lt;element&gt;</small>" in page
    assert "Q308, first planet" in report._repr_html_()


def test_a_gallery_holds_no_rankings_but_those_it_shows(fake_run: Any, ask: Any) -> None:
    n, ids = 1500, [f"Q{number:05}" for number in range(100)]
    right, wrong = (ids, list(range(100, 0, -1))), ([ids[1], ids[0], *ids[2:]], list(range(100, 0, -1)))
    fake_run.questions([ask(number, ids[0], ids[:2]) for number in range(n)])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([right] * n))})
    for attack in ("pgd-normal", "pgd-strong"):
        fake_run.cell(attack, {"image": (fake_run.variant(), fake_run.rows([wrong] * n))})
    scoring = build(fake_run.finish()).scoring
    tracemalloc.start()
    shown = gallery(scoring)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (shown.broken, shown.held) == (2 * n, 0)
    assert peak < n * 100 * 8 * 6  # two pointers for each place of each ranking: none of them is kept


def test_sets_whose_pictures_were_dropped_cost_no_look_at_each_mention(fake_run: Any, ask: Any, monkeypatch: Any) -> None:
    """Of a set that keeps a sample the sample is shown; asked about are as many mentions as are shown."""
    n = 40
    clean = fake_run.folder("clean", "images") / "clean.png"
    write_png(clean, np.full((6, 8, 3), 100, np.uint8))
    rows = [ask(number, "a", ["a", "b"], image=str(clean)) for number in range(n)]
    fake_run.questions(rows)
    fake_run.cell("clean", {"clean": (None, fake_run.rows([(("a", "b"), (2.0, 1.0))] * n))})
    for attack, kept in (("pgd-normal", (3, 17)), ("pgd-strong", ())):
        key = fake_run.variant()
        for number in kept:
            path = fake_run.folder("variant", key) / "images" / f"{rows[number]['id']}.png"
            write_png(path, np.full((6, 8, 3), 104, np.uint8))
        fake_run.cell(attack, {"image": (key, fake_run.rows([(("b", "a"), (2.0, 1.0))] * n))})
    scoring = build(fake_run.finish()).scoring
    looked: list[str] = []
    picture = type(scoring.run).picture
    monkeypatch.setattr(
        type(scoring.run), "picture", lambda run, part, mention: looked.append(mention) or picture(run, part, mention)
    )
    shown = gallery(scoring)
    assert (shown.broken, shown.held) == (2 * n, 0)
    assert sorted(looked) == sorted(rows[number]["id"] for number in (3, 17))
    assert len(shown.entries) == 2

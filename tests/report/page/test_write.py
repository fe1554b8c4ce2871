from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustmel.images import decode, write_png
from robustmel.report import build

RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))


class Elements(HTMLParser):
    """Every start tag of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def run(fake_run: Any, ask: Any, tmp_path: Path) -> Any:
    """Three mentions with real pictures: one breaks, one holds, one was never right."""
    grey = np.full((6, 8, 3), 100, np.uint8)
    grey[0, 0] = (0, 255, 100)
    write_png(tmp_path / "clean.png", grey)
    texts = ('A "quoted" <img src=x onerror=alert(1)> sentence, with Surface 0, in it.', "", "No mention of it.")
    rows = [
        ask(number, "a", ["a", "b"], image=str(tmp_path / "clean.png"), text=text, surface=f"surface {number}")
        for number, text in enumerate(texts)
    ]
    fake_run.questions(rows, {"a": "<b>Georgia</b>", "b": "Chad"})
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT, RIGHT, WRONG]))})
    key = fake_run.variant([{"image": f"images/{row['id']}.png"} for row in rows])
    changed = grey.astype(np.int16)
    changed[2, 3] += (8, -4, 0)
    for row in rows:
        write_png(fake_run.folder("variant", key) / "images" / f"{row['id']}.png", changed.astype(np.uint8))
    fake_run.cell("pgd-normal", {"image": (key, fake_run.rows([WRONG, RIGHT, WRONG]))})
    return fake_run


def test_the_page_allows_only_its_own_script_and_style_and_no_network(run: Any) -> None:
    page = build(run.finish()).write_page().read_text("utf-8")
    policy = next(one["content"] for one in Elements(page).all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    for tag in ("style", "script"):
        bodies = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert len(bodies) == 1
        assert base64.b64encode(hashlib.sha256(bodies[0].encode()).digest()).decode() in policy
    assert not any(name.startswith("on") or name == "style" for _, attributes in Elements(page).found for name in attributes)


NARROW = 400
"""Pixels of a small telephone."""


def applied(style: str, selector: str, width: int) -> dict[str, str]:
    """What a style sheet says of a selector at a width, the later rule before the earlier."""
    apart, wide = re.compile(r"@media \(max-width: (\d+)rem\) \{((?:[^{}]*\{[^{}]*\})*)\s*\}"), dict[str, str]()
    flat = apart.sub(lambda rule: rule[2] if width <= 16 * int(rule[1]) else "", style)
    for names, said in re.findall(r"([^{}]+)\{([^{}]*)\}", flat):
        if selector in [name.strip() for name in names.split(",")]:
            wide |= dict(re.findall(r"([\w-]+):\s*([^;]+);", said + ";"))
    return wide


def test_plots_scroll_on_a_narrow_page_in_place_of_shrinking(run: Any) -> None:
    page = build(run.finish()).write_page().read_text("utf-8")
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert applied(style, ".plot", NARROW)["overflow-x"] == applied(style, ".scroll", NARROW)["overflow-x"] == "auto"
    assert [applied(style, ".plot img", width)["max-width"] for width in (NARROW, 1200)] == ["none", "100%"]
    assert applied(style, ".cards", NARROW)["grid-template-columns"] == "1fr"
    assert applied(style, ".cards", 1200)["grid-template-columns"] != "1fr"
    assert 'name="viewport" content="width=device-width' in page
    plots = re.findall(r'<picture class="plot">.*?<img src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert plots
    assert page.count("data:image/svg+xml;base64,") == 2 * len(plots)  # each in a light and a dark form, none elsewhere
    for plot in plots:
        width = re.search(rb'<svg[^>]* width="([\d.]+)pt"', base64.b64decode(plot))
        assert width is not None
        assert float(width[1]) > 300 * 0.75  # pixels of letters that can be read


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
def test_no_browser_shows_a_narrow_page_cut_off(run: Any, tmp_path: Path) -> None:
    page = build(run.finish()).write_page()
    look = """<iframe id=frame src="PAGE" style="width:400px;height:800px;border:0"></iframe><script>
    onload = function () {
      var page = document.getElementById("frame").contentDocument;
      page.querySelectorAll("details").forEach(part => part.open = true);
      document.title = JSON.stringify({
        page: page.documentElement.scrollWidth,
        plots: [].map.call(page.querySelectorAll(".plot img"), plot => plot.clientWidth),
        outside: [].filter.call(page.querySelectorAll("main *"), part => !part.closest(".scroll, .plot")
          && part.getBoundingClientRect().right > 400).length})}</script>"""
    (tmp_path / "look.html").write_text(look.replace("PAGE", page.resolve().as_uri()))
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}"]
    command += ["--allow-file-access-from-files", "--dump-dom", (tmp_path / "look.html").as_uri()]
    seen = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    title = re.search("<title>(.*?)</title>", seen)
    assert title is not None, seen
    measured = json.loads(html.unescape(title[1]))
    assert measured["page"] <= NARROW
    assert measured["outside"] == 0
    assert measured["plots"]
    assert min(measured["plots"]) > 300


def test_every_image_lies_beside_the_page_or_within_it(run: Any) -> None:
    path = build(run.finish()).write_page()
    sources = [one["src"] or "" for one in Elements(path.read_text("utf-8")).all("img")]
    files = [source for source in sources if not source.startswith("data:image/svg+xml;base64,")]
    assert len(files) == 6
    assert all((path.parent / file).is_file() and not file.startswith(("/", "..")) for file in files)
    assert {f"images/{one.name}" for one in (path.parent / "images").iterdir()} == set(files)


def test_data_is_shown_and_never_markup(run: Any) -> None:
    page = build(run.finish()).write_page().read_text("utf-8")
    assert "&lt;img src=x onerror=alert(1)&gt; sentence, with <mark>Surface 0</mark>, in it." in page
    assert "&lt;b&gt;Georgia&lt;/b&gt;" in page
    assert "<b>" not in page


def test_the_difference_is_amplified_by_the_factor_that_is_said(run: Any) -> None:
    path = build(run.finish()).write_page()
    page = path.read_text("utf-8")
    assert "difference ×15" in page
    assert "at most 8/255" in page
    difference = decode(path.parent / "images" / "001-difference.png")
    assert difference[2, 3].tolist() == [128 + 15 * 8, 128 - 15 * 4, 128]
    assert (np.delete(difference.reshape(-1, 3), 2 * 8 + 3, axis=0) == 128).all()


def test_a_mention_that_breaks_and_one_that_holds_are_shown_and_one_never_right_is_not(run: Any) -> None:
    page = build(run.finish()).write_page().read_text("utf-8")
    cards = [one for one in Elements(page).all("article") if "card" in (one.get("class") or "")]
    assert [one["data-outcome"] for one in cards] == ["broke", "held"]
    assert "2 shown. Over all attacks, 1 right answers became wrong and 1 stayed right" in page
    assert "right entity at rank 2 of 2" in page


def test_pictures_that_were_not_kept_are_passed_over(run: Any) -> None:
    for image in run.store.rglob("variant/**/images/q0.png"):
        image.unlink()
    page = build(run.finish()).write_page().read_text("utf-8")
    assert "1 shown. Over all attacks, 1 right answers became wrong" in page


def test_writing_again_gives_the_same_files(run: Any) -> None:
    report = build(run.finish())

    def written() -> dict[str, bytes]:
        folder = report.write_page().parent
        return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}

    first = written()
    (report.run.out / "report" / "images" / "left-over.png").write_bytes(b"")
    assert written() == first

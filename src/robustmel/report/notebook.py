"""The report in a notebook: its table as HTML, and some mentions that break."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING

from PIL import Image

from robustmel.images import Pixels
from robustmel.report.gallery import Entry, gallery
from robustmel.report.sanitise import visible
from robustmel.report.tables.layout import short_title

if TYPE_CHECKING:
    from robustmel.report.content import ReportContent

SHOWN = 4
"""Mentions, each with three pictures."""
SIDE = 112
"""Longest side of a picture, in pixels."""
NOTES = 6


def render(report: ReportContent) -> str:
    """Self-contained HTML: nothing in it is loaded from elsewhere, and nothing in the data is markup."""
    notes = [*report.notes[:NOTES], *(flag.seen for flag in report.flags[:NOTES])]
    cards = [_card(entry) for entry in gallery(report.scoring, SHOWN, report.holds).entries]
    return "".join(
        [
            '<div class="robustmel">',
            _table(report),
            f"<ul>{''.join(f'<li>{_escaped(note)}</li>' for note in dict.fromkeys(notes))}</ul>",
            f'<div style="display:flex;flex-wrap:wrap;gap:1.5em">{"".join(cards)}</div>' if cards else "",
            "</div>",
        ]
    )


def _table(report: ReportContent) -> str:
    sheet = report.table.sheet()
    words = "".join(f'<th rowspan="3">{_escaped(heading)}</th>' for heading in sheet.headings[: sheet.words])
    above = [
        "".join(f'<th colspan="{count}">{_escaped(name)}</th>' for name, count in sheet.spans(level))
        for level in range(len(sheet.above))
    ]
    labels = "".join(f"<th>{_escaped(label)}</th>" for label in sheet.headings[sheet.words :])
    body = "".join(
        "<tr>"
        + "".join(f"<th>{_escaped(word)}</th>" for word in line[: sheet.words])
        + "".join(f"<td>{_escaped(figure)}</td>" for figure in line[sheet.words :])
        + "</tr>"
        for line in sheet.lines
    )
    head = f"<tr>{words}{above[0]}</tr><tr>{above[1]}</tr><tr>{labels}</tr>"
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _card(entry: Entry) -> str:
    cell, triple = entry.cell, entry.pictures
    pictures = (("clean", triple.clean), ("perturbed", triple.perturbed), (f"difference ×{triple.factor}", triple.difference))
    images = "".join(f'<img src="{_embedded(pixels)}" alt="{name}" title="{name}">' for name, pixels in pictures)
    outcome = "breaks" if entry.broke else "holds"
    sentence = f"{_escaped(entry.before)} <mark>{_escaped(entry.surface)}</mark> {_escaped(entry.after)}"
    return (
        f'<div style="max-width:{3 * SIDE + 20}px"><div>{images}</div>'
        f"<div><b>{outcome}</b> {_escaped(f'{cell.victim}, {cell.task}, {short_title(cell.attack)}')}</div><div>{sentence}</div>"
        f"<div>{_escaped(f'right: {entry.gold}; clean: {entry.clean_answer}; attacked: {entry.answer}')}</div></div>"
    )


def _embedded(pixels: Pixels) -> str:
    image, file = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((SIDE, SIDE))
    image.save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _escaped(text: str) -> str:
    return escape(visible(text))

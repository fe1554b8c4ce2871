"""A page that shows poisoned records: what was written, and what is written now."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from robustmel.attacks.text.words import located
from robustmel.errors import printable
from robustmel.poisoning.provenance import Poisoned
from robustmel.version import __version__

SAMPLE = 40
"""Records on the page, at most."""


def diff_page(sample: Sequence[Poisoned], about: Mapping[str, Any]) -> str:
    """HTML that loads nothing: no text of a record is markup, and control characters are shown, not obeyed.

    Args:
        sample: Changed records.
        about: What poison.json says.
    """
    folder = resources.files("robustmel.poisoning")
    template, style = ((folder / name).read_text("utf-8") for name in ("diff.html.jinja", "diff.css"))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown)
    page = environment.from_string(template)
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    shown = [(record, list(_segments(record))) for record in sample]
    return page.render(about=about, records=shown, style=Markup(style), policy=policy, version=__version__)


def _shown(value: Any) -> Any:
    return printable(value, None, keep="\n\t") if type(value) is str else value


def _segments(record: Poisoned) -> Iterator[tuple[str, str]]:
    """The clean text in order, cut into "same", "mention", "old" and "new"."""
    clean = record.clean
    span = located(clean.query("", None)) or (0, 0)
    place = 0
    for edit in record.provenance["edits"]:
        yield from _same(clean.text, place, edit["start"], span)
        yield from (part for part in (("old", edit["old"]), ("new", edit["new"])) if part[1])
        place = edit["end"]
    yield from _same(clean.text, place, len(clean.text), span)


def _same(text: str, start: int, end: int, span: tuple[int, int]) -> Iterator[tuple[str, str]]:
    low, high = (min(max(bound, start), end) for bound in span)
    for kind, part in (("same", text[start:low]), ("mention", text[low:high]), ("same", text[high:end])):
        if part:
            yield kind, part

"""The mentions of the own data format: one a line."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from robustmel.datasets.spans import Span, fits, locate, recover
from robustmel.kb import KnowledgeBase
from robustmel.mention_columns import in_columns
from robustmel.records.image_paths import image_path
from robustmel.records.load_report import LoadReport
from robustmel.records.record import MENTION_KEYS, Record, is_nil, read_unique
from robustmel.types import Mention

SPLIT_NAMES = {"dev": "validation", "val": "validation", "valid": "validation", "training": "train", "testing": "test"}
"""Other spellings of the three splits."""


def split_name(name: str) -> str:
    """A split's name as the package writes it: "train", "validation", "test", or a name of the user's own as it is."""
    stripped = name.strip()
    folded = stripped.casefold()
    return SPLIT_NAMES.get(folded, folded if folded in ("train", "validation", "test") else stripped)


def read_mentions(
    path: Path, images: Path, fields: Mapping[str, str] | None, kb: KnowledgeBase, report: LoadReport
) -> Sequence[Mention]:
    """Reads mentions.jsonl; every record becomes a mention, and what is odd about it is counted in the report.

    Raises:
        MissingError: The file is unreadable or empty, or a record is wrong; the sentence names the line.
    """
    records = read_unique(path, "mentions", MENTION_KEYS, fields, report)
    return in_columns(_mention(record, images, kb, report) for record in records)


def _mention(record: Record, images: Path, kb: KnowledgeBase, report: LoadReport) -> Mention:
    place = f"{record.place} ({record.identifier('id')})"
    gold = record.optional_identifier("gold")
    if gold is None or (gold not in kb and is_nil(gold)):
        gold = None
    elif gold not in kb:
        report.remark("gold_not_in_kb", f"{place}: {gold}")
    surface, text = record.required_text("surface"), record.text("text")
    if not surface.strip():
        report.remark("empty_surfaces", place)
    if not text.strip():
        report.remark("no_text", place)
    mention = Mention(
        id=record.identifier("id"),
        gold=gold,
        surface=surface,
        text=text,
        span=_span(record, surface, text, place, report),
        image=image_path(images, record.text("image"), place, report),
        candidates=_candidates(record, place, kb, report),
        split=split_name(record.text("split")) or None,
        topic=record.text("topic") or None,
        box=record.box("box"),
    )
    remark_gaps(mention, place, report)
    return mention


def _span(record: Record, surface: str, text: str, place: str, report: LoadReport) -> Span | None:
    stated = record.span("span")
    if stated is not None and fits(stated, surface, text):
        return stated
    repaired = None if surface in text else recover(surface, text)
    if stated is not None and (repaired is None or repaired[0] != stated):
        report.remark("span_mismatch", f"{place}: [{stated[0]}, {stated[1]}] is not {surface[:40]!r}")
    if repaired is not None:
        report.remark(f"recovered_{repaired[1]}", f"{place}: {surface[:40]!r} as {text[slice(*repaired[0])][:60]!r}")
        return repaired[0]
    verbatim = locate(surface, text)
    if verbatim is None and text.strip():
        report.remark("without_span", place)
    return verbatim


def remark_gaps(mention: Mention, place: str, report: LoadReport) -> None:
    """Counts what a mention lacks: `nil`, `no_image`, `gold_not_in_candidates`."""
    if mention.gold is None:
        report.remark("nil", place)
    elif mention.candidates is not None and mention.gold not in mention.candidates:
        report.remark("gold_not_in_candidates", f"{place}: {mention.gold}")
    if mention.image is None:
        report.remark("no_image", place)


def candidate_list(listed: Iterable[str | None], place: str, report: LoadReport) -> tuple[str, ...]:
    """The candidates, each once; counts `nil_candidates` (None), `repeated_candidates` and `empty_candidates`."""
    candidates: dict[str, None] = {}
    for candidate in listed:
        if candidate is None:
            report.remark("nil_candidates", place)
        elif candidate in candidates:
            report.remark("repeated_candidates", f"{place}: {candidate}")
        else:
            candidates[candidate] = None
    if not candidates:
        report.remark("empty_candidates", place)
    return tuple(candidates)


def _candidates(record: Record, place: str, kb: KnowledgeBase, report: LoadReport) -> tuple[str, ...] | None:
    listed = record.identifiers("candidates")
    if listed is None:
        return None
    candidates = []
    for candidate in listed:
        if candidate is None or candidate in kb or is_nil(candidate):
            candidates.append(candidate if candidate is not None and candidate in kb else None)
        else:
            report.remark("unknown_candidates", f"{place}: {candidate}")
    return candidate_list(candidates, place, report)

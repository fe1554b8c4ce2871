"""Tables in Markdown (GitHub's pipes)."""

from robustmel.report.sanitise import markdown
from robustmel.report.tables.sheet import Sheet


def render(sheet: Sheet) -> str:
    """A table under its title, its notes below; headings of groups stand before those of their columns."""
    above = [" ".join(dict.fromkeys(names)) for names in zip(*sheet.above, strict=True)]
    figures = [f"{group} {own}".strip() for group, own in zip(above, sheet.headings[sheet.words :], strict=False)]
    headings = [*sheet.headings[: sheet.words], *(figures or sheet.headings[sheet.words :])]
    rule = [":--"] * sheet.words + ["--:"] * (len(headings) - sheet.words)
    rows = [[markdown(cell) for cell in row] for row in (headings, *sheet.lines)]
    pipes = "\n".join("| " + " | ".join(row) + " |" for row in (rows[0], rule, *rows[1:]))
    notes = "\n".join(f"- {markdown(note)}" for note in sheet.notes)
    return "\n\n".join(part for part in (f"### {markdown(sheet.title)}" if sheet.title else "", pipes, notes) if part) + "\n"

"""The notes under a table."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from robustmel.report.results import Run
from robustmel.report.statistics import ALPHA, LEVEL, MARGIN
from robustmel.report.summary import Summary
from robustmel.report.tables.layout import in_table, layout, percent
from robustmel.report.tables.sheet import DAGGER

ROUNDED_AWAY = 0.02
"""From this loss of success by rounding to 8 bits on, a remark is made."""


def leading_notes(summaries: Sequence[Summary]) -> list[str]:
    """What every reader needs: of how many mentions the figures are, and how many got no answer."""
    rows = _plain(summaries)
    return [*_datasets(rows), *_errors(rows)] if rows else ["The grid has no cells."]


def misordered_notes(run: Run) -> list[str]:
    """Linkers whose rankings contradict their scores: distances, most likely."""
    counts: Counter[str] = Counter()
    for victim, key in {(cell.cell.linker, part.answers) for cell in run.cells for part in cell.evaluations}:
        counts[victim] += run.manifest("answers", key).get("misordered", 0)
    return [
        f"{victim}: {count:,} answers rank entities against their scores; the highest score counts as best. If scores are distances, negate them."
        for victim, count in sorted(counts.items())
        if count
    ]


def trained_once(run: Run, summaries: Sequence[Summary]) -> list[str]:
    """Linkers that were trained, and under one seed: intervals and tests are of mentions then, and know nothing of trainings."""
    linkers = dict.fromkeys(row.linker for row in summaries if row.linker in run.trained and len(row.seeds) == 1)
    named = next(iter(linkers), "") if len(linkers) == 1 else f"{len(linkers)} linkers"
    return (
        [
            f"{named}: trained once, so no interval and no mark knows what another training would give; give the grid several"
            " seeds."
        ]
        if linkers
        else []
    )


def further_notes(summaries: Sequence[Summary]) -> list[str]:
    """What is good to know; nothing about what did not occur."""
    rows = _plain(summaries)
    kinds = (_above_clean, _idle, _reduced, _unperturbed, _rounded, _ties, _intervals, _sources)
    notes = [note for kind in kinds for note in kind(rows)]
    raw = any(column.group == "RAW" for column in layout(summaries).columns)
    return [*_legend(rows, raw), *_untouched(summaries), *_reading(rows), *notes]


def _plain(summaries: Sequence[Summary]) -> list[Summary]:
    return [row for row in summaries if not row.untouched and not row.worst_case]


def _legend(rows: Sequence[Summary], raw: bool) -> Iterable[str]:
    if not rows:
        return
    settings = _settings(rows)
    words = [f"N and S are an attack's normal and strong settings ({settings})"] if settings else []
    named = "; ".join([*(["RAW is unperturbed"] if raw else []), *words])
    yield "Accuracy in %: the share of all mentions linked to the right entity." + (f" {named}." if named else "")


def _settings(rows: Sequence[Summary]) -> str:
    """The budgets behind N and S, attacks of the same ones together: "APGD and PGD 8/255 and 0.2; CW c=20 and c=100"."""
    budgets: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        attack, _, strength = row.attack.partition("-")
        if strength in ("normal", "strong"):
            budgets[attack.upper()][strength] = row.budget
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for attack, by_strength in budgets.items():
        alike[" and ".join(by_strength[strength] for strength in ("normal", "strong") if strength in by_strength)].append(
            attack
        )
    return "; ".join(f"{', '.join(attacks)} {budget}" for budget, attacks in alike.items())


def _reading(rows: Sequence[Summary]) -> Iterable[str]:
    if any(len(row.evaluations) > 1 for row in rows):
        single = ", ".join(dict.fromkeys(row.linker for row in rows if row.evaluations == ("fused",)))
        yield (
            "Image+Text-to-Text under attack: a mention counts only if it is right on two sets, one made against the attacked modality"
            " alone, one against the fused score" + (f" ({single}: on the latter alone)." if single else ".")
        )
    tasks = {row.task for row in rows}
    if {"T2T", "IT2T"} <= tasks and all(row.clean for row in rows if row.task == "T2T"):
        yield "T2T reads the text alone: Image+Text-to-Text without its image."


def _untouched(summaries: Sequence[Summary]) -> Iterable[str]:
    bracketed = [row for row in in_table(summaries) if row.untouched]
    for task in dict.fromkeys(row.task for row in bracketed):
        attacks = ", ".join(dict.fromkeys(row.attack for row in bracketed if row.task == task))
        yield f"In brackets: {attacks} cannot change the input of {task}; the figure is the clean one."


def _datasets(rows: Sequence[Summary]) -> Iterable[str]:
    for row in {row.dataset: row for row in rows}.values():
        if row.n == 0:
            yield f"{row.dataset}: no mentions, so every figure is n/a."
            continue
        sentence = f"{row.dataset}: n = {row.n:,} mentions in {row.clusters:,} groups that share an entity or an image"
        sentence += f" (the largest holds {percent(row.largest_cluster)} %)"
        if row.recall is not None:
            sentence += f"; the right entity is among the candidates of {percent(row.recall)} %"
        yield sentence + "."
        if row.ceiling is not None and row.ceiling < 1:
            yield (
                f"{row.dataset}: some mentions share sentence and image but not the entity; a linker that ignores the mention"
                f" cannot exceed {percent(row.ceiling)} %."
            )


def _intervals(rows: Sequence[Summary]) -> Iterable[str]:
    below = max(((row.accuracy or 0.0) - row.ci_low for row in rows if row.ci_low is not None), default=None)
    above = max((row.ci_high - (row.accuracy or 0.0) for row in rows if row.ci_high is not None), default=None)
    if below is not None and above is not None:
        yield (
            f"{100 * LEVEL:.0f} % intervals reach up to {100 * below:.1f} points below and {100 * above:.1f} above a figure (one-sided at"
            " 0 and 100 %); the report page shows each cell's interval."
        )
    seeds = max((row.seeds for row in rows), key=len, default=())
    if len(seeds) > 1:
        yield f"Figures are means over up to {len(seeds)} seeds ({', '.join(map(str, seeds))}); the intervals cover other seeds too."


def _above_clean(rows: Sequence[Summary]) -> Iterable[str]:
    above = [row for row in rows if row.above_clean]
    if above:
        surely = sum("above_clean" in row.flags for row in above)
        beyond = f"in {surely} of these {len(above)} cells by more than chance" if surely else "nowhere by more than chance"
        yield f"{DAGGER} More mentions are linked under this attack than without it, {beyond} (tested over the whole report)."


def _idle(rows: Sequence[Summary]) -> Iterable[str]:
    attacked = [row for row in rows if row.equivalence is not None and not row.control and 2 * row.errors <= row.n]
    idle = [row for row in attacked if (row.equivalence or 0) <= ALPHA]
    if idle:
        first = ", ".join(_cell(row) for row in idle[:4]) + (", ..." if len(idle) > 4 else "")
        yield (
            f"The attack has no effect in {_of(idle, attacked)} attacked cells: accuracy changes by less than"
            f" {100 * MARGIN:.0f} points (two one-sided tests at {100 * ALPHA:.0f} %; {first})."
        )


def _errors(rows: Sequence[Summary]) -> Iterable[str]:
    failing = [row for row in rows if row.errors]
    if not failing:
        yield "Errors: none; every mention got an answer."
        return
    kinds: Counter[str] = Counter()
    for row in failing:
        kinds.update(row.errors_by_kind)
    why = ", ".join(kind for kind, _ in kinds.most_common(4))
    cells = ", ".join(f"{_cell(row)} {row.errors:,}" for row in failing[:4]) + (", ..." if len(failing) > 4 else "")
    yield f"Errors: some mentions got no answer in {_of(failing, rows)} cells ({why}) and count as wrong ({cells})."


def _ties(rows: Sequence[Summary]) -> Iterable[str]:
    tied = [row for row in rows if row.ties]
    if tied:
        most = max(row.ties for row in tied)
        yield (
            f"Ties: the right entity shares the highest score with others in {_of(tied, rows)} cells (up to {most:,} mentions); a tied mention"
            " counts as 1 / the number of tied entities."
        )


def _unperturbed(rows: Sequence[Summary]) -> Iterable[str]:
    reasons: Counter[str] = Counter()
    cells = [row for row in rows if row.not_perturbed]
    for row in cells:
        for why, count in row.not_perturbed.items():
            reasons[why] = max(reasons[why], count)
    if cells:
        why = ", ".join(f"{reason.replace('_', ' ')}: up to {count:,}" for reason, count in sorted(reasons.items()))
        yield f"Some mentions could not be attacked in {_of(cells, rows)} cells; they keep their original input and still count ({why})."


def _reduced(rows: Sequence[Summary]) -> Iterable[str]:
    cells = [row for row in rows if row.reduced and not _at_size(row)]
    if cells:
        titles = ", ".join(dict.fromkeys(row.attack for row in rows if _at_size(row)))
        differences = (
            f"; {titles} shows the clean images at that size, so the attack is not blamed for the reduction" if titles else ""
        )
        most = max(row.reduced for row in cells)
        yield f"Images were scaled down before the attack in {_of(cells, rows)} cells (up to {most:,}){differences}."


def _at_size(row: Summary) -> bool:
    """Whether a run added the row itself: clean images at the size attacked."""
    return row.threat_model == "noise" and row.attack.startswith("clean-")


def _rounded(rows: Sequence[Summary]) -> Iterable[str]:
    lost = [row for row in rows if (row.success_float or 0) - (row.success_u8 or 0) > ROUNDED_AWAY]
    if lost:
        yield f"Attacks lose part of their success in {_of(lost, rows)} cells when their images are rounded to 8 bits."


def _sources(rows: Sequence[Summary]) -> Iterable[str]:
    foreign: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        if row.transferred:
            foreign[row.attack][row.source] = None
    for attack, sources in foreign.items():
        if len(sources) == 1:
            yield f"{attack}: images made on {next(iter(sources))} and shown to the others (transfer)."
        else:
            yield (
                f"{attack}: images were made on {len(sources)} sources (linkers or ensembles). The main table shows each linker's"
                " own images; the transfer matrix shows all."
            )


def _cell(row: Summary) -> str:
    return f"{row.victim} {row.task} {row.attack}"


def _of(some: Sequence[Summary], of: Sequence[Summary]) -> str:
    return f"{len(some)} of {len(of)}"

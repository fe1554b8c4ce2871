"""What a run says of itself below its tables: texts that were cut, answers that came about otherwise, habits of position, errors."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from robustmel.run.plan import Plan
from robustmel.run.refusals import behind
from robustmel.run.sentence_changes import sentence_changes
from robustmel.run.store import Store


def run_notes(plan: Plan, store: Store) -> list[str]:
    """One sentence each, of a run whose artefacts are all there."""
    kinds = (_cut_texts, _statuses, sentence_changes, _places, _noise_beside, _first_errors)
    return [note for notes in kinds for note in notes(plan, store)]


def _first_errors(plan: Plan, store: Store) -> list[str]:
    """Why rows have errors: the first message of every linker and attack."""
    first_errors: dict[str, str] = {}
    for evaluation in plan.evaluations:
        made = {evaluation.answers.victim.title: store.manifest("answers", evaluation.answers.key)}
        if evaluation.variant is not None:
            made[evaluation.variant.attack.title] = store.manifest("variant", evaluation.variant.key)
        for title, manifest in made.items():
            if manifest.get("first_error"):
                first_errors.setdefault(title, f'The first error of {title}: "{manifest["first_error"]}".')
    return list(first_errors.values())


def _cut_texts(plan: Plan, store: Store) -> list[str]:
    cut: dict[str, int] = {}
    for planned in plan.cells:
        for evaluation in planned.evaluations:
            count = store.manifest("answers", evaluation.answers.key)["cut_texts"]
            cut[planned.cell.linker] = max(cut.get(planned.cell.linker, 0), count)
    return [
        f"{linker}: {count} of the texts it reads were shortened to its token limit." for linker, count in cut.items() if count
    ]


def _statuses(plan: Plan, store: Store) -> list[str]:
    """How many answers came about otherwise than they should: fall-backs of a defence, replies that name no candidate."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    asked: Counter[str] = Counter()
    for evaluation in {evaluation.answers.key: evaluation for evaluation in plan.evaluations}.values():
        manifest, who = store.manifest("answers", evaluation.answers.key), behind(evaluation.answers.victim)
        counts[who].update(manifest.get("statuses", {}))
        asked[who] += manifest["mentions"]
    return [
        f"{who}: of {asked[who]} answers, {', '.join(f'{count} were {status}' for status, count in statuses.most_common())}."
        for who, statuses in counts.items()
        if statuses
    ]


def _places(plan: Plan, store: Store) -> list[str]:
    """Position bias: where in their shuffled lists clean answers stood. Attacked ones had the same lists, and are no new evidence."""
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for evaluation in {
        evaluation.answers.key: evaluation for evaluation in plan.evaluations if evaluation.variant is None
    }.values():
        sums[behind(evaluation.answers.victim)].update(store.manifest("answers", evaluation.answers.key).get("places", {}))
    return [_place_note(who, counts) for who, counts in sums.items() if counts["asked"]]


def _place_note(who: str, counts: Mapping[str, float]) -> str:
    from scipy.stats import binomtest

    asked, chance = counts["asked"], counts["chance"] / counts["asked"]
    first, last = (counts[place] / asked for place in ("first", "last"))
    p = min(1.0, 2 * min(binomtest(round(counts[place]), round(asked), chance).pvalue for place in ("first", "last")))
    return (
        f"{who}: of {asked:.0f} clean answers, {first:.0%} stood first in the shuffled list and {last:.0%} last; without a habit of"
        f" position it were {chance:.0%} (p = {p:.2g})."
    )


def _noise_beside(plan: Plan, store: Store) -> list[str]:
    """How often noise fools that is as long as the changes of attacks without a radius, for which a grid has no other control."""
    sets = {evaluation.variant.key: evaluation.variant for evaluation in plan.evaluations if evaluation.variant is not None}
    counts: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for key, variant in sets.items():
        noise = store.manifest("variant", key).get("noise") or {}
        if noise.get("tried"):
            counts[variant.attack.title].append((noise["fooled"], noise["tried"]))
    shares = [
        f"{100 * fooled / tried:.1f} % ({attack})"
        for attack, pairs in counts.items()
        for fooled, tried in [map(sum, zip(*pairs, strict=True))]
    ]
    opening = "Control for attacks without a radius: random noise as large as their change fools"
    return [f"{opening} {', '.join(shares)}."] if shares else []

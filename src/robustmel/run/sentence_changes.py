"""What attacks did to the sentences and descriptors that a defence gave a linker, and how often the defence fell back."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from robustmel.run.plan import Plan, PlannedCell
from robustmel.run.refusals import behind
from robustmel.run.stages.shards import read_table
from robustmel.run.store import Store
from robustmel.types import Cell


@dataclass
class _Changes:
    """Counts over the mentions of a cell, all its seeds and evaluations."""

    mentions: int = 0
    fell_back: int = 0
    sentences: int = 0
    other_sentences: int = 0
    described: int = 0
    otherwise_described: int = 0


def sentence_changes(plan: Plan, store: Store) -> list[str]:
    """One sentence a linker behind a defence that gives sentences or descriptors, and a task: what is changed since the clean input."""
    clean: dict[Cell, PlannedCell] = {}
    for planned in plan.cells:
        if planned.cell.attack == "clean":
            clean[planned.cell] = planned
            clean.setdefault(replace(planned.cell, seed=None), planned)
    found: defaultdict[tuple[str, str, str], dict[str, _Changes]] = defaultdict(lambda: defaultdict(_Changes))
    for planned in plan.cells:
        unattacked, victim = replace(planned.cell, source="none", attack="clean"), planned.evaluations[0].answers.victim
        before = clean.get(unattacked) or clean.get(replace(unattacked, seed=None))
        if before is None:
            continue
        for evaluation in planned.evaluations:
            keys = before.evaluations[0].answers.key, evaluation.answers.key
            if evaluation.name != "untouched" and all(store.manifest("answers", key).get("described") for key in keys):
                attack, source = planned.cell.attack, planned.cell.source
                title = attack if source == "none" or f"linker {source}" == behind(victim) else f"{attack} on {source}"
                _count(found[behind(victim), planned.cell.task, planned.cell.dataset][title], *keys, store)
    return [_sentence(", ".join(who), attacks) for who, attacks in found.items()]


def _count(changes: _Changes, before: str, after: str, store: Store) -> None:
    for old, new in zip(_rows(before, store), _rows(after, store), strict=True):
        changes.mentions += 1
        changes.fell_back += str(new["status"]).startswith("fallback:")
        if old["sentences"] and new["sentences"]:
            changes.sentences += len(new["sentences"])
            changes.other_sentences += sum(one != other for one, other in zip(old["sentences"], new["sentences"], strict=True))
        if old["descriptors"] is not None and new["descriptors"] is not None:
            changes.described += 1
            changes.otherwise_described += old["descriptors"] != new["descriptors"]


def _rows(key: str, store: Store) -> Iterator[dict[str, list[str] | None]]:
    path: Path = store.path("answers", key) / "answers.parquet"
    return read_table(path, ["status", "sentences", "descriptors"])


def _sentence(who: str, attacks: dict[str, _Changes]) -> str:
    fell = ", ".join(f"{attack} {_share(part.fell_back, part.mentions)}" for attack, part in attacks.items())
    parts = [
        f"it fell back for {fell} of the mentions" if any(part.fell_back for part in attacks.values()) else "it never fell back"
    ]
    attacked = {attack: part for attack, part in attacks.items() if attack != "clean"}
    sentences = [
        f"{attack} {_share(part.other_sentences, part.sentences)}" for attack, part in attacked.items() if part.sentences
    ]
    seen = [
        f"{attack} {_share(part.otherwise_described, part.described)}" for attack, part in attacked.items() if part.described
    ]
    if sentences:
        parts.append(f"other sentences stand for candidates than without an attack: {', '.join(sentences)}")
    if seen:
        parts.append(f"images are described otherwise: {', '.join(seen)}")
    return f"{who}: {'; '.join(parts)}."


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
